"""Resource limits and processors of a process."""

from __future__ import annotations

import os
import resource


def apply(limits: dict[str, list[int]]) -> None:
    """Set each limit (a name of `resource` without ``RLIMIT_``) to its [soft, hard]; -1 is unlimited.

    A hard limit above the present one needs privilege; where that's missing the present one stays, and the soft limit,
    which is what a program meets, is still set.
    """
    for name, (soft, hard) in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        try:
            resource.setrlimit(number, (soft, hard))
        except (ValueError, PermissionError):
            present = resource.getrlimit(number)[1]
            resource.setrlimit(number, (soft, present))


def pin(count: int) -> None:
    """Let the process run on ``count`` of the processors it may use now."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:count]))
