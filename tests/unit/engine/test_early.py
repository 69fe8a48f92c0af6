"""Why a run ended before its end, in the words that every report begins with."""

from __future__ import annotations

import pytest
from xdist.dsession import Interrupted

from pytest_envguard.engine.early import SIGTERM, how_far, why
from pytest_envguard.model.verdict import Outcome, Run


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, ""),
        (KeyboardInterrupt(), "interrupted by Ctrl-C"),
        (KeyboardInterrupt(SIGTERM), "interrupted by SIGTERM"),
        (Interrupted("stopping after 1 failures"), "stopped after 1 failure, as -x or --maxfail asks for"),
        (Interrupted("stopping after 3 failures"), "stopped after 3 failures, as -x or --maxfail asks for"),
        (
            Interrupted("<WorkerController lambda-0> received keyboard-interrupt"),
            "interrupted by Ctrl-C, or by pytest.exit in a test",
        ),
        (Interrupted("a plugin said so"), "stopped: a plugin said so"),
        (pytest.exit.Exception("enough"), "ended by pytest.exit: enough"),
        (
            RuntimeError("first\nsecond"),
            "broken off by an error of pytest or of a plugin: RuntimeError: first",
        ),
    ],
)
def test_what_ended_a_run(error: BaseException | None, said: str) -> None:
    """An interrupt of the user, of xdist, of a test, or an error."""
    assert why(error) == said


def test_how_much_of_a_run_there_is() -> None:
    """Of environments that did not get as far as to collect, the number is known and nothing else."""
    passed = Outcome("passed")
    whole = Run("a", {"t1": passed, "t2": passed}, collected=("t1", "t2"))
    half = Run("b", {"t1": passed}, collected=("t1", "t2"))
    assert how_far([whole, half]) == "3 of 4 tests ran"
    assert how_far([whole, half, Run("c"), Run("d")]) == "3 of 4 tests ran, and of 2 environments none"
    assert how_far([Run("c")]) == "no test ran"
    file_that_failed = Run("e", {"test_a.py": passed}, collected=("t1",))
    assert how_far([file_that_failed]) == "0 of 1 test ran"
