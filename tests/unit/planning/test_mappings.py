"""What is planned for symbolic links, memory and files to execute, and large mappings."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.syscalls import CLONE_NEWNS
from pytest_envguard.model.machine import Abilities, Ability
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.planning.hooked import plan_by_hook
from tests.unit.surroundings import (
    MEND,
    NO_ANSWERS,
    PYTHON,
    abilities,
    plan,
    profile,
    script,
    steps,
    surroundings,
    verbs,
)

KERNEL, EXACT, APPROXIMATE, NONE = Strength.KERNEL, Strength.EXACT, Strength.APPROXIMATE, Strength.NONE


def machine(*further: str, broken: tuple[str, ...] = (), answers: bool = False) -> Abilities:
    """Return one that can do what few environments ask for, as far as it's named."""
    found = abilities(*broken, answers=answers)
    return found._replace(facilities={**found.facilities, **{name: Ability(name) for name in further}})


ALL = machine(*facility.FURTHER)
OLD = machine(facility.FILTER, facility.LISTENER)
BARE = machine()
FORBIDDEN = machine(*facility.FURTHER, broken=facility.NAMES, answers=True)


def said(made: Plan, dimension: str) -> list[Enforcement]:
    """Return all that a plan says of a dimension."""
    return [item for item in made.enforcements if item.dimension == dimension]


@pytest.mark.parametrize("where", [ALL, OLD, FORBIDDEN], ids=["all", "old", "forbidden"])
def test_links_are_answered(where: Abilities) -> None:
    """With namespaces and without: nothing else of the environment is answered for their sake."""
    made = plan(where, symlinks=False)
    (item,) = said(made, "symlinks")
    assert (item.strength, item.mechanism) == (EXACT, "seccomp")
    assert item.reason == "no file system without them can be mounted, so that symlink(2) is answered"
    assert script(made, "rules")["symlinks"] is False
    assert (script(made, "trapped"), script(made, "namespaces")) == (False, 0)
    assert made.promises["symlinks"] is False


def test_links_that_can_be_made_are_no_restriction() -> None:
    """A profile that says so changes nothing."""
    made = plan(ALL, symlinks=True)
    assert (said(made, "symlinks"), script(made, "rules")["symlinks"], "symlinks" in made.promises) == ([], True, False)


def test_where_no_call_can_be_answered_it_is_said() -> None:
    """Nothing weaker takes the place of a filter, and nobody is asked to enforce what isn't promised."""
    made = plan(BARE, symlinks=False, mmap_limit="1M", executable_mappings=["mdwe", "mdwe-filter", "no-execmem"])
    assert {(item.strength, item.reason) for item in made.enforcements} == {(NONE, NO_ANSWERS)}
    assert len(made.enforcements) == 5
    assert script(made, "rules")["symlinks"] is True
    assert script(made, "mappings") is None
    assert not {"symlinks", "mmap_limit"} & made.promises.keys()


WRITTEN = {"writable": "EACCES", "gained": "EACCES", "anonymous": "", "files": False}
FILTERED = {**WRITTEN, "writable": "EPERM", "gained": "EPERM"}
UNNAMED = {**WRITTEN, "anonymous": "EACCES"}


@pytest.mark.parametrize(
    ("where", "kinds", "strengths", "forbidden", "promised"),
    [
        (ALL, "mdwe", [KERNEL], (True, []), WRITTEN),
        (OLD, "mdwe", [APPROXIMATE], (False, ["write", "gain"]), WRITTEN),
        (ALL, "mdwe-filter", [KERNEL], (False, ["mdwe-filter"]), FILTERED),
        (ALL, "no-execmem", [APPROXIMATE], (True, ["no-execmem"]), UNNAMED),
        (OLD, "no-execmem", [APPROXIMATE], (False, ["no-execmem", "gain"]), UNNAMED),
        (ALL, "mdwe;mdwe-filter", [KERNEL, KERNEL], (True, ["mdwe-filter"]), FILTERED),
        (FORBIDDEN, "mdwe", [KERNEL], (True, []), WRITTEN),
        (machine(facility.MDWE), "mdwe", [KERNEL], (True, []), WRITTEN),
    ],
)
def test_memory_is_refused_by_what_refuses_it_there(
    where: Abilities, kinds: str, strengths: list[Strength], forbidden: tuple[bool, list[str]], promised: dict[str, Any]
) -> None:
    """A kernel that has the call does it, otherwise a filter as far as it can; each errno is the real mechanism's."""
    made = plan(where, executable_mappings=kinds)
    assert [item.strength for item in said(made, "executable_mappings")] == strengths
    deny, ways = forbidden
    assert script(made, "mappings") == {"deny": deny, "ways": ways, "limit": None}
    assert made.promises["executable_mappings"] == promised
    assert made.weaker_than(EXACT) == []


def test_what_is_approximated_says_why() -> None:
    """Somebody who relies on SELinux's own decision, or on an older kernel, reads what differs."""
    (labels,), (old,) = (
        said(plan(where, executable_mappings=[kind]), "executable_mappings")
        for where, kind in ((ALL, "no-execmem"), (OLD, "mdwe"))
    )
    assert "SELinux looks at their labels" in labels.reason
    assert "Linux before 6.3" in old.reason


def test_files_are_refused_by_their_mounts() -> None:
    """All mounts are noexec in the end but what the interpreter and the system have; what is in them is put back."""
    made = plan(ALL, executable_mappings=["exec-paths"])
    (item,) = said(made, "executable_mappings")
    assert (item.strength, item.mechanism) == (KERNEL, "namespaces")
    first, last = steps(made)[0], steps(made)[-1]
    assert (first[0], last[0]) == ("private", "exec_paths")
    paths = last[1]["paths"]
    assert {"/usr", "/lib"} <= set(paths)
    assert PYTHON not in paths  # lies in /usr
    assert script(made, "namespaces") & CLONE_NEWNS
    assert made.promises["executable_mappings"] == {"writable": "", "gained": "", "anonymous": "", "files": True}
    assert script(made, "mappings") is None


def test_the_interpreter_s_own_folders_stay_executable() -> None:
    """A virtual environment in the project does, the project doesn't."""
    here = surroundings({"/srv/app": "the project", "/srv/app/.venv": "the interpreter", "/opt/x": "what is imported"})
    made = plan(ALL, here, executable_mappings=["exec-paths"])
    paths = steps(made)[-1][1]["paths"]
    assert {"/srv/app/.venv", "/opt/x"} <= set(paths)
    assert "/srv/app" not in paths


def test_files_are_refused_last() -> None:
    """After all other mounts, with one step that cuts propagation off; what these promise of execution is no more."""
    made = plan(ALL, executable_mappings=["exec-paths"], root="read-only", tmp="private", tmp_exec=True, shm="private")
    assert [verb for verb, _ in verbs(made, "private", "readonly", "tmpfs", "exec_paths")] == [
        "private",
        "readonly",
        "tmpfs",
        "exec_paths",
    ]
    promises: Any = made.promises
    assert (promises["tmp"]["exec"], promises["shm"]["exec"]) == (False, False)


def test_files_are_refused_by_rules_where_nothing_can_be_mounted() -> None:
    """Every mount of the environment is noexec; what may be executed is as read-only as what it lies in."""
    made = plan(FORBIDDEN, executable_mappings=["exec-paths"], root="read-only", tmp="private", tmp_size="1M")
    (item,) = said(made, "executable_mappings")
    assert (item.strength, item.mechanism, item.mend) == (EXACT, "seccomp", MEND)
    rows = {path: rest for path, *rest in script(made, "rules")["mounts"]}
    assert rows["/"] == [True, True, None]
    assert rows["/tmp"] == [False, True, 1 << 20]
    assert rows["/usr"] == [True, False, None]
    assert {path for path, (_, noexec, _) in rows.items() if not noexec} == {
        "/bin",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/nix/store",
        "/sbin",
        "/usr",
    }


def test_an_environment_of_nothing_else_has_a_root_with_rules() -> None:
    """Without a read-only root there is no other row for it."""
    made = plan(FORBIDDEN, executable_mappings=["exec-paths"])
    assert ["/", False, True, None] in script(made, "rules")["mounts"]


@pytest.mark.parametrize("where", [ALL, OLD, FORBIDDEN], ids=["all", "old", "forbidden"])
def test_large_mappings_are_refused_by_a_filter(where: Abilities) -> None:
    """With namespaces and without; the kernel has no such limit of its own."""
    made = plan(where, mmap_limit="64M")
    (item,) = said(made, "mmap_limit")
    assert (item.strength, item.mechanism, item.shown) == (EXACT, "seccomp", "no mapping above 64 MiB (ENOMEM)")
    assert script(made, "mappings") == {"deny": False, "ways": [], "limit": 64 << 20}
    assert made.promises["mmap_limit"] == 64 << 20


def test_nothing_is_forbidden_that_nobody_asks_for() -> None:
    """The empty list is the host's."""
    made = plan(ALL, executable_mappings="host", root="read-only")
    assert script(made, "mappings") is None
    assert "executable_mappings" not in {*made.promises, *(item.dimension for item in made.enforcements)}


def test_an_audit_hook_refuses_what_python_announces() -> None:
    """Links and `mmap.mmap`'s length; how memory may be used isn't announced, and said not to be enforced."""
    asked = profile(symlinks=False, mmap_limit="1M", executable_mappings=["mdwe", "exec-paths"])
    made = plan_by_hook(asked, "/srv/app", "/tmp", (3, 12), "it was asked for")
    hook: Any = made.script["hook"]
    assert (hook["rules"]["symlinks"], hook["rules"]["mmap_limit"]) == (False, 1 << 20)
    assert [(item.dimension, item.strength) for item in made.enforcements] == [
        ("symlinks", Strength.PYTHON),
        ("executable_mappings", NONE),
        ("executable_mappings", NONE),
        ("mmap_limit", Strength.PYTHON),
    ]
    assert made.promises.keys() >= {"symlinks", "mmap_limit"}
    assert "executable_mappings" not in made.promises


def test_an_audit_hook_without_any_of_them_has_rules_without_them() -> None:
    """The rules say so explicitly."""
    made = plan_by_hook(profile(root="read-only"), "/srv/app", "/tmp", (3, 12), "it was asked for")
    hook: Any = made.script["hook"]
    assert (hook["rules"]["symlinks"], hook["rules"]["mmap_limit"]) == (True, None)
