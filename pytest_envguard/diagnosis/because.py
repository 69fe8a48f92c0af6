"""What an environment changes, in words: "the root is read-only in lambda"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pytest_envguard.model.diagnosis import Holding, Setting
from pytest_envguard.model.dimensions import Value, show_size

Values = Mapping[str, Value]

_AS_ON_THE_HOST = ("host", "open", "project")
_NOT_THE_OWNER = ("EACCES", "EPERM")
_HERE = "{here}"  # the environments' names
_HAVE = "{have}"  # has or have, as many as they are


def changes(values: Values, dimension: str) -> bool:
    """Whether an environment of these ``values`` changes a ``dimension`` of it, or what depends on that dimension.

    A uid of its own changes more than the user's name: what belongs to others (EACCES), and whose home it is.
    """
    if dimension in _CHANGES:
        return _CHANGES[dimension](values)
    return _is_other(values, dimension)


def because(setting: Setting, dimension: str, error: str = "") -> str:
    """Return half a sentence with what the environment makes of a ``dimension``: "the root is read-only in lambda".

    Args:
        setting: The environment.
        dimension: What is to be blamed; of one that the environment doesn't change nothing is said but its name.
        error: Name of the errno: EACCES on a read-only root is a matter of who owns what (the kernel asks that first).
    """
    return because_in([holding(setting, dimension, error)])


def because_in(several: Iterable[Holding]) -> str:
    """Return the same for several environments: those that have something in common together.

    Cells of a version matrix with the same profile are one environment in this.
    """
    groups: dict[str, dict[str, None]] = {}
    for one in several:
        groups.setdefault(one.because, {})[one.environment] = None
    return ", and ".join(_filled(template, list(names)) for template, names in groups.items())


def holding(setting: Setting, dimension: str, error: str = "", version: str = "") -> Holding:
    """Return what a sentence leaves open, for an environment; arguments are those of `because`, and a library's version."""
    return Holding(named(setting), _template(setting.values, dimension, error), version)


def named(setting: Setting) -> str:
    """Return what sentences call an environment: cells of a version matrix by their profile."""
    return setting.profile or setting.name


def together(names: Iterable[str]) -> str:
    """Return names as in a sentence: "a, b and c"; "" for none."""
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _filled(template: str, names: list[str]) -> str:
    # Not `str.format`: a value, such as a path or LANG, may have braces.
    return template.replace(_HERE, together(names)).replace(_HAVE, "has" if len(names) == 1 else "have")


def _template(values: Values, dimension: str, error: str) -> str:
    if dimension == "root" and error in _NOT_THE_OWNER and "uid" in values:
        return _user_may_not(values)
    if not changes(values, dimension):
        return f"{_HERE} {_HAVE} another {_MEANINGS.get(dimension, dimension)}" if dimension else f"in {_HERE}"
    return _WORDS.get(dimension, _other_words)(values, dimension)


def _is_other(values: Values, dimension: str) -> bool:
    return values.get(dimension, "host") not in _AS_ON_THE_HOST


def _is_root_changed(values: Values) -> bool:
    return values.get("root") == "read-only" or "uid" in values


def _is_home_changed(values: Values) -> bool:
    return _is_other(values, "home") or "uid" in values


def _is_user_changed(values: Values) -> bool:
    return values.get("user") == "" or ("uid" in values and "user" not in values)


def _is_execution_denied(values: Values) -> bool:
    return values.get("tmp_exec") is False or values.get("shm_exec") is False


def _is_shm_changed(values: Values) -> bool:
    # A /dev/shm that is left as the host has it lies below the root, and is as read-only.
    return _is_other(values, "shm") or values.get("root") == "read-only"


def _is_tmp_writable(values: Values) -> bool:
    writable = values.get("writable", ())
    assert isinstance(writable, tuple)
    return values.get("root") != "read-only" or values.get("tmp") == "private" or "/tmp" in writable


def _is_tmp_changed(values: Values) -> bool:
    return values.get("tmp") == "private" or not _is_tmp_writable(values)


def _is_env_changed(values: Values) -> bool:
    return "env" in values or "env_unset" in values


_CHANGES: Mapping[str, Callable[[Values], bool]] = {
    "root": _is_root_changed,
    "home": _is_home_changed,
    "user": _is_user_changed,
    "tmp_exec": _is_execution_denied,
    "shm_exec": lambda values: values.get("shm_exec") is False,
    "tmp_in_memory": lambda values: values.get("tmp_in_memory") is True,
    "network": lambda values: _is_other(values, "network") or "origins" in values,
    "shm": _is_shm_changed,
    "symlinks": lambda values: values.get("symlinks") is False,
    "executable_mappings": lambda values: bool(values.get("executable_mappings")),
    "tmp": _is_tmp_changed,
    "env": _is_env_changed,
}


def _user_may_not(values: Values) -> str:
    return f"it doesn't belong to the user {values.get('uid')} of {_HERE}"


def _root_words(values: Values, _dimension: str) -> str:
    return f"the root is read-only in {_HERE}" if values.get("root") == "read-only" else _user_may_not(values)


def _home_words(values: Values, _dimension: str) -> str:
    home = values.get("home", "host")
    if home == "host":
        return f"the user is {values.get('uid')} in {_HERE}, not the owner of HOME"
    return f"HOME is not set in {_HERE}" if home == "unset" else f"HOME is {home} in {_HERE}"


def _user_words(values: Values, _dimension: str) -> str:
    return f"the user {values['uid']} has no name in {_HERE}" if "uid" in values else f"the user has no name in {_HERE}"


def _code_words(values: Values, _dimension: str) -> str:
    kinds = values["executable_mappings"]
    assert isinstance(kinds, tuple)
    if kinds == ("exec-paths",):
        return f"only files of the interpreter and the system can be executed in {_HERE}"
    if "no-execmem" in kinds:
        return f"no memory can be executed that isn't a file in {_HERE}"
    return f"no memory can be executed that is or was writable in {_HERE}"


def _exec_words(values: Values, _dimension: str) -> str:
    where = "/tmp" if values.get("tmp_exec") is False else "/dev/shm"
    return f"{where} is mounted noexec in {_HERE}"


def _shm_words(values: Values, _dimension: str) -> str:
    kind, size = values.get("shm", "host"), values.get("shm_size")
    if kind == "absent":
        return f"there is no /dev/shm in {_HERE}"
    if kind == "host":
        return f"/dev/shm is read-only in {_HERE}"
    if isinstance(size, int):
        return f"/dev/shm has {show_size(size)} in {_HERE}"
    return f"/dev/shm is a fresh one in {_HERE}"


def _network_words(values: Values, _dimension: str) -> str:
    served = values.get("origins")
    if isinstance(served, Mapping) and served:
        return f"only {together(served)} can be reached in {_HERE}"
    return {
        "drop": f"what is sent to the network vanishes in {_HERE}",
        "refuse": f"the network refuses connections in {_HERE}",
        "nxdomain": f"{_HERE} {_HAVE} no network, and no host name exists there",
    }.get(str(values.get("network")), f"{_HERE} {_HAVE} no network")


def _tmp_words(values: Values, _dimension: str) -> str:
    return f"/tmp is {'a fresh one' if _is_tmp_writable(values) else 'read-only'} in {_HERE}"


def _env_words(_values: Values, _dimension: str) -> str:
    return f"{_HERE} {_HAVE} other environment variables"


def _cpus_words(values: Values, _dimension: str) -> str:
    number = values["cpus"]
    return f"there {'is 1 processor' if number == 1 else f'are {number} processors'} in {_HERE}"


def _hidden_words(values: Values, _dimension: str) -> str:
    paths = values["hidden"]
    assert isinstance(paths, tuple)
    return f"{together(paths)} can't be read in {_HERE}"


def _of(words: str) -> Callable[[Values, str], str]:
    """Return what fills a value in: a size as people write it."""

    def fill(values: Values, dimension: str) -> str:
        value = values[dimension]
        sized = dimension in _SIZES and isinstance(value, int)
        return words.replace("{value}", show_size(value) if sized and isinstance(value, int) else str(value))

    return fill


def _place_words(values: Values, dimension: str) -> str:
    place = {"proc": "/proc", "devices": "/dev"}[dimension]
    return f"{place} is {'read-only' if values[dimension] == 'read-only' else 'as in a container'} in {_HERE}"


def _other_words(values: Values, dimension: str) -> str:
    value = values[dimension]
    shown = "other" if isinstance(value, tuple | Mapping) else value
    return f"the {_MEANINGS.get(dimension, dimension)} is {shown} in {_HERE}"


_SIZES = ("mmap_limit", "tmp_size", "shm_size", "memory", "stack")
_WORDS: Mapping[str, Callable[[Values, str], str]] = {
    "root": _root_words,
    "home": _home_words,
    "user": _user_words,
    "tmp_exec": _exec_words,
    "shm": _shm_words,
    "network": _network_words,
    "tmp": _tmp_words,
    "env": _env_words,
    "env_unset": _env_words,
    "cpus": _cpus_words,
    "hidden": _hidden_words,
    "tmp_size": _of(f"/tmp has {{value}} in {_HERE}"),
    "shm_size": _of(f"/dev/shm has {{value}} in {_HERE}"),
    "memory": _of(f"memory is limited to {{value}} in {_HERE}"),
    "stack": _of(f"the stack is limited to {{value}} in {_HERE}"),
    "open_files": _of(f"no more than {{value}} files may be open in {_HERE}"),
    "processes": _of(f"no more than {{value}} processes and threads may run in {_HERE}"),
    "uid": _of(f"the user is {{value}} in {_HERE}"),
    "gid": _of(f"the group is {{value}} in {_HERE}"),
    "locale": _of(f"LANG is {{value}} in {_HERE}"),
    "timezone": _of(f"TZ is {{value}} in {_HERE}"),
    "proc": _place_words,
    "devices": _place_words,
    "cwd": _of(f"the project lies in {{value}} in {_HERE}, and nothing at the path that it has here"),
    "symlinks": lambda _values, _dimension: f"no symbolic links can be made in {_HERE}",
    "executable_mappings": _code_words,
    "mmap_limit": _of(f"no mapping may be larger than {{value}} in {_HERE}"),
    "tmp_mode": lambda values, _dimension: f"the mode of /tmp is {values['tmp_mode']:o} in {_HERE}",
    "tmp_in_memory": lambda _values, _dimension: f"what lies in /tmp counts as memory in {_HERE}",
    "shm_exec": lambda _values, _dimension: f"/dev/shm is mounted noexec in {_HERE}",
    "writable": lambda _values, _dimension: f"some folders are fresh ones in {_HERE}",
    "open_files_hard": _of(f"no more than {{value}} files may be open in {_HERE}"),
    "capabilities": lambda _values, _dimension: f"the process has no capabilities in {_HERE}",
}
_MEANINGS = {
    "folder": "working folder",
    "hostname": "host name",
    "runtime": "Python",
    "user_home": "user's home",
    "env": "set of variables",
}
