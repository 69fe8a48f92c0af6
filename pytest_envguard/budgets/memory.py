"""How much memory this process has: now, and at its peak.

What grows is asked of the anonymous and shared memory: pages of files are the system's cache, which come as they are read
and go when somebody needs the room. Neither PSS nor private pages do in a forked test, where every page that is written to
ceases to be shared with the parent: they grow, and nothing leaks.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError

_ROLLUP = "/proc/self/smaps_rollup"
_STATUS = "/proc/self/status"
_RESET = "/proc/self/clear_refs"
_RESET_PEAK = "5"  # proc_pid_clear_refs(5), since Linux 4.0
_KEPT = {
    _ROLLUP: ("Anonymous", "Swap", "Pss_Shmem"),  # counted page by page
    _STATUS: ("RssAnon", "RssShmem", "VmSwap"),  # a sum that lags behind by some pages for each processor
}


class Peak(NamedTuple):
    """The most memory that this process had at once.

    Attributes:
        size: Bytes.
        note: Since when, and as of whom.
    """

    size: int
    note: str


def held() -> int:
    """Return the bytes that this process holds after giving back what can be: garbage, and what the C library keeps for later.

    Raises:
        EnvguardError: The system doesn't say.
    """
    gc.collect()
    _trim()
    for file, names in _KEPT.items():
        fields = _fields(file)
        if names[0] in fields:
            return sum(fields.get(name, 0) for name in names)
    raise EnvguardError(
        "how much memory this process holds isn't known: there is no /proc as Linux has it",
        "growth can be measured on Linux only; `pytest.mark.skipif(sys.platform != 'linux', …)` leaves the test out",
    )


class PeakWatch:
    """The peak from its construction on, where the kernel can forget the former one; else since the process began."""

    def __init__(self) -> None:
        self._before = _fields(_STATUS).get("VmRSS", 0)
        self._reset = _forget_peak()

    def peak(self) -> Peak:
        """Return it. Children of this process are not in it."""
        size = _fields(_STATUS).get("VmHWM", 0)
        if not size:
            return _peak_of_usage()
        if not self._reset:
            return Peak(size, "VmHWM since the process began: this kernel or environment lets nobody reset it")
        from pytest_envguard.model.budget import show_bytes

        before = show_bytes(min(self._before, size))  # the kernel's sums lag behind a little
        return Peak(size, f"VmHWM from the test's setup on; {before} of it were there before")


def _peak_of_usage() -> Peak:
    try:
        import resource
    except ImportError:
        raise EnvguardError("this system doesn't say how much memory a process had at its peak") from None
    unit = 1 if sys.platform == "darwin" else 1024
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Peak(size, "ru_maxrss since the process began")


def _forget_peak() -> bool:
    try:
        with open(_RESET, "w", encoding="ascii") as file:  # noqa: PTH123  # nothing of pathlib's is needed
            file.write(_RESET_PEAK)
    except OSError:  # /proc is read-only in many environments
        return False
    return True


def _fields(file: str) -> dict[str, int]:
    """Return the sizes in a file of /proc, in bytes; nothing where it can't be read."""
    found = {}
    with suppress(OSError), open(file, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123  # see above
        for line in lines:
            name, _, text = line.partition(":")
            words = text.split()
            if len(words) == 2 and words[1] == "kB" and words[0].isdigit():
                found[name] = int(words[0]) * 1024
    return found


@cache
def _trimmer() -> Callable[[int], int] | None:
    """Return glibc's own function; other C libraries have none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


def _trim() -> None:
    trim = _trimmer()
    if trim:
        trim(0)
