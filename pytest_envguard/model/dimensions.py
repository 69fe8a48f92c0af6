"""The dimensions of an environment: what each may be, and which of two values is the stricter one.

A profile names only what it changes; a dimension that it leaves out stays as the host has it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError

Value = str | int | bool | tuple[str, ...] | Mapping[str, str]


class Dimension(NamedTuple):
    """One thing that an environment can change.

    Attributes:
        name: The key in a profile's TOML, in ``[tool.envguard.profiles]`` and on the command line.
        meaning: What it sets, its unit and its values, as a user reads them in ``envguard profiles``.
        read: Turns what a user wrote (a TOML value, or text from the command line) into the value; raises `ValueError`.
        stricter: Of two values the one that leaves less; the first where neither does.
    """

    name: str
    meaning: str
    read: Callable[[object], Value]
    stricter: Callable[[Value, Value], Value]


MDWE, MDWE_FILTER, NO_EXECMEM, EXEC_PATHS = EXECUTABLE_MAPPINGS = ("mdwe", "mdwe-filter", "no-execmem", "exec-paths")

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_UNLIMITED_ID = 2**32 - 2  # (uid_t)-1 means "no change" to setresuid(2)


def read_size(raw: object) -> int:
    """Return the bytes that ``raw`` stands for: a whole number, or text such as "512M" or "1.5GiB" (powers of 1024)."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        size = raw
    else:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", str(raw).strip().lower())
        if not match:
            raise ValueError('a size such as "512M" or "10G"')
        size = int(float(match[1]) * _UNITS[match[2]])
    if size <= 0:
        raise ValueError("a size above zero")
    return size


def show_size(size: int) -> str:
    """Return ``size`` bytes as people write them, in the largest unit that leaves it whole to one decimal."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(raw: object) -> int:
        text = str(raw).strip()
        if isinstance(raw, bool) or not re.fullmatch(r"\d+", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _limit(raw: object) -> int:
    if str(raw).strip().lower() == "unlimited":
        return -1
    return _whole(1, 2**63 - 1)(raw)


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if str(raw).strip().lower() not in words:
        raise ValueError("true or false")
    return words[str(raw).strip().lower()]


def _one_of(*words: str) -> Callable[[object], str]:
    def read(raw: object) -> str:
        if raw not in words:
            raise ValueError("one of " + ", ".join(f'"{word}"' for word in words))
        return str(raw)

    return read


def _text(raw: object) -> str:
    if not isinstance(raw, str) or "\0" in raw:
        raise ValueError("text")
    return raw


def _user_name(raw: object) -> str:
    if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9_.$-]*", raw):
        raise ValueError("a user name of letters, digits, `_`, `.`, `$` and `-`, or an empty text for none")
    return raw


def _host_name(raw: object) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?", str(raw)):
        raise ValueError("a host name of at most 64 letters, digits, dots and hyphens")
    return str(raw)


def _octal(raw: object) -> int:
    text = str(raw).strip().removeprefix("0o")
    if isinstance(raw, bool) or not re.fullmatch(r"[0-7]{3,4}", text):
        raise ValueError('an octal mode in quotes such as "1777"')
    return int(text, 8)


def _path(raw: object) -> str:
    text = str(raw)
    if not text.startswith("/") or "\0" in text or "/../" in text + "/":
        raise ValueError("an absolute path")
    return "/" + posixpath.normpath(text).strip("/")


def _paths(raw: object) -> tuple[str, ...]:
    words = raw.split(";") if isinstance(raw, str) else raw
    if not isinstance(words, Sequence):
        raise ValueError("a list of absolute paths")
    return tuple(_path(word) for word in words)


def _path_or(*words: str) -> Callable[[object], str]:
    def read(raw: object) -> str:
        if raw in words:
            return str(raw)
        try:
            return _path(raw)
        except ValueError:
            raise ValueError("an absolute path or " + ", ".join(f'"{word}"' for word in words)) from None

    return read


def _names(raw: object) -> tuple[str, ...]:
    words = raw.split(";") if isinstance(raw, str) else raw
    if not isinstance(words, Sequence) or not all(isinstance(word, str) and word for word in words):
        raise ValueError("a list of variable names (a `*` at the end stands for any rest)")
    return tuple(words)


def _any_of(*words: str) -> Callable[[object], tuple[str, ...]]:
    """Read a list of some of ``words``, "host" for none, each of them once and in their order here."""

    def read(raw: object) -> tuple[str, ...]:
        given = [word.strip() for word in raw.split(";")] if isinstance(raw, str) else raw
        if given == ["host"]:
            return ()
        if not isinstance(given, Sequence) or not all(word in words for word in given):
            raise ValueError('"host", or a list of some of ' + ", ".join(f'"{word}"' for word in words))
        return tuple(word for word in words if word in given)

    return read


def _variables(raw: object) -> Mapping[str, str]:
    if not isinstance(raw, Mapping) or not all(isinstance(value, str) for value in raw.values()):
        raise ValueError("a table of variables, each with text as its value")
    for name, value in raw.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError("a table of variables whose names have no `=`")
    return dict(raw)


def _origins(raw: object) -> Mapping[str, str]:
    from pytest_envguard.model.origin import read_origins  # few environments have any

    return read_origins(raw)


def _ranked(*words: str) -> Callable[[Value, Value], Value]:
    """Strictness by place in the list; a word that isn't in it (a path, say) ranks in the middle of it."""

    def rank(value: Value) -> float:
        return words.index(value) if value in words else 0.5

    return lambda first, second: second if rank(second) > rank(first) else first


def _least(first: Value, second: Value) -> Value:
    assert isinstance(first, int) and isinstance(second, int)
    if -1 in (first, second):
        return max(first, second)
    return min(first, second)


def _both(first: Value, second: Value) -> Value:
    return bool(first and second)


def _either(first: Value, second: Value) -> Value:
    return bool(first or second)


def _union(first: Value, second: Value) -> Value:
    assert isinstance(first, tuple) and isinstance(second, tuple)
    return (*first, *(value for value in second if value not in first))


def _common(first: Value, second: Value) -> Value:
    assert isinstance(first, tuple) and isinstance(second, tuple)
    return tuple(value for value in first if value in second)


def _merge(first: Value, second: Value) -> Value:
    assert isinstance(first, Mapping) and isinstance(second, Mapping)
    return {**second, **first}


def _first(first: Value, _second: Value) -> Value:
    return first


_ALL = (
    Dimension(
        "root",
        'all mounts: "read-only" (EROFS for everyone, root included) or "host"',
        _one_of("host", "read-only"),
        _ranked("host", "read-only"),
    ),
    Dimension(
        "proc",
        '/proc: "read-only", "container" (as runc mounts it: /proc/sys read-only, some files masked) or "host" '
        "(left out: as the root is)",
        _one_of("host", "container", "read-only"),
        _ranked("host", "container", "read-only"),
    ),
    Dimension(
        "devices",
        '/dev: "read-only", "container" (its own, writable for root) or "host"',
        _one_of("host", "container", "read-only"),
        _ranked("host", "container", "read-only"),
    ),
    Dimension(
        "tmp",
        '/tmp: "private" (a fresh tmpfs) or "host"',
        _one_of("host", "private"),
        _ranked("host", "private"),
    ),
    Dimension(
        "tmp_size", 'size of /tmp, such as "512M"; ENOSPC beyond it (left out: half of the memory)', read_size, _least
    ),
    Dimension("tmp_exec", "whether files in /tmp can be executed and mapped executable", _flag, _both),
    Dimension("tmp_mode", 'octal mode of /tmp, such as "1777"', _octal, _first),
    Dimension("tmp_in_memory", "whether what lies in /tmp and /dev/shm counts as used memory", _flag, _either),
    Dimension("writable", "further folders that are writable: each a fresh, private tmpfs", _paths, _common),
    Dimension("hidden", "files and folders that can't be entered or read", _paths, _union),
    Dimension(
        "shm",
        '/dev/shm: "absent", "private" (a fresh tmpfs) or "host"',
        _one_of("host", "private", "absent"),
        _ranked("host", "private", "absent"),
    ),
    Dimension("shm_size", 'size of /dev/shm, such as "64M"', read_size, _least),
    Dimension("shm_exec", "whether files in /dev/shm can be executed", _flag, _both),
    Dimension("uid", "user id of the process", _whole(0, _UNLIMITED_ID), _first),
    Dimension("gid", "group id of the process", _whole(0, _UNLIMITED_ID), _first),
    Dimension("user", 'name in the passwd entry of the uid; "" means that there is no entry', _user_name, _first),
    Dimension("user_home", "home folder in the passwd entry", _path, _first),
    Dimension(
        "symlinks",
        "whether symbolic links can be made: false is EPERM, as on vfat and exFAT; those that are there still work",
        _flag,
        _both,
    ),
    Dimension(
        "executable_mappings",
        "what can't be mapped to be executed, some of: "
        '"mdwe" (what is or was writable: EACCES, as with MemoryDenyWriteExecute= of systemd 254 on Linux 6.3), '
        '"mdwe-filter" (the same of older ones: EPERM, and for each mprotect), '
        '"no-execmem" (what isn\'t a file: EACCES, as by SELinux without execmem), '
        "\"exec-paths\" (files beyond the interpreter's and the system's: EPERM, and EACCES to run them, as with NoExecPaths=/)",
        _any_of(*EXECUTABLE_MAPPINGS),
        _union,
    ),
    Dimension(
        "mmap_limit",
        'size of the largest single mapping, such as "64M"; ENOMEM beyond it (mmap, mremap; not brk and the stack)',
        read_size,
        _least,
    ),
    Dimension("capabilities", '"none" or "host"', _one_of("host", "none"), _ranked("host", "none")),
    Dimension("home", 'HOME: an absolute path, "unset" or "host"', _path_or("host", "unset"), _ranked("host", "unset")),
    Dimension("env", "environment variables that are set", _variables, _merge),
    Dimension("env_unset", "environment variables that are removed; `XDG_*` removes all that start so", _names, _union),
    Dimension(
        "network",
        '"none" (ENETUNREACH), "drop" (hangs), "refuse" (ECONNREFUSED), "nxdomain" (as none, and no name exists) '
        'or "open"; loopback and AF_UNIX always work',
        _one_of("open", "refuse", "nxdomain", "none", "drop"),
        _ranked("open", "refuse", "nxdomain", "none", "drop"),
    ),
    Dimension(
        "origins",
        'hosts that are served from folders, such as `{ "huggingface.co" = "models" }`, and nothing else of the network: '
        "their names lead to a server that clients trust; `FOLDER; FAULT` or `{ folder, fault }` lets something go wrong",
        _origins,
        _merge,
    ),
    Dimension("open_files", "soft limit of open files (RLIMIT_NOFILE)", _limit, _least),
    Dimension("open_files_hard", "hard limit of open files", _limit, _least),
    Dimension("processes", "processes and threads of the uid (RLIMIT_NPROC)", _limit, _least),
    Dimension("stack", 'soft limit of the stack, such as "8M"', read_size, _least),
    Dimension("memory", 'memory of all processes together, such as "1024M"; SIGKILL beyond it', read_size, _least),
    Dimension("cpus", "processors that the process may use and count", _whole(1, 4096), _least),
    Dimension("locale", "LANG; LANGUAGE and LC_* are removed (LC_CTYPE can be set again in `env`)", _text, _first),
    Dimension("timezone", "TZ", _text, _first),
    Dimension("hostname", "host name", _host_name, _first),
    Dimension(
        "cwd",
        "folder that the project is shown in, which is the working folder too: at its own place it isn't there any more",
        _path,
        _first,
    ),
    Dimension("folder", 'working folder: "project" or an absolute path', _path_or("project"), _first),
    Dimension(
        "runtime", 'Python version of the deployment, such as "3.12" (left out: the one that runs)', _text, _first
    ),
)

DIMENSIONS: dict[str, Dimension] = {dimension.name: dimension for dimension in _ALL}


def read(name: str, raw: object, where: str) -> Value:
    """Return the value of dimension ``name`` from what the user wrote at ``where``.

    Raises:
        EnvguardError: The value isn't one that the dimension can have.
    """
    try:
        return DIMENSIONS[name].read(raw)
    except ValueError as error:
        shown = "true" if raw is True else "false" if raw is False else repr(raw)
        raise EnvguardError(f"{where}: `{name}`: expected {error}, got {shown}") from None
