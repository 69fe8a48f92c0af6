"""The calls of pytest that a page tells of."""

from __future__ import annotations

from pytest_envguard.model.verdict import Run
from pytest_envguard.report.page.calls import Fact, calls
from pytest_envguard.report.summary import Invocation, summarise
from tests.unit.report.page.samples import small
from tests.unit.report.pages import LAMBDA


def test_all_that_is_known_of_a_call_is_told() -> None:
    """As one would ask for it if the result can't be had again."""
    (facts,) = calls(small())
    assert facts == (
        Fact("command", "pytest --envguard=lambda,container,offline --envguard-report=report.html", code=True),
        Fact("began", "2026-11-21 04:21:00 UTC"),
        Fact("took", "41.5 s"),
        Fact("with", "Python 3.11.7, pytest 9.2.0, pytest-envguard 0.9.0"),
        Fact("on", "Linux 6.8.0 x86_64, 2 processors, 8 GiB of memory"),
    )


def test_a_command_can_be_given_to_a_shell() -> None:
    """A word with a space in it stays one."""
    called = Invocation(command=("pytest", "-k", "a and b"))
    ((fact,),) = calls(small()._replace(invocations=(called,)))
    assert fact.text == "pytest -k 'a and b'"


def test_calls_of_merged_reports_are_told_apart_by_what_ran_in_them() -> None:
    """And each says whether it came to its end."""
    several = (
        Invocation(environments=("lambda", "offline")),
        Invocation(environments=("container",), interrupted="interrupted by Ctrl-C"),
    )
    assert calls(small()._replace(invocations=several)) == [
        (Fact("ran", "lambda and offline"),),
        (Fact("ended early", "interrupted by Ctrl-C"), Fact("ran", "container")),
    ]


def test_what_nobody_noted_is_not_told() -> None:
    """Unknown stays unknown."""
    assert calls(summarise([LAMBDA], [Run("lambda")], None)) == []
    assert calls(small()._replace(invocations=(Invocation(),))) == []
