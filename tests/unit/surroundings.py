"""Machines, folders, profiles and scripts for tests, made by hand."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.dimensions import read
from pytest_envguard.model.machine import Abilities, Ability, Folder, Movable, Surroundings
from pytest_envguard.model.plan import Enforcement, Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.planning import make_plan

ROOT = 0
ME = 1000
PROJECT = "/home/me/project"
PYTHON = "/usr/lib/python3"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/sh\n"
NSSWITCH = "passwd: files systemd sss\nhosts: files mdns4 dns\n"
PRESENT = frozenset(
    ("/etc/passwd", "/etc/nsswitch.conf", "/etc/resolv.conf", "/sys/devices/system/cpu/online", "/tmp", "/dev/shm")
)
REFUSED = "Operation not permitted"
NO_ANSWERS = f"{facility.SECCOMP}: {REFUSED}"
MEND = "run `sudo mend-it`"

Step = tuple[str, dict[str, Any]]


def abilities(
    *broken: str,
    privileged: bool = False,
    subordinate: tuple[int, int] | None = None,
    mapped_ids: tuple[tuple[int, int], ...] = ((0, 2**32 - 1),),
    answers: bool = False,
    may_become: bool = False,
) -> Abilities:
    """Return a machine on which every facility works but the ``broken`` ones; system calls are answered if asked for."""
    broken = broken if answers else (*broken, facility.SECCOMP, facility.USERS)
    names = (*facility.NAMES, facility.SECCOMP, facility.USERS)
    return Abilities(
        privileged=privileged,
        facilities={name: Ability(name, REFUSED, MEND) if name in broken else Ability(name) for name in names},
        subordinate=subordinate,
        may_become=may_become,
        mapped_ids=mapped_ids,
    )


ORDINARY = abilities()
AS_ROOT = abilities(privileged=True)
WITH_SUBORDINATE = abilities(subordinate=(100000, 100000))


def closed(mode: int = 0o700, owner: int = ROOT, entries: Mapping[str, str] | None = None) -> Folder:
    """Return a folder that only its owner may enter, with its ``entries`` (name to target of the link, or "")."""
    return Folder(owner, owner, mode, tuple((entries or {}).items()))


def surroundings(
    needed: Mapping[str, str] | None = None,
    folders: Mapping[str, Folder] | None = None,
    *,
    uid: int = ME,
    processors: int = 8,
    python: tuple[int, int] = (3, 11),
    locales: Iterable[str] = (),
    present: frozenset[str] = PRESENT,
) -> Surroundings:
    """Return a caller whose every folder on the way to what is ``needed`` has mode 0755, except for ``folders``."""
    needed = {PYTHON: "the interpreter", PROJECT: "the project"} if needed is None else needed
    project = next((path for path, what in needed.items() if what == "the project"), PROJECT)
    ways = {way: Folder(uid, uid, 0o755) for path in needed for way in ways_to(path)}
    return Surroundings(
        uid=uid,
        gid=uid,
        project=project,
        needed=needed,
        folders={**ways, **(folders or {})},
        passwd=PASSWD,
        nsswitch=NSSWITCH,
        present=present,
        processors=processors,
        python=python,
        locales=frozenset(locales),
        movable=Movable((project,), 1),
    )


def ways_to(path: str) -> list[str]:
    """Return ``path`` and every folder above it but the root."""
    ways = []
    while path != "/":
        ways.append(path)
        path = posixpath.dirname(path)
    return ways


def profile(name: str = "mine", /, **values: object) -> Profile:
    """Return a profile whose ``values`` are written as in TOML."""
    return Profile(name, values={key: read(key, value, "test") for key, value in values.items()})


def plan(machine: Abilities = ORDINARY, here: Surroundings | None = None, /, **values: object) -> Plan:
    """Return the plan for a profile with these ``values``."""
    return make_plan(profile(**values), machine, here or surroundings())


def steps(made: Plan) -> list[Step]:
    """Return the steps of a plan's script as (verb, arguments)."""
    written = made.script["steps"]
    assert isinstance(written, list)
    return [(verb, arguments) for verb, arguments in written]


def verbs(made: Plan, *chosen: str) -> list[Step]:
    """Return only the steps with a verb that was ``chosen``."""
    return [step for step in steps(made) if step[0] in chosen]


def enforced(made: Plan) -> dict[str, Enforcement]:
    """Return a plan's enforcements by dimension."""
    return {item.dimension: item for item in made.enforcements}


def script(made: Plan, key: str) -> Any:
    """Return one entry of a plan's script, for a look inside."""
    return made.script[key]


class Mounted:
    """A file system on which a script's steps are followed: what exists, and whether the tests' uid may enter it.

    Attributes:
        seen: Path to whether it can be entered.
        mistakes: A sentence for every step that the kernel would have refused.
    """

    def __init__(self, made: Plan, here: Surroundings, existing: Iterable[str]) -> None:
        who = script(made, "identity")
        ids = {"real": (who["uid"], who["gid"]), "subordinate": (-1, -1)}.get(who["how"])
        paths = {"/", *here.folders, *(way for path in (*existing, "/tmp", "/dev/shm") for way in ways_to(path))}
        self.seen: dict[str, bool] = dict.fromkeys(paths, True)
        for path, folder in here.folders.items():
            self.seen[path] = ids is None or folder.open_to(*ids, 5 if path in here.needed else 1)
        self.mistakes: list[str] = []
        self._held: dict[str, dict[str, bool]] = {}
        for verb, arguments in steps(made):
            getattr(self, f"_{verb}", self._nothing)(**arguments)
        self.mistakes += [f"{path}: taken and never put back" for path in self._held]

    def reachable(self, path: str) -> bool:
        """Whether ``path`` is there and every folder on the way to it can be entered."""
        return all(self.seen.get(way, False) for way in ways_to(path))

    def _nothing(self, **_arguments: object) -> None:
        """Steps that neither need nor change a path."""

    def _under(self, folder: str) -> list[str]:
        return [path for path in self.seen if path.startswith(folder + "/")]

    def _there(self, verb: str, path: str) -> None:
        if path not in self.seen:
            self.mistakes.append(f"{verb} {path}: it isn't there")

    def _cover(self, path: str, enterable: bool) -> None:
        for below in self._under(path):
            del self.seen[below]
        self.seen[path] = enterable

    def _relocate(self, source: str, target: str, vanishes: bool, kept: Iterable[str], **_others: object) -> None:
        self._there("relocate", source)
        moved = {target + path[len(source) :]: self.seen[path] for path in (source, *self._under(source))}
        held = {path: self.seen[path] for way in kept for path in (way, *self._under(way))}
        if vanishes:
            for path in (*self._under(source), source):
                del self.seen[path]
            self.seen |= {**dict.fromkeys((way for path in kept for way in ways_to(path)), True), **held}
        self._folder(target)
        self._cover(target, True)
        self.seen |= moved

    def _take(self, path: str) -> None:
        self._there("take", path)
        self._held[path] = {below: self.seen[below] for below in (path, *self._under(path)) if below in self.seen}

    def _tmpfs(self, path: str, mode: int, **_others: object) -> None:
        self._there("tmpfs", path)
        self._cover(path, mode & 0o1 != 0)

    def _hide(self, path: str) -> None:
        if path in self.seen:
            self._cover(path, False)

    def _change(self, path: str, **_others: object) -> None:
        if path != "/proc":
            self._there("change", path)

    def _dev(self, shm: str, **_others: object) -> None:
        shared = {} if shm != "host" else {path: self.seen[path] for path in self._under("/dev/shm")}
        self._cover("/dev", True)
        self.seen |= shared if shm == "absent" else {"/dev/shm": True, **shared}

    def _folder(self, path: str) -> None:
        self.seen = {**dict.fromkeys(ways_to(path), True), **self.seen}

    def _link(self, path: str, **_others: object) -> None:
        self._folder(path)

    def _put(self, path: str, **_others: object) -> None:
        if path not in self._held:
            self.mistakes.append(f"put {path}: it was not taken before it was covered")
            return
        self._folder(path)
        self._cover(path, True)
        self.seen |= self._held.pop(path)
