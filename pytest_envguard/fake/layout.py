"""What a deployment looks like to a process in it: mounts, folders, identity, variables. Pure; no file system is touched."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import Value
from pytest_envguard.model.profile import Profile
from pytest_envguard.model.profile import variables as profile_variables

PROJECT = "the project"  # what a profile's layout calls the folder of the deployed code
SHOWN = (
    "root",
    "devices",
    "tmp",
    "tmp_size",
    "tmp_exec",
    "tmp_mode",
    "writable",
    "hidden",
    "shm",
    "shm_size",
    "shm_exec",
    "uid",
    "gid",
    "user",
    "user_home",
    "home",
    "env",
    "env_unset",
    "locale",
    "timezone",
    "folder",
    "runtime",
)
_EVERYBODYS = 0o1777
# Of any Linux, so that a path that a deployment lacks is missing for the right reason.
_FOLDERS = {
    "/etc": 0o755,
    "/home": 0o755,
    "/proc": 0o555,
    "/root": 0o700,
    "/usr": 0o755,
    "/var": 0o755,
    "/tmp": _EVERYBODYS,
    "/var/tmp": _EVERYBODYS,
}
# They would name folders of the developer's machine, which aren't in the layout.
_HOSTS = ("TMPDIR", "TEMP", "TMP", "OLDPWD")


class Mount(NamedTuple):
    """One file system of the layout.

    Attributes:
        path: Where it's mounted.
        read_only: Whether a change fails with EROFS, for root too.
        size: Bytes; None where nothing limits it.
        noexec: Whether files in it can't be executed.
        mode: Permissions of its root.
    """

    path: str
    read_only: bool
    size: int | None = None
    noexec: bool = False
    mode: int = 0o755


class Identity(NamedTuple):
    """Who the process is; None where it's the caller.

    Attributes:
        user: Name in the passwd entry; "" means that there is no entry.
        user_home: Home folder in it.
    """

    uid: int | None
    gid: int | None
    user: str | None
    user_home: str


class Layout(NamedTuple):
    """A profile as a process in it sees it.

    Attributes:
        mounts: Parents before what is mounted in them; the first is the root.
        folders: Path to mode; they belong to root.
        owned: A folder of the process's own, or None.
        identity: Who the process is.
        project: Folder of the deployed code, or None where the profile knows of none.
        folder: Working folder.
        home: Value of HOME, or None where it isn't set.
        variables: Those that are set, HOME included.
        unset: Those that are removed; `XDG_*` stands for all that start so.
    """

    mounts: tuple[Mount, ...]
    folders: Mapping[str, int]
    owned: str | None
    identity: Identity
    project: str | None
    folder: str
    home: str | None
    variables: Mapping[str, str]
    unset: tuple[str, ...]


def make_layout(profile: Profile, python: tuple[int, int], caller_home: str | None) -> Layout:
    """Return what ``profile`` looks like from inside.

    Args:
        profile: Of its dimensions, those in `SHOWN` are used.
        python: Version of the running interpreter, for profiles that don't say theirs.
        caller_home: The caller's HOME, which stays where the profile leaves it.

    Raises:
        EnvguardError: Nothing of the profile can be shown, or a variable has an unknown placeholder.
    """
    values = profile.values
    if values and not values.keys() & set(SHOWN):
        raise EnvguardError(
            f"`{profile.name}` changes only what a fake file system can't show: {', '.join(values)}",
            f'combine it with one that changes files, such as "lambda+{profile.name}", or run the tests in it '
            f"with `--envguard={profile.name}`",
        )
    home, owned = _home(values.get("home", "host"), caller_home)
    project = next((path for path, what in profile.layout.items() if what == PROJECT), None)
    folder = _text(values, "folder", "project")
    folder = (project or "/") if folder == "project" else folder
    variables = {"PWD": folder, **_standard(values), **profile_variables(profile, project or folder, python)}
    if home is not None:
        variables["HOME"] = home
    return Layout(
        mounts=_mounts(values),
        folders={**_FOLDERS, **dict.fromkeys((*profile.layout, folder), 0o755), **dict.fromkeys(_hidden(values), 0)},
        owned=owned,
        identity=_identity(values),
        project=project,
        folder=folder,
        home=home,
        variables=variables,
        unset=_unset(values, home),
    )


def refuse_unshown(names: set[str], where: str) -> None:
    """Refuse to override what the fake can't show: the test would pass in an environment that isn't there.

    Raises:
        EnvguardError: Names the dimensions, and those that can be shown.
    """
    unknown = sorted(names - set(SHOWN))
    if unknown:
        raise EnvguardError(
            f"{where}: a fake file system can't show {', '.join(f'`{name}`' for name in unknown)}",
            f"it shows {', '.join(SHOWN)}; for the others run the test with `--envguard`",
        )


def _mounts(values: Mapping[str, Value]) -> tuple[Mount, ...]:
    locked = values.get("root") == "read-only"
    devices = values.get("devices", "read-only" if locked else "host")
    mounts = [Mount("/", locked), Mount("/dev", devices == "read-only")]
    if values.get("shm") != "absent":
        mounts.append(_fresh(values, "shm", "/dev/shm", locked))
    # A folder of the root's file system where nothing makes it a file system of its own: moving files is cheap then.
    if any(name in values for name in ("tmp", "tmp_size", "tmp_exec", "tmp_mode")):
        mounts.append(_fresh(values, "tmp", "/tmp", locked))
    writable = values.get("writable", ())
    assert isinstance(writable, tuple)
    mounts += [Mount(path, read_only=False, mode=_EVERYBODYS) for path in sorted(writable)]
    return tuple(mounts)


def _fresh(values: Mapping[str, Value], name: str, path: str, locked: bool) -> Mount:
    size = values.get(f"{name}_size")
    mode = values.get(f"{name}_mode", _EVERYBODYS)
    return Mount(
        path,
        read_only=locked and values.get(name) != "private",
        size=size if isinstance(size, int) else None,
        noexec=values.get(f"{name}_exec") is False,
        mode=mode if isinstance(mode, int) else _EVERYBODYS,
    )


def _identity(values: Mapping[str, Value]) -> Identity:
    uid, gid, user = values.get("uid"), values.get("gid"), values.get("user")
    return Identity(
        uid if isinstance(uid, int) else None,
        gid if isinstance(gid, int) else None,
        user if isinstance(user, str) else None,
        _text(values, "user_home", "/"),
    )


def _home(value: Value, caller_home: str | None) -> tuple[str | None, str | None]:
    """Return HOME, and the folder to make for it: the caller's own exists where the profile leaves HOME as it is."""
    if value == "unset":
        return None, None
    if value != "host":
        return str(value), None
    # `C:\Users\me` has no place in a Linux layout.
    own = caller_home if caller_home and caller_home.startswith("/") else None
    return own, own


def _standard(values: Mapping[str, Value]) -> dict[str, str]:
    named = {"LANG": values.get("locale"), "TZ": values.get("timezone")}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def _unset(values: Mapping[str, Value], home: str | None) -> tuple[str, ...]:
    unset = values.get("env_unset", ())
    assert isinstance(unset, tuple)
    locale = ("LANGUAGE", "LC_*") if "locale" in values else ()
    return (*unset, *locale, *_HOSTS, *(("HOME",) if home is None else ()))


def _hidden(values: Mapping[str, Value]) -> tuple[str, ...]:
    hidden = values.get("hidden", ())
    assert isinstance(hidden, tuple)
    return hidden


def _text(values: Mapping[str, Value], name: str, default: str) -> str:
    value = values.get(name, default)
    assert isinstance(value, str)
    return value


def absolute(path: str, folder: str) -> str:
    """Return ``path`` as the layout has it, relative to ``folder`` where it isn't absolute."""
    return posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))
