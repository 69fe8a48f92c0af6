"""The project shown elsewhere: what is planned, and that all that a run needs is there at its end."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.machine import Abilities, Movable, Surroundings
from pytest_envguard.model.plan import Plan, Strength
from tests.unit.surroundings import (
    AS_ROOT,
    ORDINARY,
    PROJECT,
    PYTHON,
    WITH_SUBORDINATE,
    Mounted,
    abilities,
    closed,
    enforced,
    plan,
    script,
    steps,
    surroundings,
    verbs,
)

MACHINES = {"root": AS_ROOT, "subordinate": WITH_SUBORDINATE, "ordinary": ORDINARY}
LAMBDA: dict[str, Any] = {"root": "read-only", "tmp": "private", "uid": 993, "gid": 990, "home": "unset"}


def relocated(made: Plan) -> dict[str, Any]:
    """Return the arguments of the one step that moves the project."""
    ((_, arguments),) = verbs(made, "relocate")
    return arguments


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("target", ["/var/task", "/tmp/app", "/app", "/home/me/elsewhere"])
@pytest.mark.parametrize("project", ["/srv/p", "/tmp/p", "/tmp/me/p", "/home/me/project"])
def test_the_project_is_there_and_nothing_is_at_its_own_place(machine: Abilities, target: str, project: str) -> None:
    """With a private /tmp over either, closed folders on the way, and whoever the user is."""
    here = surroundings({PYTHON: "the interpreter", project: "the project"}, {"/tmp/me": closed(0o700)})
    made = plan(machine, here, cwd=target, **LAMBDA)
    mounted = Mounted(made, here, [PYTHON, project, f"{project}/a.py", "/tmp/me", "/var"])
    assert mounted.mistakes == []
    assert mounted.reachable(f"{target}/a.py")
    assert not mounted.reachable(project)
    assert mounted.reachable(PYTHON)


def test_it_is_moved_before_anything_else_is_mounted() -> None:
    """So that everything else is planned as if it had always lain there."""
    made = plan(cwd="/var/task", **LAMBDA)
    assert [verb for verb, _ in steps(made)][:2] == ["private", "relocate"]
    assert relocated(made) == {"source": PROJECT, "target": "/var/task", "vanishes": True, "kept": [], "files": {}}
    assert made.promises["project"] == {"at": "/var/task", "node": 1, "gone": [PROJECT], "kept": []}
    assert made.promises["readonly"] == ["/", "/var/task"]
    assert script(made, "folder") == "/var/task"
    assert script(made, "moved") == [[PROJECT], "/var/task", []]


def test_the_working_folder_is_the_same_one_of_the_project() -> None:
    """pytest may have been started in a folder of the project; started elsewhere, it works in the project."""
    for folder, inside in ((f"{PROJECT}/tests", "/var/task/tests"), ("/home/me", "/var/task")):
        here = surroundings()._replace(project=folder)
        assert script(plan(ORDINARY, here, cwd="/var/task"), "folder") == inside


def test_a_folder_of_the_profile_is_the_working_folder_all_the_same() -> None:
    """The dimension `folder` says so."""
    assert script(plan(cwd="/var/task", folder="/srv"), "folder") == "/srv"


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("project", ["/srv/p", "/tmp/p"])
def test_a_virtual_environment_in_the_project_keeps_its_place(machine: Abilities, project: str) -> None:
    """Its scripts name it. What else is in the project isn't shown beside it, and the plan says so."""
    venv = f"{project}/.venv"
    site = f"{venv}/lib/site-packages"
    needed = {
        PYTHON: "the interpreter",
        venv: "the interpreter",
        site: "what is imported",
        f"{project}/src": "what is imported",
    }
    here = surroundings({**needed, project: "the project"})
    made = plan(machine, here, cwd="/var/task", **LAMBDA)
    mounted = Mounted(made, here, [*here.needed, f"{project}/a.py", "/var"])
    assert mounted.mistakes == []
    assert mounted.reachable(site) and mounted.reachable("/var/task/src")
    assert not mounted.reachable(f"{project}/a.py") and not mounted.reachable(f"{project}/src")
    assert relocated(made)["kept"] == [venv]
    assert f"the interpreter ({venv}) lies in the project's folder and keeps its place" in made.notes


def test_a_project_that_is_there_already_stays() -> None:
    """There's nothing to be done, and so it can be had on every machine."""
    made = plan(abilities(*facility.NAMES), surroundings(), cwd=PROJECT)
    assert verbs(made, "relocate") == []
    assert enforced(made)["cwd"].strength is Strength.KERNEL
    assert made.promises["project"] == {"at": PROJECT, "node": 1, "gone": [], "kept": []}


def test_a_project_below_the_folder_is_covered_by_itself() -> None:
    """/app/service shown as /app: nothing has to vanish."""
    here = surroundings({PYTHON: "the interpreter", "/app/service": "the project"})
    made = plan(ORDINARY, here, cwd="/app")
    assert relocated(made)["vanishes"] is False
    assert made.promises["project"] == {"at": "/app", "node": 1, "gone": [], "kept": []}


def test_a_project_that_others_may_not_enter_is_put_back_entry_by_entry() -> None:
    """The folder is another one then."""
    here = surroundings(
        {PYTHON: "the interpreter", "/srv/p": "the project"}, {"/srv/p": closed(0o700, entries={"a.py": ""})}
    )
    made = plan(AS_ROOT, here, cwd="/var/task", **LAMBDA)
    mounted = Mounted(made, here, [*here.needed, "/srv/p/a.py", "/var"])
    assert mounted.mistakes == [] and mounted.reachable("/var/task/a.py")
    assert made.promises["project"] == {"at": "/var/task", "node": None, "gone": ["/srv/p"], "kept": []}


def test_files_that_say_where_packages_lie_name_the_new_place() -> None:
    """Those of an editable installation."""
    naming = {"/site/app.pth": f"{PROJECT}/src\n"}
    made = plan(ORDINARY, surroundings()._replace(movable=Movable((PROJECT,), 1, naming=naming)), cwd="/var/task")
    assert relocated(made)["files"] == {"/site/app.pth": "/var/task/src\n"}


@pytest.mark.parametrize(
    ("names", "said"), [(("A",), "the variable A names"), (("A", "B"), "the variables A, B name ")]
)
def test_variables_that_name_the_project_are_told_of(names: tuple[str, ...], said: str) -> None:
    """Their path isn't there, and nothing is done about it: it's what may be hard-coded."""
    made = plan(ORDINARY, surroundings()._replace(movable=Movable((PROJECT,), 1, variables=names)), cwd="/var/task")
    assert any(note.startswith(said) for note in made.notes)


def test_coverage_has_a_place_of_its_own() -> None:
    """It would write names of inside into the project."""
    made = plan(ORDINARY, surroundings()._replace(coverage=True), cwd="/var/task")
    assert script(made, "coverage") == "/dev/envguard"


def test_without_mounts_it_is_refused() -> None:
    """Nothing else shows it elsewhere, and nothing is moved."""
    made = plan(abilities(*facility.NAMES, answers=True), surroundings(), cwd="/var/task")
    assert enforced(made)["cwd"].strength is Strength.NONE
    assert "moved" not in made.script and script(made, "folder") == PROJECT


def beside(number: int) -> Surroundings:
    """Return a machine on which the project lies among many."""
    return surroundings()._replace(movable=Movable((PROJECT,), 1, beside=number))


@pytest.mark.parametrize(
    ("target", "here", "more", "message"),
    [
        (f"{PROJECT}/in", surroundings(), {}, "lies in the project's own folder, /home/me/project"),
        ("/usr", surroundings(), {}, "the interpreter (/usr/lib/python3) lies in it"),
        (PYTHON, surroundings(), {}, "the interpreter (/usr/lib/python3) is that folder"),
        ("/", surroundings(), {}, "the interpreter (/usr/lib/python3) lies in it"),
        ("/dev/shm/app", surroundings(), {}, "no project can lie in /dev"),
        ("/proc", surroundings(), {}, "no project can lie in /proc"),
        ("/tmp", surroundings(), {"tmp": "private"}, "replaces /tmp, where `cwd` is to show the project"),
        ("/srv", surroundings(), {"hidden": ["/srv"]}, "/srv, where `cwd` is to show the project"),
        ("/x", surroundings({PROJECT: "HOME", PYTHON: "the interpreter"}), {}, "HOME is the project's own folder"),
        ("/x", beside(10_001), {}, "beside 10001 other entries"),
    ],
)
def test_folders_that_it_cannot_be(target: str, here: Surroundings, more: dict[str, Any], message: str) -> None:
    """Each is refused with what is in the way."""
    with pytest.raises(EnvguardError) as caught:
        plan(ORDINARY, here, cwd=target, **more)
    assert message in caught.value.message


def test_a_home_that_is_the_project_may_be_if_the_profile_has_another() -> None:
    """Then nothing needs it."""
    here = surroundings({PROJECT: "HOME", PYTHON: "the interpreter"})
    assert relocated(plan(ORDINARY, here, cwd="/x", home="/tmp"))["kept"] == []
