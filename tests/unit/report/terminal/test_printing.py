"""A run's report outside of pytest."""

from __future__ import annotations

import io

from pytest_envguard.report.merging.merge import merge
from pytest_envguard.report.summary import Invocation, Summary, summarise
from pytest_envguard.report.terminal.printing import print_summary
from tests.unit.report.pages import LAMBDA, PASSED, ROOT, run
from tests.unit.report.whole import plain


def printed(summary: Summary, verbosity: int = 0) -> list[str]:
    """Return the lines."""
    stream = io.StringIO()
    print_summary(summary, "a.json", stream, verbosity)
    return stream.getvalue().splitlines()


def test_it_says_what_the_head_of_the_run_said() -> None:
    """What was called where and when, and what is enforced; the closing section alone with -q."""
    told = printed(plain())
    assert told[:2] == [
        "a.json",
        "  shop, 2026-11-21 04:21:00 UTC, 12.5 s, pytest-envguard 0.1.0, pytest 9.2.0,",
    ]
    assert "envguard: lambda (AWS Lambda, zip function)" in told
    assert "note: a note" in told
    assert any(" envguard ===" in line for line in told[5:])
    assert " envguard ===" in printed(plain(), -1)[0]


def test_a_profile_that_is_not_enforced_alike_everywhere_is_told_with_its_environments() -> None:
    """As by jobs on different machines."""

    def job(python: str, value: str) -> Summary:
        plan = LAMBDA._replace(enforcements=(ROOT._replace(shown=value),))
        return summarise([plan], [run("lambda", a=PASSED)], None)._replace(invocations=(Invocation(python=python),))

    alike = merge([(value, job(python, "x")) for value, python in (("a", "3.11.1"), ("b", "3.12.1"))])
    assert sum(line.startswith("envguard: lambda") for line in printed(alike)) == 1
    apart = merge([(value, job(python, value)) for value, python in (("a", "3.11.1"), ("b", "3.12.1"))])
    told = [line.split(" (")[0] for line in printed(apart) if line.startswith("envguard: lambda")]
    assert told == ["envguard: lambda-py311", "envguard: lambda-py312"]
