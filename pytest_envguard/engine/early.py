"""Why a run ended before its end, for the top of every report."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from xdist.dsession import Interrupted

from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import count

SIGTERM = "SIGTERM"
BEFORE = "it ended before the first test"
_FAILURES = re.compile(r"stopping after (\d+) failures")


def why(error: BaseException | None) -> str:
    """Return what ended the tests, in words that follow "not a whole run"; "" for nothing.

    Args:
        error: What left pytest's loop. xdist raises an interrupt of its own for ``-x``, and where a worker noticed a
            Ctrl-C (or a test's `pytest.exit`) first.
    """
    if error is None:
        return ""
    text = str(error).partition("\n")[0]
    if isinstance(error, pytest.exit.Exception):
        return f"ended by pytest.exit: {text}"
    if isinstance(error, Interrupted | pytest.Session.Interrupted):
        if failures := _FAILURES.search(text):
            return f"stopped after {count(int(failures[1]), 'failure')}, as -x or --maxfail asks for"
        if "keyboard-interrupt" in text:
            return "interrupted by Ctrl-C, or by pytest.exit in a test"
        return f"stopped: {text}"
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted by {SIGTERM if text == SIGTERM else 'Ctrl-C'}"
    return f"broken off by an error of pytest or of a plugin: {type(error).__name__}: {text}"


def how_far(runs: Iterable[Run]) -> str:
    """Return how much of a run there is: "13 of 40 tests ran, 2 environments were not begun"."""
    runs = list(runs)
    known = [run for run in runs if run.collected is not None]
    ran = sum(len(set(run.collected or ()) & run.outcomes.keys()) for run in known)
    asked = sum(len(run.collected or ()) for run in known)
    unknown = len(runs) - len(known)
    counted = f"{ran} of {count(asked, 'test')} ran" if asked else "no test ran"
    return counted + (f", and of {count(unknown, 'environment')} none" if unknown and asked else "")
