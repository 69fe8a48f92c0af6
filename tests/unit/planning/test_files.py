"""What the tests see of the file system; the order of mounts is checked by following them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.machine import Abilities, Folder, Surroundings
from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.planning import make_plan
from pytest_envguard.profiles import load_catalogue
from tests.unit.surroundings import (
    AS_ROOT,
    ME,
    MEND,
    NO_ANSWERS,
    NSSWITCH,
    ORDINARY,
    PASSWD,
    PRESENT,
    PYTHON,
    REFUSED,
    ROOT,
    WITH_SUBORDINATE,
    Mounted,
    abilities,
    closed,
    enforced,
    plan,
    profile,
    script,
    steps,
    surroundings,
    verbs,
)

MACHINES = {"root": AS_ROOT, "subordinate": WITH_SUBORDINATE, "ordinary": ORDINARY}
INTERPRETER = {PYTHON: "the interpreter"}
CATALOGUE = load_catalogue(None, (3, 11))
SHIPPED = [CATALOGUE.one(name) for name in CATALOGUE.names()]


@dataclass(frozen=True)
class Layout:
    """Where things lie on a machine.

    Attributes:
        needed: Path to what it is.
        closed: Folders of mode 0700, with what is in them where they are needed themselves.
        others: What else exists.
    """

    needed: dict[str, str]
    closed: dict[str, dict[str, str]] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    def here(self, uid: int) -> Surroundings:
        """Return the surroundings of a caller with this uid, who owns the closed folders."""
        folders = {path: closed(0o700, uid, entries) for path, entries in self.closed.items()}
        return surroundings({**INTERPRETER, **self.needed}, folders, uid=uid)

    def existing(self) -> list[str]:
        """Return everything that exists."""
        entries = [f"{folder}/{name}" for folder, names in self.closed.items() for name in names]
        return [*INTERPRETER, *self.needed, *self.closed, *entries, *self.others]

    def inside(self, path: str) -> list[str]:
        """Return everything at and below ``path`` that exists."""
        return [path, *(found for found in self.existing() if found.startswith(path + "/"))]


LAYOUTS = {
    "elsewhere": Layout({"/srv/p": "the project"}, others=("/srv/p/a.py",)),
    "project-in-tmp": Layout({"/tmp/p": "the project"}, others=("/tmp/p/a.py", "/tmp/other")),
    "project-in-closed-folder-in-tmp": Layout({"/tmp/me/p": "the project"}, {"/tmp/me": {}}, ("/tmp/me/p/a.py",)),
    "closed-project-in-tmp": Layout({"/tmp/p": "the project"}, {"/tmp/p": {"a.py": "", "now": "a.py", "tests": ""}}),
    "closed-project-in-closed-folder-in-tmp": Layout(
        {"/tmp/me/p": "the project"}, {"/tmp/me": {}, "/tmp/me/p": {"a.py": "", "tests": ""}}
    ),
    "closed-project": Layout({"/srv/p": "the project"}, {"/srv/p": {"a.py": "", "now": "a.py"}}),
    "project-below-root": Layout({"/root/w/p": "the project"}, {"/root": {}}, ("/root/w/p/a.py", "/root/secret")),
    "closed-project-below-root": Layout({"/root/p": "the project"}, {"/root": {}, "/root/p": {"a.py": ""}}),
    "project-below-two-closed-folders": Layout({"/root/w/p": "the project"}, {"/root": {}, "/root/w": {}}),
    "interpreter-below-root": Layout(
        {"/root/py": "the interpreter", "/root/w/p": "the project", "/root/w/p/venv": "the interpreter"}, {"/root": {}}
    ),
    "project-in-closed-home": Layout(
        {"/root": "HOME", "/root/p": "the project"}, {"/root": {"p": "", "notes": "", "now": "p"}}, ("/root/p/a.py",)
    ),
    "closed-project-in-closed-home": Layout(
        {"/root": "HOME", "/root/p": "the project"}, {"/root": {"p": ""}, "/root/p": {"a.py": "", "now": "a.py"}}
    ),
    "deep-closed-project-in-closed-home": Layout(
        {"/root": "HOME", "/root/w/p": "the project"}, {"/root": {"w": ""}, "/root/w/p": {"a.py": ""}}
    ),
    "project-in-closed-folder-in-closed-home": Layout(
        {"/root": "HOME", "/root/w/p": "the project"}, {"/root": {"w": ""}, "/root/w": {}}, ("/root/w/p/a.py",)
    ),
    "closed-folder-in-open-home": Layout(
        {"/home/me": "HOME", "/home/me/w/p": "the project"}, {"/home/me/w": {}}, ("/home/me/w/p/a.py",)
    ),
    "home-in-tmp": Layout({"/tmp/h": "HOME", "/tmp/h/p": "the project"}, others=("/tmp/h/p/a.py", "/tmp/h/notes")),
    "closed-home-in-tmp": Layout(
        {"/tmp/h": "HOME", "/tmp/h/p": "the project"}, {"/tmp/h": {"p": "", "notes": ""}}, ("/tmp/h/p/a.py",)
    ),
    "closed-folder-in-home-in-tmp": Layout(
        {"/tmp/h": "HOME", "/tmp/h/w/p": "the project"}, {"/tmp/h/w": {}}, ("/tmp/h/w/p/a.py",)
    ),
    "closed-all-the-way-in-tmp": Layout(
        {"/tmp/h": "HOME", "/tmp/h/p": "the project", "/tmp/h/p/venv": "the interpreter"},
        {"/tmp/h": {"p": ""}, "/tmp/h/p": {"venv": "", "a.py": ""}, "/tmp/h/p/venv": {"bin": ""}},
    ),
    "venv-in-tmp-project-below-root": Layout(
        {"/tmp/venv": "the interpreter", "/root/p": "the project"}, {"/tmp/venv": {"bin": ""}, "/root": {}}
    ),
    "imported-from-many-places": Layout(
        {
            "/tmp/a": "what is imported",
            "/tmp/a/b": "what is imported",
            "/tmp/ab": "what is imported",
            "/var/tmp/c": "what is imported",
            "/tmp/p": "the project",
        },
        {"/tmp/a/b": {"m.py": ""}},
    ),
    "single-file-in-tmp": Layout(
        {"/tmp/lib.zip": "what is imported", "/srv/p": "the project"},
    ),
    "in-shared-memory": Layout({"/dev/shm/p": "the project"}, others=("/dev/shm/p/a.py",)),
}
PROFILES: dict[str, dict[str, object]] = {
    "tmp": {"tmp": "private"},
    "uid": {"uid": 993, "gid": 990},
    "uid-tmp": {"uid": 993, "gid": 990, "tmp": "private"},
    "everything": {
        "root": "read-only",
        "proc": "read-only",
        "devices": "read-only",
        "tmp": "private",
        "shm": "absent",
        "uid": 993,
        "gid": 990,
        "home": "unset",
        "writable": ["/var/tmp"],
        "hidden": ["/opt"],
    },
    "everything-but-home": {"root": "read-only", "tmp": "private", "uid": 993, "gid": 990, "writable": ["/var/tmp"]},
    "writable": {"writable": ["/var/tmp"], "root": "read-only"},
    "hidden": {"hidden": ["/srv", "/root", "/home"], "tmp": "private"},
    "shm": {"shm": "private", "root": "read-only"},
}


def problems(layout: Layout, machine: Abilities, profile: Profile) -> list[str]:
    """Return every step without its place, and everything needed that can't be reached in the end."""
    here = layout.here(ROOT if machine.privileged else ME)
    try:
        made = make_plan(profile, machine, here)
    except EnvguardError as refusal:
        honest = any(
            f"{what} is {path} itself" in refusal.message or f"{what} ({path}) lies in it" in refusal.message
            for path, what in here.needed.items()
        )
        return [] if honest else [refusal.message]
    after = Mounted(made, here, [*layout.existing(), "/var/tmp", "/opt", "/srv", "/root", "/home"])
    home_stays = profile.values.get("home", "host") == "host"
    hidden = profile.values.get("hidden", ())
    assert isinstance(hidden, tuple)
    # A HOME that the profile hides as a whole is what somebody asked for.
    wanted = [path for path, what in here.needed.items() if what != "HOME" or (home_stays and path not in hidden)]
    lost = {inner for path in wanted for inner in layout.inside(path) if not after.reachable(inner)}
    return [f"{profile.name}: {problem}" for problem in (*after.mistakes, *sorted(lost))]


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_mount_has_its_place_and_what_is_needed_is_there(layout: Layout, machine: Abilities) -> None:
    """Each step finds what it mounts on, and in the end everything needed can be reached with all that is in it."""
    chosen = [*SHIPPED, *(profile(name, **values) for name, values in PROFILES.items())]
    assert [problem for one in chosen for problem in problems(layout, machine, one)] == []


@pytest.mark.parametrize("writable", [["/tmp/cache"], ["/var/tmp/c", "/var/tmp"], ["/var/tmp", "/var/tmp/c"]], ids=str)
def test_a_writable_folder_below_another_fresh_one(writable: list[str]) -> None:
    """A fresh folder inside of a fresh folder finds its place, whatever the order in which they're named."""
    made = plan(tmp="private", writable=writable)
    after = Mounted(made, surroundings(), ["/tmp/cache", "/var/tmp/c"])
    assert (after.mistakes, [path for path in writable if not after.reachable(path)]) == ([], [])


# -- covers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "shown", "promised"),
    [
        ({}, "/tmp of half the memory", {"size": None, "mode": 0o1777, "exec": True}),
        ({"tmp_size": "512M"}, "/tmp 512 MiB", {"size": 512 << 20, "mode": 0o1777, "exec": True}),
        (
            {"tmp_size": "1.5G", "tmp_exec": False, "tmp_mode": "0777"},
            "/tmp 1.5 GiB, noexec",
            {"size": 3 << 29, "mode": 0o777, "exec": False},
        ),
    ],
)
def test_a_private_tmp(values: dict[str, object], shown: str, promised: dict[str, object]) -> None:
    """/tmp is a fresh tmpfs with the profile's size and mode, and promised as that."""
    made = plan(tmp="private", **values)
    mount = {"path": "/tmp", "size": promised["size"], "mode": promised["mode"], "executable": promised["exec"]}
    assert verbs(made, "tmpfs") == [("tmpfs", mount)]
    assert (enforced(made)["tmp"].shown, made.promises["tmp"]) == (shown, promised)


def test_a_noexec_host_tmp_is_proven() -> None:
    """Execution in the host's own /tmp is taken away by its mount's flag, and a probe inside must find it so."""
    made = plan(tmp_exec=False)
    assert verbs(made, "change") == [("change", {"path": "/tmp", "noexec": True})]
    promised = made.promises["tmp"]
    assert isinstance(promised, dict) and promised["exec"] is False


def test_an_interpreter_in_a_noexec_tmp_is_refused() -> None:
    """An interpreter that may not be executed can't run tests."""
    here = surroundings({"/tmp/venv": "the interpreter", "/srv/p": "the project"})
    with pytest.raises(EnvguardError) as caught:
        plan(ORDINARY, here, tmp_exec=False)
    assert str(caught.value) == (
        "profile `mine`: `tmp_exec = false` for the host's own /tmp is impossible here: the interpreter itself lies in "
        '/tmp/venv\nhint: set `tmp = "private"` (the interpreter is then bound back in), or use an environment outside '
        "of /tmp"
    )


@pytest.mark.parametrize("root", ["read-only", "host"])
@pytest.mark.parametrize("what", ["the project", "the interpreter", "what is imported", "the tests", "HOME"])
def test_what_lies_under_tmp_is_put_back_read_only_and_said(what: str, root: str) -> None:
    """A writable bind below a /tmp that tests empty would reach the machine's files: it's read-only in any case."""
    here = surroundings({**INTERPRETER, "/srv/p": "the project", "/tmp/x": what})
    made = plan(ORDINARY, here, tmp="private", root=root)
    assert verbs(made, "take", "put") == [
        ("take", {"path": "/tmp/x"}),
        ("put", {"path": "/tmp/x", "readonly": True}),
    ]
    assert made.notes == (f"{what} (/tmp/x) lies under /tmp and was put back, read-only",)


@pytest.mark.parametrize(("home", "put"), [(None, True), ("host", True), ("unset", False), ("/var/empty", False)])
def test_home_is_put_back_only_where_the_profile_leaves_it(home: str | None, put: bool) -> None:
    """A caller's HOME that the deployment doesn't have must not shine through."""
    here = surroundings({**INTERPRETER, "/srv/p": "the project", "/tmp/home": "HOME"})
    made = plan(ORDINARY, here, tmp="private", **({"home": home} if home else {}))
    assert bool(verbs(made, "take", "put")) is put
    assert bool(made.notes) is put


@pytest.mark.parametrize(
    ("values", "path", "replaced"),
    [
        ({"tmp": "private"}, "/tmp", "replaces /tmp"),
        ({"writable": ["/var/tmp"]}, "/var/tmp", "replaces /var/tmp"),
    ],
)
@pytest.mark.parametrize("what", ["the project", "the interpreter"])
def test_a_needed_folder_that_is_itself_replaced(
    values: dict[str, object], path: str, replaced: str, what: str
) -> None:
    """Nothing can be put back into a folder that is needed as a whole."""
    with pytest.raises(EnvguardError) as caught:
        plan(ORDINARY, surroundings({**INTERPRETER, "/srv/p": "the project", path: what}), **values)
    assert str(caught.value) == (
        f"profile `mine` {replaced}, but {what} is {path} itself\n"
        "hint: run from a folder of its own below it, or elsewhere"
    )


def test_a_needed_folder_that_is_itself_hidden() -> None:
    """The refusal of a profile that hides the project reads like a sentence."""
    with pytest.raises(EnvguardError) as caught:
        plan(ORDINARY, surroundings({**INTERPRETER, "/srv/p": "the project"}), hidden=["/srv/p"])
    assert caught.value.message == "profile `mine` hides /srv/p, but the project is /srv/p itself"


def test_a_hidden_folder_shows_only_what_is_needed() -> None:
    """A hidden folder with something needed in it can be searched and not read; what is needed stays writable."""
    here = surroundings({**INTERPRETER, "/srv/p": "the project"})
    made = plan(ORDINARY, here, hidden=["/srv", "/opt"])
    assert verbs(made, "tmpfs", "hide", "put") == [
        ("hide", {"path": "/opt"}),
        ("tmpfs", {"path": "/srv", "size": 1 << 20, "mode": 0o711, "executable": True}),
        ("put", {"path": "/srv/p", "readonly": False}),
    ]
    assert made.promises["hidden"] == ["/srv", "/opt"]
    assert made.notes == ("the project (/srv/p) lies under /srv and was put back, writable",)


# -- folders of other users ----------------------------------------------------------------------------------------

BELOW_ROOT = {**INTERPRETER, "/root/py": "the interpreter", "/root/w/p": "the project"}


@pytest.mark.parametrize("machine", [AS_ROOT, WITH_SUBORDINATE], ids=["root", "subordinate"])
def test_a_closed_folder_on_the_way_can_be_searched(machine: Abilities) -> None:
    """/root (0700) is replaced by a folder that can be searched, with what is needed in it and nothing else."""
    here = surroundings(BELOW_ROOT, {"/root": closed()}, uid=ROOT if machine.privileged else ME)
    made = plan(machine, here, uid=993, gid=990)
    assert verbs(made, "take", "tmpfs", "put") == [
        ("take", {"path": "/root/py"}),
        ("take", {"path": "/root/w/p"}),
        ("tmpfs", {"path": "/root", "size": 1 << 20, "mode": 0o711, "executable": True}),
        ("put", {"path": "/root/py", "readonly": False}),
        ("put", {"path": "/root/w/p", "readonly": False}),
    ]
    (note,) = made.notes
    assert note.startswith("/root (mode 0700) can be searched, because the interpreter and the project ")
    assert note.endswith("; nothing else in it is visible")
    after = Mounted(made, here, ["/root/secret", "/root/w/secret", *BELOW_ROOT])
    assert after.reachable("/root/w/p") and not {"/root/secret", "/root/w/secret"} & after.seen.keys()


@pytest.mark.parametrize(
    ("folder", "opened"),
    [
        (Folder(ROOT, ROOT, 0o700), True),
        (Folder(ROOT, ROOT, 0o750), True),
        (Folder(ROOT, ROOT, 0o744), True),
        (Folder(ROOT, ROOT, 0o711), False),
        (Folder(ROOT, ROOT, 0o755), False),
        (Folder(993, ROOT, 0o700), False),
        (Folder(993, ROOT, 0o077), True),
        (Folder(ROOT, 990, 0o710), False),
        (Folder(ROOT, 990, 0o701), True),
    ],
)
def test_only_what_the_uid_may_not_search_is_opened(folder: Folder, opened: bool) -> None:
    """The kernel looks at the owner's bits, else at the group's, else at the others': so does the plan."""
    made = plan(AS_ROOT, surroundings(BELOW_ROOT, {"/root": folder}, uid=ROOT), uid=993, gid=990)
    assert bool(verbs(made, "tmpfs")) is opened


@pytest.mark.parametrize("machine", [ORDINARY, AS_ROOT], ids=["mapped", "host"])
def test_the_caller_s_own_ids_need_no_opening(machine: Abilities) -> None:
    """Who stays (or is only shown as) another uid can enter its own folders."""
    caller = ROOT if machine.privileged else ME
    values = {} if machine.privileged else {"uid": 993}
    made = plan(
        machine, surroundings(BELOW_ROOT, {"/root": closed(0o700, caller)}, uid=caller), tmp="private", **values
    )
    assert [arguments["path"] for _, arguments in verbs(made, "tmpfs")] == ["/tmp"]


@pytest.mark.parametrize("root", ["read-only", "host"])
def test_a_closed_project_is_opened_entry_by_entry(root: str) -> None:
    """A project of mode 0700 is replaced by an open folder into which each entry is put back, links as links."""
    needed = {**INTERPRETER, "/srv/p": "the project"}
    here = surroundings(needed, {"/srv/p": closed(entries={"a.py": "", "now": "a.py", "tests": ""})}, uid=ROOT)
    made = plan(AS_ROOT, here, uid=993, gid=990, root=root)
    readonly = root == "read-only"
    assert verbs(made, "take", "tmpfs", "put", "link", "change") == [
        ("take", {"path": "/srv/p/a.py"}),
        ("take", {"path": "/srv/p/tests"}),
        ("tmpfs", {"path": "/srv/p", "size": 1 << 20, "mode": 0o755, "executable": True}),
        ("put", {"path": "/srv/p/a.py", "readonly": readonly}),
        ("link", {"path": "/srv/p/now", "target": "a.py"}),
        ("put", {"path": "/srv/p/tests", "readonly": readonly}),
        *([("change", {"path": "/srv/p", "readonly": True})] if readonly else []),
    ]
    assert made.notes == ("the project (/srv/p) is shown with mode 0755 instead of 0700",)


# -- what the kernel refuses ---------------------------------------------------------------------------------------

MOUNTS = {facility.USER, facility.MOUNT, facility.TMPFS}


@pytest.mark.parametrize("broken", facility.NAMES)
@pytest.mark.parametrize(
    ("dimension", "values", "facilities"),
    [
        ("root", {"root": "read-only"}, MOUNTS | {facility.READ_ONLY}),
        ("tmp", {"tmp": "private"}, MOUNTS),
        ("tmp", {"tmp_exec": False}, MOUNTS),
        ("writable", {"writable": ["/var/tmp"]}, MOUNTS),
        ("hidden", {"hidden": ["/opt"]}, MOUNTS),
        ("shm", {"shm": "absent"}, MOUNTS | {facility.DEVICES}),
        ("devices", {"devices": "container"}, MOUNTS | {facility.DEVICES}),
        ("hostname", {"hostname": "box", "tmp": "private"}, MOUNTS | {facility.HOST_NAME}),
        ("proc", {"proc": "read-only", "tmp": "private"}, {facility.USER, facility.MOUNT, facility.PROCESS}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_facility_that_fails(dimension: str, values: dict[str, object], facilities: set[str], broken: str) -> None:
    """A dimension whose facility fails is not enforced and not promised, with the kernel's answer and the mend."""
    made = plan(abilities(broken), **values)
    item = enforced(made).get(dimension)
    if broken not in facilities:
        assert item is not None and item.strength is Strength.KERNEL
        return
    assert item is not None, "forgotten"
    answers = "" if dimension == "hidden" else f"; {NO_ANSWERS}"  # to open for reading is never caught
    assert (item.strength, item.reason, item.mend) == (Strength.NONE, f"{broken}: {REFUSED}{answers}", MEND)
    assert item in made.weaker_than(Strength.PYTHON)
    assert not {dimension, {"root": "readonly"}.get(dimension)} & made.promises.keys()


def test_nothing_is_mounted_where_nothing_can_be() -> None:
    """Where every facility fails, no step is left and no namespace is entered."""
    made = plan(abilities(*facility.NAMES), root="read-only", tmp="private", shm="absent", uid=993, network="none")
    assert (steps(made), script(made, "namespaces")) == ([], 0)
    assert {item.strength for item in made.enforcements} == {Strength.NONE}


# -- order, /proc, /dev, generated files ---------------------------------------------------------------------------


def order(made: Plan) -> list[str]:
    """Return the verbs of a plan's steps."""
    return [verb for verb, _ in steps(made)]


def test_the_order_of_the_whole_script() -> None:
    """Held first what will be covered, read-only before fresh file systems are mounted, put back at the end."""
    here = surroundings({**INTERPRETER, "/tmp/p": "the project"})
    made = make_plan(CATALOGUE.one("lambda+offline:hostname=box"), ORDINARY, here)
    assert [verb for verb in order(made) if verb != "seal_dev"] == [
        "private",
        "take",
        "files",
        "proc",
        "network",
        "hostname",
        "readonly",
        "dev",
        "tmpfs",
        "put",
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"root": "read-only"}, [("proc", {"style": "plain"}), ("readonly", {})]),
        ({"root": "read-only", "proc": "host"}, [("proc", {"style": "plain"}), ("readonly", {}), ("change", False)]),
        ({"root": "read-only", "proc": "read-only"}, [("proc", {"style": "plain"}), ("readonly", {})]),
        (
            {"root": "read-only", "proc": "container"},
            [("proc", {"style": "container"}), ("readonly", {}), ("change", False)],
        ),
        ({"tmp": "private", "proc": "container"}, [("proc", {"style": "container"})]),
        ({"tmp": "private", "proc": "read-only"}, [("proc", {"style": "plain"}), ("change", True)]),
        ({"tmp": "private"}, [("proc", {"style": "plain"})]),
    ],
)
def test_proc(values: dict[str, object], expected: list[tuple[str, object]]) -> None:
    """/proc is read-only exactly where the profile says so, whatever the root is."""
    found = [
        (verb, arguments["readonly"] if verb == "change" else arguments)
        for verb, arguments in verbs(plan(**values), "proc", "readonly", "change")
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("values", "shown", "promised"),
    [
        ({"shm": "absent"}, "/dev/shm absent", {"state": "absent", "size": None, "exec": False}),
        ({"shm": "private"}, "/dev/shm of half the memory", {"state": "private", "size": None, "exec": False}),
        (
            {"shm": "private", "shm_size": "64M", "shm_exec": True},
            "/dev/shm 64 MiB",
            {"state": "private", "size": 64 << 20, "exec": True},
        ),
    ],
)
def test_shared_memory(values: dict[str, object], shown: str, promised: dict[str, object]) -> None:
    """/dev is built anew, with or without /dev/shm, and promised as that."""
    made = plan(**values)
    ((_, arguments),) = verbs(made, "dev")
    assert (arguments["shm"], arguments["shm_size"]) == (promised["state"], promised["size"])
    assert (enforced(made)["shm"].shown, made.promises["shm"]) == (shown, promised)


def test_a_dev_of_its_own_keeps_shared_memory() -> None:
    """A profile that changes /dev alone leaves /dev/shm the host's, and promises nothing about it."""
    made = plan(devices="container")
    ((_, arguments),) = verbs(made, "dev")
    assert arguments["shm"] == "host" and "shm" not in made.promises


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"user": "sbx", "user_home": "/home/sbx"}, "sbx:x:993:990::/home/sbx:/sbin/nologin\n"),
        ({"user": "sbx"}, "sbx:x:993:990::/:/sbin/nologin\n"),
        ({"user": ""}, ""),
    ],
)
def test_the_passwd_file(values: dict[str, object], line: str) -> None:
    """The uid has the profile's entry or none, whatever the host says of it; only files are asked for users."""
    made = plan(uid=993, gid=990, **values)
    ((_, arguments),) = verbs(made, "files")
    assert arguments["contents"] == {
        "/etc/passwd": PASSWD + line,
        "/etc/nsswitch.conf": NSSWITCH.replace("passwd: files systemd sss", "passwd: files"),
    }


@pytest.mark.parametrize(("uid", "user"), [(ME, "sbx"), (993, "me")])
def test_entries_of_the_same_uid_or_name_go(uid: int, user: str) -> None:
    """No second entry has the uid or the name."""
    ((_, arguments),) = verbs(plan(uid=uid, gid=990, user=user), "files")
    assert arguments["contents"]["/etc/passwd"] == (
        f"root:x:0:0:root:/root:/bin/bash\n{user}:x:{uid}:990::/:/sbin/nologin\n"
    )


def test_files_that_are_not_there_are_not_generated() -> None:
    """A generated file replaces an existing one; where there is none, nothing is mounted."""
    made = plan(ORDINARY, surroundings(present=PRESENT - {"/etc/nsswitch.conf"}), uid=993, user="sbx", network="none")
    ((_, arguments),) = verbs(made, "files")
    assert set(arguments["contents"]) == {"/etc/passwd"}


def test_the_host_needs_nothing() -> None:
    """A profile that changes nothing enters nothing."""
    made = plan()
    assert (made.is_host, steps(made), script(made, "namespaces"), made.notes) == (True, [], 0, ())


def test_the_host_name() -> None:
    """A host name is set in a namespace of its own and promised."""
    made = plan(hostname="box", tmp="private")
    assert verbs(made, "hostname") == [("hostname", {"name": "box"})]
    assert (made.promises["hostname"], enforced(made)["hostname"].shown) == ("box", "host name box")


def test_a_read_only_root_is_proven_at_the_root_and_in_the_project() -> None:
    """The probe tries to write where a mistake would hurt most."""
    assert plan(root="read-only").promises["readonly"] == ["/", "/home/me/project"]


def test_a_masked_proc_that_is_there_already_need_not_be_made_again() -> None:
    """Inside of an environment whose /proc is a container's, where no second one can be had, the style still holds."""
    inside = abilities(facility.PROCESS)
    container = CATALOGUE.one("container")
    again = make_plan(container, inside, surroundings(INTERPRETER)._replace(proc_style="container"))
    assert enforced(again)["proc"].strength is Strength.KERNEL
    assert ("change", {"path": "/proc", "readonly": False}) in [tuple(step) for step in script(again, "steps")]
    first = make_plan(container, inside, surroundings(INTERPRETER))
    assert enforced(first)["proc"].strength is Strength.NONE
