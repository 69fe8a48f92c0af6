"""A row of the matrix as letters, and in words."""

from __future__ import annotations

import pytest

from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.groups import Places
from pytest_envguard.report.page.cells import KINDS, VERDICTS, letters, on_host, sentence
from pytest_envguard.report.summary import summarise
from tests.unit.report.page.samples import MKDIR
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, NO_MODULE, OFFLINE, PASSED

PLANS = [LAMBDA, CONTAINER, OFFLINE]


@pytest.mark.parametrize(
    ("host", "expected"),
    [({"t": PASSED}, "oOp"), ({"t": EROFS}, "eEp"), ({}, "uUp")],
    ids=["only there", "everywhere", "not compared"],
)
def test_a_failure_has_the_letter_of_its_verdict_and_an_error_is_a_capital(
    host: dict[str, Outcome], expected: str
) -> None:
    """A filter looks at nothing else."""
    runs = [Run("lambda", {"t": EROFS}), Run("container", {"t": NO_MODULE}), Run("offline", {"t": PASSED})]
    summary = summarise(PLANS, runs, Run("host", host))
    assert letters("t", runs, summary.rows[0]) == expected


def test_each_other_end_has_a_letter_too() -> None:
    """One that passes although something was refused is told apart from one that simply passes."""
    words = ("passed", "skipped", "xfailed", "xpassed")
    runs = [Run(word, {"t": Outcome(word)}) for word in words] + [Run("x", {})]
    assert letters("t", runs, None) == "psxy-"
    runs[0].refusals = {"t": (MKDIR,)}
    runs[1].refusals = {"t": (MKDIR,)}
    assert letters("t", runs, None) == "rsxy-"


def test_the_host_is_a_comparison_and_no_verdict() -> None:
    """It may not have run there."""
    assert [on_host(outcome) for outcome in (PASSED, EROFS, NO_MODULE, None)] == ["p", "e", "E", "-"]


def test_every_letter_of_the_filter_can_be_drawn() -> None:
    """And each has a sign of its own kind."""
    assert set("".join(VERDICTS)) <= KINDS.keys()
    signs = {kind.sign for kind in KINDS.values()}
    assert len(signs) == len({kind.word for kind in KINDS.values()}) == len({kind.style for kind in KINDS.values()})


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("ppp", "passes"),
        ("sss", "skips"),
        ("spp", "skips in lambda; passes elsewhere"),
        ("s-s", "did not run in container; skips elsewhere"),
    ],
)
def test_a_row_in_words_names_what_is_unusual(cells: str, expected: str) -> None:
    """What is usual is said last."""
    assert sentence(cells, ["lambda", "container", "offline"], Places(None)) == expected
