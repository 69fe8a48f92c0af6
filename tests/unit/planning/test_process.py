"""What the process is given: limits, processors, memory, environment variables; and that promises match the script."""

from __future__ import annotations

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.syscalls import CLONE_NEWNS
from pytest_envguard.model.machine import Abilities
from pytest_envguard.model.plan import Strength
from pytest_envguard.planning import make_plan
from pytest_envguard.profiles import load_catalogue
from tests.unit.surroundings import (
    AS_ROOT,
    ME,
    MEND,
    ORDINARY,
    PROJECT,
    REFUSED,
    ROOT,
    WITH_SUBORDINATE,
    abilities,
    enforced,
    plan,
    script,
    surroundings,
    verbs,
)

KERNEL, APPROXIMATE, NONE = Strength.KERNEL, Strength.APPROXIMATE, Strength.NONE
NAMES = load_catalogue(None, (3, 11)).names()


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ({}, {}),
        ({"open_files": 1024}, {"NOFILE": [1024, 1024]}),
        ({"open_files": 1024, "open_files_hard": 4096}, {"NOFILE": [1024, 4096]}),
        ({"open_files_hard": 4096}, {"NOFILE": [4096, 4096]}),
        ({"open_files": 1024, "open_files_hard": 512}, {"NOFILE": [512, 512]}),
        ({"open_files": 1024, "open_files_hard": "unlimited"}, {"NOFILE": [1024, -1]}),
        ({"processes": 742}, {"NPROC": [742, 742]}),
        ({"stack": "8M"}, {"STACK": [8 << 20, -1]}),
    ],
)
def test_limits(values: dict[str, object], limits: dict[str, list[int]]) -> None:
    """Limits are set as [soft, hard], a soft one never above its hard one, and the soft ones are promised."""
    made = plan(**values)
    assert script(made, "limits") == limits
    assert made.promises["limits"] == {name: soft for name, (soft, _) in limits.items()}


@pytest.mark.parametrize("name", ["open_files", "processes"])
def test_no_limit_is_not_shown_as_a_number(name: str) -> None:
    """A limit that is lifted reads as such, not as -1."""
    assert "-1" not in enforced(plan(**{name: "unlimited"}))[name].shown


@pytest.mark.parametrize(
    ("machine", "caller", "values", "strength"),
    [
        pytest.param(ORDINARY, ME, {}, KERNEL, id="ordinary"),
        pytest.param(ORDINARY, ME, {"uid": 993}, KERNEL, id="ordinary-mapped"),
        pytest.param(AS_ROOT, ROOT, {"uid": 993}, KERNEL, id="root-becomes-another"),
        pytest.param(AS_ROOT, ROOT, {}, APPROXIMATE, id="root-stays-root"),
        pytest.param(AS_ROOT, ROOT, {"uid": 0, "gid": 0}, APPROXIMATE, id="root-becomes-root"),
        pytest.param(abilities(), ROOT, {"uid": 993}, APPROXIMATE, id="root-of-the-machine-mapped"),
    ],
)
def test_root_is_not_limited_in_processes(
    machine: Abilities, caller: int, values: dict[str, object], strength: Strength
) -> None:
    """The kernel limits no processes of the machine's root, whatever it is shown as: then the plan says so."""
    made = plan(machine, surroundings(uid=caller), processes=742, **values)
    assert enforced(made)["processes"].strength is strength


@pytest.mark.parametrize(
    ("count", "shown", "strength", "promised", "online"),
    [
        (1, "1 processor", KERNEL, 1, "0\n"),
        (2, "2 processors", KERNEL, 2, "0-1\n"),
        (8, "8 processors", KERNEL, 8, "0-7\n"),
        (9, "9 processors", APPROXIMATE, None, None),
    ],
)
def test_processors(count: int, shown: str, strength: Strength, promised: int | None, online: str | None) -> None:
    """Processors are given up by affinity and in the file that counts them, but never invented."""
    made = plan(ORDINARY, surroundings(processors=8), cpus=count)
    item = enforced(made)["cpus"]
    files = [arguments["contents"] for _, arguments in verbs(made, "files")]
    assert (item.shown, item.strength, made.promises.get("cpus")) == (shown, strength, promised)
    assert files == ([{"/sys/devices/system/cpu/online": online}] if online else [])


def test_processors_need_no_namespace() -> None:
    """Where mounts are refused, affinity alone still holds, and nothing is entered that the kernel would refuse."""
    made = plan(abilities(facility.USER, facility.MOUNT, facility.TMPFS, facility.PROCESS), cpus=1)
    assert enforced(made)["cpus"].strength is not NONE
    assert script(made, "namespaces") & CLONE_NEWNS == 0


@pytest.mark.parametrize(
    ("values", "folders"),
    [
        ({}, []),
        ({"tmp": "private", "shm": "private"}, []),
        ({"tmp_in_memory": True}, []),
        ({"tmp_in_memory": True, "tmp": "private"}, ["/tmp"]),
        ({"tmp_in_memory": True, "tmp": "private", "shm": "private"}, ["/tmp", "/dev/shm"]),
        ({"tmp_in_memory": True, "tmp": "private", "shm": "absent"}, ["/tmp"]),
        ({"tmp_in_memory": True, "shm": "private"}, ["/dev/shm"]),
    ],
)
def test_memory_by_the_watchdog(values: dict[str, object], folders: list[str]) -> None:
    """The watchdog counts what lies in the environment's own tmpfs only if the profile says so, and is approximate."""
    made = plan(abilities(facility.CGROUP), memory="128M", **values)
    assert script(made, "memory") == {"by": "watchdog", "limit": 128 << 20, "folders": folders}
    (item,) = (item for item in made.enforcements if item.dimension == "memory")
    assert (item.shown, item.strength) == ("128 MiB of memory (SIGKILL beyond)", APPROXIMATE)


@pytest.mark.parametrize(
    ("values", "by"),
    [
        ({}, "cgroup"),
        ({"tmp_in_memory": True, "tmp": "private", "shm": "private"}, "cgroup"),
        ({"tmp_in_memory": False, "shm": "absent"}, "cgroup"),
        ({"tmp": "private"}, "watchdog"),
        ({"tmp_in_memory": False, "shm": "private"}, "watchdog"),
    ],
)
def test_memory_by_a_cgroup(values: dict[str, object], by: str) -> None:
    """A cgroup counts every tmpfs: it's the kernel's own limit, taken wherever that is what the profile says."""
    made = plan(memory="128M", **values)
    (item,) = (item for item in made.enforcements if item.dimension == "memory")
    assert (script(made, "memory")["by"], item.strength is KERNEL) == (by, by == "cgroup")


def test_memory_without_a_process_namespace() -> None:
    """A watchdog that can't reach all processes is none."""
    made = plan(abilities(facility.PROCESS), memory="128M")
    item = enforced(made)["memory"]
    assert (item.strength, item.reason, item.mend) == (NONE, f"{facility.PROCESS}: {REFUSED}", MEND)
    assert script(made, "memory") is None


# -- environment variables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("plain $LATEST", {}, "plain $LATEST"),
        ("Lambda_python{runtime}", {}, "Lambda_python3.11"),
        ("Lambda_python{runtime}", {"runtime": "3.13"}, "Lambda_python3.13"),
        ("{project}/data", {}, f"{PROJECT}/data"),
        ("{memory_mb}", {"memory": "1G"}, "1024"),
        ("{memory_mb}", {}, None),
        ("{runtime}-{memory_mb}-{runtime}", {"memory": "128M"}, "3.11-128-3.11"),
    ],
)
def test_placeholders(text: str, values: dict[str, object], filled: str | None) -> None:
    """Placeholders are filled; a variable whose placeholder has no value is left out and not promised."""
    made = plan(env={"V": text}, **values)
    assert script(made, "environ")["set"].get("V") == filled
    assert made.promises["environ"]["set"].get("V") == filled  # type: ignore[index]  # it's data


def test_an_unknown_placeholder() -> None:
    """A misspelt placeholder is refused with the known ones."""
    with pytest.raises(EnvguardError) as caught:
        plan(env={"V": "{projekt}"})
    assert str(caught.value) == (
        "profile `mine`: `env.V`: no placeholder is named `{projekt}`\nhint: known: runtime, project, memory_mb"
    )


def test_what_is_said_of_variables_is_what_is_done() -> None:
    """A variable that is left out because its placeholder has no value isn't counted as set."""
    made = plan(env={"A": "1", "B": "{memory_mb}"}, env_unset=["USER", "XDG_*"])
    assert enforced(made)["env"].shown == "1 variables set, 2 removed"


@pytest.mark.parametrize(
    ("home", "variable", "unset", "shown"),
    [
        ("unset", None, ["HOME"], "HOME unset"),
        ("/var/empty", "/var/empty", [], "HOME=/var/empty"),
        ("host", None, [], None),
    ],
)
def test_home(home: str, variable: str | None, unset: list[str], shown: str | None) -> None:
    """HOME is removed, set or left as it is."""
    made = plan(home=home)
    environ = script(made, "environ")
    assert (environ["set"].get("HOME"), environ["unset"]) == (variable, unset)
    assert (enforced(made)["home"].shown if "home" in enforced(made) else None) == shown


LOCALE = "en_US.UTF-8"
SAYS_UNKNOWN = {"env": {"LC_CTYPE": "C.UTF-8"}}


@pytest.mark.parametrize(
    ("known_here", "values", "lang", "strength"),
    [
        pytest.param([LOCALE], {}, LOCALE, KERNEL, id="known-here-and-there"),
        pytest.param([], {}, "C.UTF-8", APPROXIMATE, id="known-only-there"),
        pytest.param([], SAYS_UNKNOWN, LOCALE, KERNEL, id="known-nowhere"),
        pytest.param([LOCALE], SAYS_UNKNOWN, LOCALE, APPROXIMATE, id="known-only-here"),
    ],
)
def test_locale(known_here: list[str], values: dict[str, object], lang: str, strength: Strength) -> None:
    """LANG is the profile's, or a stand-in where this machine lacks a locale that the deployment knows."""
    made = plan(ORDINARY, surroundings(locales=known_here), locale=LOCALE, **values)
    environ = script(made, "environ")
    item = enforced(made)["locale"]
    assert (environ["set"]["LANG"], item.shown, item.strength) == (lang, f"LANG={lang}", strength)
    assert environ["unset"] == ["LANGUAGE", "LC_*"]
    assert environ["set"].get("LC_CTYPE") == ("C.UTF-8" if values else None)


def test_a_missing_locale_has_a_mend() -> None:
    """The plan says how to get a locale that is missing here."""
    item = enforced(plan(locale=LOCALE))["locale"]
    assert LOCALE in item.reason and f"locale-gen {LOCALE}" in item.mend


def test_the_environment_names_itself() -> None:
    """What runs inside can see where it is; the host changes nothing and says nothing."""
    assert script(plan(timezone=":UTC"), "environ") == {"set": {"TZ": ":UTC", "PYTEST_ENVGUARD": "mine"}, "unset": []}
    assert script(plan(), "environ") == {"set": {}, "unset": []}


def test_what_is_set_again_is_not_promised_absent() -> None:
    """A variable that is removed and set again counts as set."""
    promised = plan(env_unset=["USER", "TERM"], env={"USER": "me"}).promises["environ"]
    assert promised == {"set": {"USER": "me"}, "unset": ["TERM"]}


@pytest.mark.parametrize(("folder", "where"), [("project", PROJECT), ("/srv", "/srv")])
def test_the_working_folder(folder: str, where: str) -> None:
    """The tests run in the project, or where the profile says."""
    assert script(plan(folder=folder), "folder") == where


# -- all of it together --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", [AS_ROOT, WITH_SUBORDINATE, ORDINARY], ids=["root", "subordinate", "ordinary"])
@pytest.mark.parametrize("name", NAMES)
def test_promises_match_the_script(name: str, machine: Abilities) -> None:
    """For every shipped profile what a probe will look for is what the script does."""
    chosen = load_catalogue(None, (3, 11)).one(name)
    made = make_plan(chosen, machine, surroundings(uid=ROOT if machine.privileged else ME))
    promises, said = made.promises, enforced(made)
    assert made.weaker_than(KERNEL) == []
    assert set(promises.get("limits", {})) == set(script(made, "limits"))  # type: ignore[call-overload]  # it's data
    assert ("readonly" in promises) == bool(verbs(made, "readonly")) == ("root" in said)
    assert ("network" in promises) == bool(verbs(made, "network")) == ("network" in said)
    assert ("tmp" in promises) == ("tmp" in said)
    assert ("shm" in promises) == bool(verbs(made, "dev")) == ("shm" in said)
    assert ("capabilities" in promises) == (script(made, "capabilities") == 0) or "capabilities" not in said
    assert promises.get("ids", [script(made, "identity")[key] for key in ("uid", "gid")]) == [
        script(made, "identity")["uid"],
        script(made, "identity")["gid"],
    ]
    for _, arguments in verbs(made, "tmpfs"):
        if arguments["path"] == "/tmp":
            assert promises["tmp"] == {
                "size": arguments["size"],
                "mode": arguments["mode"],
                "exec": arguments["executable"],
            }
    for _, arguments in verbs(made, "dev"):
        assert promises["shm"] == {
            "state": arguments["shm"],
            "size": arguments["shm_size"],
            "exec": arguments["shm_exec"],
        }


# What a dimension is called in a plan, where it isn't its own name; None: it only refines another one.
SAID_AS = {
    "tmp_size": None,
    "tmp_mode": None,
    "tmp_exec": None,
    "tmp_in_memory": None,
    "shm_size": None,
    "shm_exec": None,
    "gid": "uid",
    "user": None,
    "user_home": None,
    "env_unset": "env",
    "open_files_hard": "open_files",
    "folder": None,
    "runtime": None,
}
RESTRICTS = {
    "root": "read-only",
    "proc": "read-only",
    "devices": "container",
    "tmp": "private",
    "writable": ["/var/tmp"],
    "hidden": ["/srv"],
    "shm": "absent",
    "uid": 993,
    "gid": 990,
    "symlinks": False,
    "executable_mappings": ["mdwe", "exec-paths"],
    "mmap_limit": "64M",
    "capabilities": "none",
    "home": "unset",
    "env": {"A": "1"},
    "env_unset": ["USER"],
    "network": "none",
    "origins": {"example.org": "/srv"},
    "open_files": 64,
    "open_files_hard": 64,
    "processes": 64,
    "stack": "8M",
    "memory": "128M",
    "cpus": 1,
    "locale": "C",
    "timezone": ":UTC",
    "hostname": "box",
    "cwd": "/var/task",
}


def test_every_dimension_is_said_by_a_test() -> None:
    """The tables above leave out no dimension."""
    from pytest_envguard.model.dimensions import DIMENSIONS

    assert {*RESTRICTS, *(name for name, said in SAID_AS.items() if said is None)} == set(DIMENSIONS)


@pytest.mark.parametrize("machine", [ORDINARY, abilities(*facility.NAMES)], ids=["all-works", "nothing-works"])
@pytest.mark.parametrize("name", RESTRICTS)
def test_no_dimension_is_forgotten(name: str, machine: Abilities) -> None:
    """A profile of any single dimension has an enforcement that says how true it is: never a silent weaker run."""
    said = enforced(plan(machine, **{name: RESTRICTS[name]}))
    assert (SAID_AS.get(name) or name) in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("root", "host"), ("proc", "host"), ("devices", "host"), ("tmp", "host"), ("shm", "host"), ("network", "open")],
)
def test_what_stays_the_host_s_is_not_said_to_be_restricted(name: str, value: str) -> None:
    """A dimension that is left as the host has it needs no facility and is no restriction."""
    assert name not in enforced(plan(tmp_size="1M", hidden=["/srv"], **{name: value}))


@pytest.mark.parametrize(
    ("wanted", "weaker"),
    [(Strength.KERNEL, ["tmp"]), (Strength.EXACT, ["tmp"]), (Strength.PYTHON, ["tmp"]), (Strength.NONE, [])],
)
def test_weaker_than(wanted: Strength, weaker: list[str]) -> None:
    """What isn't enforced is refused at any fidelity that means something; what is approximated never."""
    made = plan(abilities(facility.TMPFS), tmp="private", cpus=4096, stack="8M")
    assert enforced(made)["cpus"].strength is APPROXIMATE
    assert [item.dimension for item in made.weaker_than(wanted)] == weaker


def test_a_working_folder_alone_is_an_environment() -> None:
    """A profile that changes nothing but the working folder must be entered for it."""
    made = plan(folder="/var/tmp")
    assert not made.is_host
    assert script(made, "folder") == "/var/tmp"
