"""Threads of the process that a test is forked from: they don't exist in the fork, but what they held stays held."""

from __future__ import annotations

import os
import threading
import time
import warnings

import pytest

_TASKS = "/proc/self/task"
_LAST_MOMENT = 0.01  # seconds in which a thread that is about to end does so


class EnvguardWarning(pytest.PytestWarning):
    """Something that may make a test in an environment differ from what it would be there."""


_known: set[str] = set()


def begin() -> None:
    """Note the threads that belong to whoever runs pytest (xdist, an editor, a debugger), before any test module."""
    _known.update(_threads())


def _threads() -> list[str]:
    try:
        return os.listdir(_TASKS)
    except OSError:
        return []


def warn_about(item: pytest.Item) -> None:
    """Warn once about threads that tests, fixtures or imports have started in this process."""
    if not _fresh():
        return
    time.sleep(_LAST_MOMENT)
    fresh = _fresh()
    if not fresh:
        return
    _known.update(fresh)
    names = ", ".join(sorted({_name(thread) for thread in fresh}))
    warnings.warn_explicit(
        EnvguardWarning(
            f"{item.nodeid} is forked from a process with {len(fresh)} further thread{'s' * (len(fresh) > 1)} ({names}): "
            "pools of OpenMP, tokenizers or torch don't work in a fork, and a lock that a thread holds stays locked. "
            "If it hangs or is slow: @pytest.mark.envguard(…, fresh=True) runs it in a fresh interpreter"
        ),
        category=EnvguardWarning,
        filename=str(item.path),
        lineno=(item.location[1] or 0) + 1,
    )


def _fresh() -> list[str]:
    return [thread for thread in _threads() if thread not in _known and thread != str(os.getpid())]


def _name(thread: str) -> str:
    """Return Python's name of a thread, or the kernel's for one that Python doesn't know."""
    for known in threading.enumerate():
        if str(known.native_id) == thread:
            return known.name
    try:
        with open(f"{_TASKS}/{thread}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "ended"
