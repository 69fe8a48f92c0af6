"""From pytest's reports to outcomes, from outcomes to verdicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_envguard.model.verdict import Outcome, Resources, Run, Verdict, judge

WORDS = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")
BAD = ("failed", "error")


@pytest.mark.parametrize("host", [*WORDS, None])
@pytest.mark.parametrize("here", WORDS)
def test_judge(here: str, host: str | None) -> None:
    """A bad outcome is the environment's where the host's is good, everybody's where it is bad, else unknown."""
    verdict = judge(Outcome(here), Outcome(host) if host else None)
    if here not in BAD:
        expected = Verdict.PASSES
    elif host is None:
        expected = Verdict.UNKNOWN
    else:
        expected = Verdict.EVERYWHERE if host in BAD else Verdict.ONLY_HERE
    assert verdict is expected


def failure(function: Callable[[], object], style: Any = "long") -> Any:
    """Return pytest's own representation of the exception that ``function`` raises."""
    with pytest.raises(BaseException) as caught:
        function()
    return caught.getrepr(style=style)


def refuse() -> None:
    """Fail as a library does on a read-only root."""
    raise OSError(30, "Read-only file system", "/cache")


def compare() -> None:
    """Fail as an assertion does."""
    assert [1, 2] == [1, 3], "first line\nsecond line"


def give_up() -> None:
    """Fail without a word."""
    pytest.fail("", pytrace=False)  # noqa: PT016  # that is the point


def report(outcome: str, longrepr: Any = None, when: str = "call", **more: object) -> pytest.TestReport:
    """Return a report of one phase of a test."""
    return pytest.TestReport("t.py::x", ("t.py", 0, "x"), {}, outcome, longrepr, when, **more)  # type: ignore[arg-type]


def collected(outcome: str, longrepr: Any = None) -> pytest.CollectReport:
    """Return a report of a collection."""
    return pytest.CollectReport("t.py", outcome, longrepr, [])  # type: ignore[arg-type]


COLLECTION_ERROR = """ImportError while importing test module
t.py:1: in <module>
    import nothing
E   ModuleNotFoundError: No module named 'nothing'
"""


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(report("passed"), Outcome("passed"), id="passed"),
        pytest.param(report("passed", when="setup"), Outcome("passed"), id="setup-passed"),
        pytest.param(report("passed", wasxfail="flaky"), Outcome("xpassed"), id="xpassed"),
        pytest.param(report("skipped", wasxfail="known"), Outcome("xfailed"), id="xfailed"),
        pytest.param(report("skipped", ("t.py", 3, "Skipped: no"), "setup"), Outcome("skipped"), id="skipped"),
        pytest.param(
            report("failed", failure(refuse)),
            Outcome("failed", "OSError: [Errno 30] Read-only file system: '/cache'"),
            id="failed",
        ),
        pytest.param(report("failed", failure(compare)), Outcome("failed", "AssertionError: first line"), id="long"),
        pytest.param(
            report("failed", failure(refuse), "setup"),
            Outcome("error", "OSError: [Errno 30] Read-only file system: '/cache'"),
            id="setup-failed",
        ),
        pytest.param(
            report("failed", "[XPASS(strict)] known"), Outcome("failed", "[XPASS(strict)] known"), id="strict"
        ),
        pytest.param(
            report("failed", "worker 'gw0' crashed", "???"), Outcome("failed", "worker 'gw0' crashed"), id="crash"
        ),
        pytest.param(report("failed", "\n  \n  late words \n"), Outcome("failed", "late words"), id="blank-lines"),
        pytest.param(report("failed", ""), Outcome("failed"), id="nothing-said"),
        pytest.param(
            report("failed", failure(give_up, "value")),
            Outcome("failed", "Failed"),
            id="failed-without-a-word",
        ),
        pytest.param(collected("passed"), Outcome("passed"), id="collected"),
        pytest.param(collected("skipped", ("t.py", 3, "Skipped: no")), Outcome("skipped"), id="module-skipped"),
        pytest.param(
            collected("failed", COLLECTION_ERROR),
            Outcome("error", "ModuleNotFoundError: No module named 'nothing'"),
            id="collection-failed",
        ),
        pytest.param(collected("failed", "no marked line\nlast"), Outcome("error", "last"), id="collection-plain"),
        pytest.param(collected("failed", ""), Outcome("error"), id="collection-nothing-said"),
    ],
)
def test_outcome_of_a_report(of: Any, expected: Outcome) -> None:
    """Pytest's report becomes one word, and for what went wrong the line that says it."""
    assert Outcome.of(of)._replace(place=None) == expected


def test_where_a_test_failed() -> None:
    """The last line of the test's own file in the traceback, else the line at which the test begins."""
    failed = report("failed", failure(refuse))
    line = refuse.__code__.co_firstlineno + 2
    own = "tests/unit/model/test_verdict.py"
    failed.location = (own, 7, "x")
    assert Outcome.of(failed).place == (own, line)
    failed.location = ("other/test_verdict.py", 7, "x")
    assert Outcome.of(failed).place == ("other/test_verdict.py", 8)
    failed.location = ("verdict.py", None, "x")
    assert Outcome.of(failed).place == ("verdict.py", 1)
    assert Outcome.of(report("failed", "it crashed", "???")).place == ("t.py", 1)
    assert Outcome.of(report("passed")).place is None


def test_where_a_collection_failed() -> None:
    """The last line of the file that pytest names."""
    assert Outcome.of(collected("failed", COLLECTION_ERROR)).place == ("t.py", 1)
    deeper = COLLECTION_ERROR.replace("t.py:1: in", "t.py:1: in <module>\n    f()\nt.py:12: in")
    assert Outcome.of(collected("failed", deeper)).place == ("t.py", 12)
    assert Outcome.of(collected("failed", "")).place == ("t.py", 1)


@pytest.mark.parametrize("word", WORDS)
def test_bad(word: str) -> None:
    """Only failures and errors make a run fail."""
    assert Outcome(word).bad is (word in BAD)


@pytest.mark.parametrize("later", WORDS)
@pytest.mark.parametrize("first", WORDS)
def test_the_worst_phase_counts(first: str, later: str) -> None:
    """Of a test's phases the worst is kept, and the first of two that are equal."""
    run = Run("lambda")
    run.add("t.py::x", Outcome(first, "first"))
    run.add("t.py::x", Outcome(later, "later"))
    worse = max(first, later, key=WORDS.index)
    assert run.outcomes == {"t.py::x": Outcome(worse, "first" if worse == first else "later")}
    assert run.failed() == (["t.py::x"] if worse in BAD else [])


def test_resources_of_several_workers() -> None:
    """Of the workers of an environment the largest figure of each kind is kept; what wasn't told is nothing."""
    first = Resources.of({"peak_memory": 5, "peak_tmp": 1}, 2.0)
    assert first.and_worker(Resources.of({"peak_memory": 3, "peak_tmp": 7}, 1.0)) == Resources(2.0, 5, 7)
    assert Resources.of({}, 1.5) == Resources(1.5, 0, 0)


def test_reports_are_made_of_tests_that_ended_in_their_order() -> None:
    """A test that only began took no time that means anything; files that were imported stand behind the tests."""
    run = Run("lambda", {"b": Outcome("passed"), "a": Outcome("passed")}, Resources(1.23456))
    run.seconds = {"a": 0.1234567, "begun": 3.0, "b": 0.5}
    run.refused("file", [["open", "/x", "EROFS", "", ""]])
    run.refused("a", [["open", "/x", "EROFS", "", ""]])
    run.settle()
    assert list(run.seconds.items()) == [("b", 0.5), ("a", 0.123457)]
    assert (list(run.refusals), run.resources.seconds) == (["a", "file"], 1.235)
