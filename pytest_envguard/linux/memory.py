"""The memory watchdog: kills as the platforms do, with SIGKILL and without an exception.

A limit on address space (RLIMIT_AS) would raise MemoryError, which no container or function platform does.
"""

from __future__ import annotations

import os
import time

PERIOD = 0.02  # seconds between two looks: a look costs some 30 µs a process
_PAGE = os.sysconf("SC_PAGE_SIZE")


def watch(limit: int, folders: list[str], spare: frozenset[int]) -> int:
    """Return the bytes in use as soon as they exceed ``limit``; never returns before.

    Counted are all processes of this process namespace except ``spare``, plus what lies in ``folders`` (tmpfs that the
    platform charges to memory).
    """
    while True:
        pids = [pid for name in os.listdir("/proc") if name.isdigit() and (pid := int(name)) not in spare]
        files = sum(_used(folder) for folder in folders)
        # Resident pages that several processes share count once for the platform: the cheap sum first, the exact one
        # (PSS) only when the cheap one is over the limit.
        if files + sum(map(_resident, pids)) > limit:
            exact = files + sum(map(_proportional, pids))
            if exact > limit:
                return exact
        time.sleep(PERIOD)


def _used(folder: str) -> int:
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):  # it has just ended
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
