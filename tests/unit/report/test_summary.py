"""From runs to the rows of a report."""

from __future__ import annotations

from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run, Verdict
from pytest_envguard.report.summary import Row, summarise

PASSED, SKIPPED = Outcome("passed"), Outcome("skipped")
FAILED, ERROR = Outcome("failed", "EROFS"), Outcome("error", "no module")


def run(environment: str, **outcomes: Outcome) -> Run:
    """Return a run with these outcomes."""
    return Run(environment, outcomes)


def test_rows() -> None:
    """Each test that fails somewhere has a row, in the order in which they ran, judged against the host."""
    first = run("lambda", ok=PASSED, only=FAILED, both=FAILED, everywhere=FAILED, skips=SKIPPED, alone=ERROR)
    second = run("offline", late=FAILED, ok=PASSED, only=PASSED, both=ERROR, everywhere=PASSED, skips=PASSED)
    host = run("host", only=PASSED, both=SKIPPED, everywhere=ERROR)
    plans = [Plan("lambda", ""), Plan("offline", "")]
    summary = summarise(plans, [first, second], host)
    only, everywhere, unknown, passes = Verdict.ONLY_HERE, Verdict.EVERYWHERE, Verdict.UNKNOWN, Verdict.PASSES
    assert summary.rows == [
        Row("only", {"lambda": FAILED, "offline": PASSED}, {"lambda": only, "offline": passes}, PASSED),
        Row("both", {"lambda": FAILED, "offline": ERROR}, {"lambda": only, "offline": only}, SKIPPED),
        Row("everywhere", {"lambda": FAILED, "offline": PASSED}, {"lambda": everywhere, "offline": passes}, ERROR),
        Row("alone", {"lambda": ERROR}, {"lambda": unknown}, None),
        Row("late", {"offline": FAILED}, {"offline": unknown}, None),
    ]
    assert [row.only_in for row in summary.rows] == [["lambda"], ["lambda", "offline"], [], [], []]
    assert [row.everywhere for row in summary.rows] == [False, False, True, False, False]
    assert (summary.only_here("lambda"), summary.only_here("offline")) == (2, 1)
    assert (summary.plans, summary.runs) == (plans, [first, second])


def test_without_a_baseline_nothing_is_only_here() -> None:
    """Failures that were not compared are neither the environment's nor everybody's."""
    summary = summarise([Plan("lambda", "")], [run("lambda", a=FAILED)], None)
    (row,) = summary.rows
    assert (row.verdicts, row.only_in, row.everywhere) == ({"lambda": Verdict.UNKNOWN}, [], False)


def test_an_empty_run_has_no_rows() -> None:
    """Nothing ran, nothing is told."""
    assert summarise([Plan("lambda", "")], [run("lambda")], run("host")).rows == []
