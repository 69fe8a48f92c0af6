"""From runs to the rows of a report."""

from __future__ import annotations

from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run, Verdict
from pytest_envguard.report.summary import Row, summarise
from tests.unit.report.pages import LAMBDA, matrix_run

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


def test_with_versions_each_environment_is_judged_by_its_own_host() -> None:
    """What fails with the same versions on the host too isn't the environment's, whatever other versions do."""

    def happened(profile: str, versions: dict[str, str]) -> dict[str, Outcome]:
        return {"t": FAILED if profile == "lambda" or versions["six"] == "1.15.0" else PASSED}

    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, happened, (LAMBDA,))
    summary = sample.summary()
    (row,) = summary.rows
    assert row.verdicts == {"lambda-six1.15.0": Verdict.EVERYWHERE, "lambda-six1.16.0": Verdict.ONLY_HERE}
    assert row.hosts == {"lambda-six1.15.0": FAILED, "lambda-six1.16.0": PASSED}
    assert (row.on_host, summary.compared, summary.only_here("lambda-six1.16.0")) == (FAILED, True, 1)


def test_with_versions_on_the_host_each_environment_is_its_own_measure() -> None:
    """Nothing is only the environment's where there is no other environment."""
    summary = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"t": FAILED}).summary()
    (row,) = summary.rows
    assert (row.only_in, row.everywhere, summary.compared) == ([], True, False)


def test_an_empty_run_has_no_rows() -> None:
    """Nothing ran, nothing is told."""
    assert summarise([Plan("lambda", "")], [run("lambda")], run("host")).rows == []


def refusal(target: str, place: str = "lib/a.py:3", times: int = 1) -> list[object]:
    """Return what a report carries of one refusal."""
    return ["open", target, "EROFS", "lib", place, times, "call", ""]


def test_what_was_refused_to_passing_tests_is_grouped_by_its_author() -> None:
    """The same line of the same library is one loss, in all tests and environments, whatever temporary name it chose."""
    first, second = run("lambda", a=PASSED, b=PASSED, c=FAILED), run("offline", a=PASSED, b=SKIPPED, c=PASSED)
    first.refused("a", [refusal("/cache/x1.tmp", times=2)])
    first.refused("b", [refusal("/cache/x2.tmp"), refusal("/other/y", place="lib/b.py:9")])
    first.refused("c", [refusal("/cache/x3.tmp")])
    second.refused("a", [refusal("/cache/x4.tmp")])
    summary = summarise([Plan("lambda", ""), Plan("offline", "")], [first, second], run("host", c=PASSED))
    cache, other = summary.losses
    assert (cache.environments, cache.nodeids, cache.refusal.times) == (("lambda", "offline"), ("a", "b"), 2)
    assert cache.refusal.target == "/cache/x1.tmp"
    assert (other.environments, other.nodeids) == (("lambda",), ("b",))
    assert (summary.refused("lambda"), summary.refused("offline"), summary.passed_with_refusals()) == (2, 1, 2)


def test_the_same_line_in_another_cell_is_the_same_loss() -> None:
    """The cell's folder doesn't count."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"t": PASSED}, (LAMBDA,))
    for run in sample.runs:
        folder = f"/cache/cells/{run.environment.removeprefix('lambda-')}"
        run.refused("tests/t.py::t", [refusal(f"{folder}/x/y", f"{folder}/lib/six.py:3")])
    (loss,) = sample.summary().losses
    assert loss.environments == ("lambda-six1.15.0", "lambda-six1.16.0")


def test_what_was_refused_to_a_failing_test_stands_with_it() -> None:
    """It is no loss that somebody swallowed: its row has it."""
    only = run("lambda", a=FAILED)
    only.refused("a", [refusal("/x")])
    summary = summarise([Plan("lambda", "")], [only], run("host", a=PASSED))
    (row,) = summary.rows
    assert [found.target for found in row.refusals["lambda"]] == ["/x"]
    assert (summary.losses, summary.refused("lambda")) == ([], 0)


def test_what_was_refused_while_a_file_was_imported_belongs_to_no_test() -> None:
    """It is listed, and no test counts as refused for it."""
    only = run("lambda", **{"t.py::a": PASSED})
    only.refused("t.py", [refusal("/x")])
    summary = summarise([Plan("lambda", "")], [only], None)
    assert ([loss.nodeids for loss in summary.losses], summary.refused("lambda")) == ([("t.py",)], 0)
