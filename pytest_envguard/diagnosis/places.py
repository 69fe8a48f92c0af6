"""Where a library's default place is in an environment, and whether something can be written there: from its values alone."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from pytest_envguard.diagnosis.because import together
from pytest_envguard.diagnosis.remedies import home_folder, network, writable_folder
from pytest_envguard.diagnosis.rules import CONTACTS, LOADS, WRITES, Use
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence

_TMP, _SHM = "/tmp", "/dev/shm"
_FOR_ALL = (_TMP, "/var/tmp", _SHM)  # 1777 on every system: FHS 3.0, sections 3.18 and 5.15
_OTHERS_MAY_WRITE = 0o002
_UNREACHABLE = {
    "none": "not reachable (ENETUNREACH)",
    "refuse": "not reachable (ECONNREFUSED)",
    "nxdomain": "not reachable (no host name exists)",
    "drop": "not reachable (it hangs)",
}
AS_HERE = "as on this machine"


class Machine(NamedTuple):
    """What an environment leaves as it is, unless it says something else.

    Attributes:
        home: HOME, "" where it isn't set.
        site: Where packages are installed.
        folder: The working folder.
    """

    home: str
    site: str
    folder: str


def variables(setting: Setting, machine: Machine) -> Evidence:
    """Return what is known of the variables in the environment: HOME, if it's this machine's."""
    kept = machine.home and setting.values.get("home", "host") == "host"
    return Evidence(variables=(("HOME", machine.home),) if kept else ())


def resolved(where: str, setting: Setting, machine: Machine) -> str:
    """Return a default place (`rules.Use.where`) with its placeholders filled, "" where there is no such folder."""
    own = str(setting.values.get("folder", "project"))
    known = {
        "home": home_folder(setting, variables(setting, machine)),
        "tmp": writable_folder(setting),
        "site": machine.site,
        "cwd": machine.folder if own == "project" else own,
    }
    names = re.findall(r"\{(\w+)\}", where)
    if not all(known[name] for name in names):
        return ""
    text = re.sub(r"\{(\w+)\}", lambda match: known[match[1]], where)
    return re.sub(r"^//+", "/", text)  # a home of "/"


def verdict(use: Use, place: str, setting: Setting) -> str:
    """Return in words what comes of using ``place`` in the environment; "" where nothing can be said.

    Args:
        use: What uses it.
        place: From `resolved`.
        setting: The environment.
    """
    if use.kind == CONTACTS:
        return _UNREACHABLE.get(network(setting), "")
    if not place:
        return _no_place(use, setting)
    if not re.fullmatch(r"/\S*", place):  # words, or several places
        return ""
    if use.kind == WRITES:
        error = write_error(place, setting)
        return "writable" if error == "" else error if error == AS_HERE else f"not writable ({error})"
    return "not executable (noexec)" if use.kind == LOADS and _is_noexec(place, setting) else ""


def _no_place(use: Use, setting: Setting) -> str:
    words = {"home": f"no home folder is known in {setting.name}", "tmp": f"no folder is writable in {setting.name}"}
    return together(text for name, text in words.items() if f"{{{name}}}" in use.where) or "unknown"


def write_error(path: str, setting: Setting) -> str:
    """Return the errno of making a file below ``path``; "" where it can be made, `AS_HERE` where nothing is changed.

    What is missing on the way is made by the library, so that only the mount and its owner count; but nobody makes
    /dev/shm.
    """
    values = setting.values
    hidden, further = values.get("hidden", ()), values.get("writable", ())
    assert isinstance(hidden, tuple) and isinstance(further, tuple)
    if _innermost(path, hidden):
        return "EACCES"
    shm = values.get("shm", "host")
    fresh = [*further, *([_TMP] if values.get("tmp") == "private" else []), *([_SHM] if shm == "private" else [])]
    mount = _innermost(path, fresh)
    if mount:
        return "EACCES" if mount == _TMP and _is_of_another(setting) and not _may_all_write(setting) else ""
    if shm == "absent" and _innermost(path, (_SHM,)):
        return "ENOENT"
    if values.get("root") == "read-only":
        return "EROFS"
    return "EACCES" if _is_of_another(setting) and not _innermost(path, _FOR_ALL) else AS_HERE


def _innermost(path: str, folders: tuple[str, ...] | list[str]) -> str:
    around = [folder for folder in folders if posixpath.commonpath((path, folder)) == folder]
    return max(around, key=len, default="")


def _is_of_another(setting: Setting) -> bool:
    """Whether what lies on this machine belongs to somebody else than the process there."""
    return bool(setting.values.get("uid"))


def _may_all_write(setting: Setting) -> bool:
    mode = setting.values.get("tmp_mode", 0o1777)
    assert isinstance(mode, int)
    return bool(mode & _OTHERS_MAY_WRITE)


def _is_noexec(path: str, setting: Setting) -> bool:
    values = setting.values
    if _innermost(path, (_SHM,)):
        return not values.get("shm_exec", values.get("shm", "host") == "host")
    return bool(_innermost(path, (_TMP,))) and values.get("tmp_exec") is False
