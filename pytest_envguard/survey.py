"""Looking at the machine: what the kernel allows, and where everything lies that a run needs."""

from __future__ import annotations

import os
import re
import resource
import site
import stat
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux import identity
from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.machine import Abilities, Ability, Folder, Movable, Surroundings
from pytest_envguard.model.origin import VARIABLE as SERVING
from pytest_envguard.model.relocation import OF_THE_RUN, Move
from pytest_envguard.planning.files import ASKED, PASSWD
from pytest_envguard.planning.identity import SHARED, TEMPORARY
from pytest_envguard.planning.network import HOSTS, NSSWITCH, RESOLVER_FILE
from pytest_envguard.seccomp import trial

if TYPE_CHECKING:
    from pytest_envguard.model.origin import Certificate

_APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
_MAXIMUM = "/proc/sys/user/max_user_namespaces"
_MOST_ENTRIES = 4096
_NOT_TRIED = "not tried, because namespaces work"
_NOT_NEEDED = (
    facility.CGROUP,
    facility.SECCOMP,
    facility.USERS,
)  # something else takes their place, or they take another's


def survey_abilities(probing: facility.Probing | None = None, *, all_of_them: bool = False) -> Abilities:
    """Return what the kernel allows, tried in a child process (about 8 ms; less if it was begun before).

    System calls are caught where namespaces fail, and so tried only there, or if ``all_of_them`` are asked for.
    """
    probing = probing or facility.Probing()
    answers = probing.answers()
    answers[facility.SECCOMP] = answers[facility.USERS] = _NOT_TRIED
    if all_of_them or any(answer for name, answer in answers.items() if name not in _NOT_NEEDED):
        answers[facility.SECCOMP], answers[facility.USERS] = trial.answers()
    mend = _mend() if any(answer for name, answer in answers.items() if name not in _NOT_NEEDED) else ""
    return Abilities(
        privileged=probing.privileged,
        facilities={
            name: Ability(name, answer, mend if answer and name not in _NOT_NEEDED else "")
            for name, answer in answers.items()
        },
        subordinate=_subordinate(),
        may_become=_may_become(),
        mapped_ids=_mapped_ids(),
    )


def _mend() -> str:
    """Return what makes namespaces available here, judged by what the machine says of itself."""
    if _text(_APPARMOR).strip() == "1":
        return "run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu 23.10 and later forbid it)"
    if _text(_MAXIMUM).strip() == "0":
        return "run `sudo sysctl -w user.max_user_namespaces=15000`"
    if "\nSeccomp:\t2" in _text("/proc/self/status"):
        return (
            "this process runs under a seccomp filter, as in Docker: start the container with "
            "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
        )
    return "run as root, or on a Linux that allows unprivileged user namespaces"


def _may_become() -> bool:
    """Whether this process has CAP_SETUID and CAP_SETGID."""
    match = re.search(r"(?m)^CapEff:\s*(\w+)", _text("/proc/self/status"))
    wanted = 1 << 7 | 1 << 6
    return match is not None and int(match[1], 16) & wanted == wanted


def _mapped_ids() -> tuple[tuple[int, int], ...]:
    lines = [line.split() for line in _text("/proc/self/uid_map").splitlines()]
    return tuple((int(first), int(count)) for first, _, count in lines)


def _subordinate() -> tuple[int, int] | None:
    """Return the caller's first subordinate uid and gid, if the programs that use them are there (see subuid(5))."""
    import shutil

    uid = os.getuid()
    if uid == 0 or not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        return None
    name = _user_name(uid)
    uids, gids = (_first_range(file, (name, str(uid))) for file in ("/etc/subuid", "/etc/subgid"))
    return (uids, gids) if uids is not None and gids is not None else None


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _first_range(file: str, names: Iterable[str]) -> int | None:
    for line in _text(file).splitlines():
        owner, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if owner and owner in names and first.isdigit() and count.isdigit() and int(count) > 0:
            return int(first)
    return None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def survey_surroundings(
    project: str,
    further: Mapping[str, str] | None = None,
    *,
    locales: Iterable[str] = (),
    coverage: bool = False,
    proc_style: str = "",
    certificate: Certificate | None = None,
) -> Surroundings:
    """Look at the caller and at the paths a run needs.

    Args:
        project: The folder the tests run in.
        further: Path to what it is, beyond the project, the interpreter and what it imports from.
        locales: Names to ask the C library for.
        coverage: Whether coverage is measured.
        proc_style: See `Surroundings`.
        certificate: See `Surroundings`; None where no host is served.
    """
    needed = _needed(project, further or {})
    found = Surroundings(
        uid=os.getuid(),
        gid=os.getgid(),
        project=project,
        needed=needed,
        folders=_folders(needed),
        passwd=_text(PASSWD),
        nsswitch=_text(NSSWITCH),
        resolver=_text(RESOLVER_FILE),
        present=frozenset(path for path in ASKED if os.path.exists(path)),
        processors=len(os.sched_getaffinity(0)),
        python=sys.version_info[:2],
        most_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        coverage=coverage,
        proc_style=proc_style,
        proc=tuple(identity.reached_proc()),
        temporary=given if (given := os.environ.get(TEMPORARY, "")).startswith(SHARED) else "",
        locales=frozenset(name for name in locales if call.knows_locale(name)),
        hosts=_text(HOSTS) if os.environ.get(SERVING) else "",
    )
    return found if certificate is None else _with_trust(found, certificate)


def _with_trust(found: Surroundings, certificate: Certificate) -> Surroundings:
    """Add what only environments need that serve hosts."""
    from pytest_envguard.origins import bundles
    from pytest_envguard.planning import origins

    variables = {name: os.environ[name] for name in origins.ASKED if os.environ.get(name)}
    for name in origins.BUNDLE_VARIABLES:
        if not os.path.isfile(variables.get(name, "/")):
            variables.pop(name, None)  # there's nothing to add to
    folders = (
        *sys.path,
        *found.needed,
        *bundles.on_path(os.environ.get("PATH", "")),
        os.environ.get("VIRTUAL_ENV", ""),
    )
    return found._replace(
        hosts=_text(HOSTS),
        bundles=bundles.find(filter(None, folders)),
        variables=variables,
        certificate=certificate,
    )


_SITES = ("site-packages", "dist-packages")
_IMPORTED = re.compile(r"(?m)^import (\w+)")
_LARGEST = 1 << 20  # bytes of a file that says where packages lie


def with_project(found: Surroundings, root: str, targets: Iterable[str]) -> Surroundings:
    """Add what only environments need that show the project, whose folder is ``root``, in one of ``targets``.

    Raises:
        EnvguardError: One of these can't be a folder.
    """
    names = tuple(dict.fromkeys((os.path.abspath(root), os.path.realpath(root))))
    ways = []
    for target in targets:
        real = os.path.realpath(target)
        if real != target:
            raise EnvguardError(f'`cwd = "{target}"` leads through a symbolic link', f"write `{real}`")
        while not os.path.lexists(real):
            real = os.path.dirname(real)
        if not os.path.isdir(real):
            raise EnvguardError(f'`cwd = "{target}"`: {real} is a file', "name another folder")
        ways.append(real)
    with os.scandir(os.path.dirname(names[-1])) as beside:
        movable = Movable(names, os.stat(names[-1]).st_ino, sum(1 for _ in beside), *_naming(names, found.needed))
    return found._replace(movable=movable, folders={**_folders(ways), **found.folders})


def _naming(names: tuple[str, ...], needed: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the files of installed packages that name the project's folder, with their texts, and such variables."""
    move = Move(names, "/")
    files: dict[str, str] = {}
    for folder in dict.fromkeys(os.path.realpath(path) for path in needed if os.path.basename(path) in _SITES):
        for name in sorted(os.listdir(folder)):
            if name.endswith((".pth", ".egg-link")):
                text = _short_text(f"{folder}/{name}")
                modules = (f"{folder}/{module}.py" for module in _IMPORTED.findall(text))
                files.update({path: told for path in modules if move.named_in(told := _short_text(path))})
                if move.named_in(text):
                    files[f"{folder}/{name}"] = text
    variables = (name for name in sorted(os.environ) if name not in OF_THE_RUN and move.named_in(os.environ[name]))
    return files, tuple(variables)


def _short_text(path: str) -> str:
    """Return a file's text, "" of one that isn't there, or too long to be one that says where packages lie."""
    try:
        return _text(path) if os.stat(path).st_size <= _LARGEST else ""
    except OSError:
        return ""


def _needed(project: str, further: Mapping[str, str]) -> dict[str, str]:
    interpreter = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(sys.executable)}
    interpreter.add(os.path.dirname(os.path.realpath(sys.executable)))
    imported = {path for path in sys.path if path}
    imported.add(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if site.ENABLE_USER_SITE:
        imported.add(site.getusersitepackages())
    candidates = {
        **dict.fromkeys(filter(None, [os.environ.get("HOME")]), "HOME"),
        **dict.fromkeys(imported, "what is imported"),
        **further,
        **dict.fromkeys(interpreter, "the interpreter"),
        project: "the project",
    }
    needed: dict[str, str] = {}
    for path, what in candidates.items():
        for shape in (os.path.abspath(path), os.path.realpath(path)):
            if shape != "/" and os.path.exists(shape):
                needed[shape] = what
    return needed


def _folders(needed: Iterable[str]) -> dict[str, Folder]:
    folders: dict[str, Folder] = {}
    for path in needed:
        way = path if os.path.isdir(path) else os.path.dirname(path)
        while way != "/":
            if way not in folders:
                status = os.stat(way)
                closed = way == path and status.st_mode & 0o5 != 0o5
                entries = _entries(way) if closed else ()
                folders[way] = Folder(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), entries)
            way = os.path.dirname(way)
    return folders


def _entries(folder: str) -> tuple[tuple[str, str], ...]:
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, os.readlink(entry.path) if entry.is_symlink() else "") for entry in entries]
    except OSError:
        return ()
    return tuple(sorted(found)[:_MOST_ENTRIES])
