"""The seccomp filters that this process is under, and which of them came after it began."""

from __future__ import annotations

import os
from contextlib import suppress

_process = 0
_first: int | None = None  # filters when the process began: this plugin's, and those around it


def begin() -> None:
    """Note how many there are now; once in a process."""
    global _process, _first
    if not _process:
        _process, _first = os.getpid(), _count()


def are_more() -> bool:
    """Whether there are more than when the process began; False where nobody knows, as in a fork."""
    return _first is not None and _process == os.getpid() and (_count() or 0) > _first


def _count() -> int | None:
    """Return how many seccomp filters this process is under; None where nobody says (before Linux 5.9)."""
    with suppress(OSError, ValueError), open("/proc/self/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            if line.startswith("Seccomp_filters:"):
                return int(line.split()[1])
    return None
