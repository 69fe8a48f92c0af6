"""What is measured in the process when something has failed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from pytest_envguard.evidence import filters
from pytest_envguard.evidence.texts import plain
from pytest_envguard.model.evidence import ADDRESS_SPACE, NOEXEC, SECCOMP, WRITE_XOR_EXECUTE, Fact, Raised

_UNMAPPED = "failed to map segment from shared object"  # glibc's; musl says "Error loading shared library"
_UNMAPPED_FILE = re.compile(rf"(/[^\s:'\"]+): {_UNMAPPED}")
_DENIED_FILE = re.compile(r"(/[^\s:'\"]+): Permission denied|Permission denied: '(/[^']+)'")
_NO_MEMORY = re.compile(rf"{_UNMAPPED}|cannot allocate|bad_alloc|MemoryError", re.IGNORECASE)
_NO_CODE = re.compile(rf"{_UNMAPPED}|cannot allocate .*memory", re.IGNORECASE)
_PR_GET_MDWE = 66  # include/uapi/linux/prctl.h, Linux 6.3
_REFUSE_EXEC_GAIN = 1


def facts_of(raised: Iterable[Raised], output: str, noexec: Iterable[str] = ()) -> tuple[Fact, ...]:
    """Measure what the texts call for; most failures call for nothing."""
    raised = tuple(raised)
    text = "\n".join([*(f"{one.kind}: {one.message}" for one in raised), output])
    found = [Fact(NOEXEC, folder) for folder in dict.fromkeys(_noexec_folders(raised, text, tuple(noexec)))]
    if _NO_MEMORY.search(text) or any(one.error == "ENOMEM" for one in raised):
        found += [Fact(ADDRESS_SPACE, limit) for limit in _address_space()]
    if _NO_CODE.search(text):
        if filters.are_more():
            found.append(Fact(SECCOMP, ""))
        if _refuses_code():
            found.append(Fact(WRITE_XOR_EXECUTE, ""))
    return tuple(found)


def _noexec_folders(raised: tuple[Raised, ...], text: str, noexec: tuple[str, ...]) -> Iterator[str]:
    libraries = [*_UNMAPPED_FILE.findall(text), *(one.path for one in raised if one.path and _UNMAPPED in one.message)]
    programs = [one or other for one, other in _DENIED_FILE.findall(text)]
    programs += [one.path for one in raised if one.path and one.error == "EACCES"]
    for path in (*libraries, *filter(_is_program, programs)):
        with suppress(OSError, ValueError):
            folder = _existing(os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120  # texts
            if _forbids_execution(folder, noexec):
                yield plain(folder)


def _is_program(path: str) -> bool:
    """Whether a file says that it may be executed: one that doesn't is refused on every mount."""
    with suppress(OSError, ValueError):
        return os.path.isfile(path) and bool(os.stat(path).st_mode & 0o111)  # noqa: PTH113, PTH116  # texts
    return False


def _existing(folder: str) -> str:
    while not os.path.isdir(folder) and folder != "/":  # noqa: PTH112  # texts
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder


def _forbids_execution(folder: str, noexec: tuple[str, ...]) -> bool:
    if hasattr(os, "ST_NOEXEC") and os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return True
    # What is mounted in there, and may be executed, is on another device.
    return any(
        f"{folder}/".startswith(f"{forbidden}/") and os.stat(folder).st_dev == os.stat(forbidden).st_dev  # noqa: PTH116
        for forbidden in noexec
    )


def _address_space() -> list[str]:
    """Return the limit in bytes, nothing where there is none."""
    with suppress(ImportError, OSError):  # Windows
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        return [] if limit == resource.RLIM_INFINITY else [str(limit)]
    return []


def _refuses_code() -> bool:
    """Whether the kernel refuses memory that becomes executable: systemd's MemoryDenyWriteExecute."""
    with suppress(ImportError, OSError, AttributeError):  # an older kernel, another system
        from pytest_envguard.linux.syscalls import prctl

        return bool(prctl(_PR_GET_MDWE) & _REFUSE_EXEC_GAIN)
    return False
