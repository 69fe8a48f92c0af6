"""Why a worker died, from its exit code."""

from __future__ import annotations

import pytest

from pytest_envguard.endings import describe
from pytest_envguard.model.exits import CANNOT_ENTER, OUT_OF_MEMORY
from pytest_envguard.model.plan import Plan

LIMITED = Plan("lambda", "", script={"memory": {"limit": 128 << 20, "folders": []}})
FREE = Plan("lambda", "", script={"memory": None})


@pytest.mark.parametrize(
    ("code", "plan", "sentence"),
    [
        (0, FREE, "the worker's process ended with exit code 0 (os._exit?)"),
        (3, FREE, "the worker's process ended with exit code 3 (os._exit?)"),
        (CANNOT_ENTER, FREE, "the environment lambda could not be entered"),
        (OUT_OF_MEMORY, LIMITED, "killed for memory: more than the 128 MiB of lambda"),
        (OUT_OF_MEMORY, FREE, "the worker's process ended with exit code 137 (os._exit?)"),
        (
            -9,
            LIMITED,
            "the worker was ended by SIGKILL: killed from outside: most often the machine itself ran out of memory",
        ),
        (-11, FREE, "the worker was ended by SIGSEGV: a native extension touched memory that isn't there"),
        (-7, FREE, "the worker was ended by SIGBUS: a file in memory could not grow: /dev/shm or /tmp is full"),
        (-31, FREE, "the worker was ended by SIGSYS: a system call that a seccomp filter forbids"),
        (-15, FREE, "the worker was ended by SIGTERM"),
        (-40, FREE, "the worker was ended by signal 40"),
    ],
)
def test_describe(code: int, plan: Plan, sentence: str) -> None:
    """A code is the launcher's, the program's or a signal's; a signal has its likely cause."""
    assert describe(code, plan) == sentence
