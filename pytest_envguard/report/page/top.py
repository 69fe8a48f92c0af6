"""What a page begins with: what came out, where tests fail, and figures of the whole run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.report.groups import Group
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.summary import Summary
from pytest_envguard.report.verdict import verdict as sentence_of

MOST_PLACES = 200  # that can be asked for


class Place(NamedTuple):
    """Where tests fail, and the way to them.

    Attributes:
        title: Such as "fails only in lambda".
        tests: How many.
        first: The id of the first of them.
    """

    title: str
    tests: int
    first: str


class Number(NamedTuple):
    """A figure of the whole run.

    Attributes:
        number: How many.
        what: Of what.
        letters: What a filter asks for to find them, see `cells.VERDICTS`; "" where they can't be asked for.
        section: Where the page has more about it; "" where it hasn't.
    """

    number: int
    what: str
    letters: str = ""
    section: str = ""


class Verdict(NamedTuple):
    """The verdict on a run.

    Attributes:
        sentence: It, without its full stop.
        good: Whether nothing went wrong.
        places: Where tests fail.
        failing: Why the run fails besides.
        interrupted: Why the run isn't whole; "" if it is.
        notes: What a reader should know of the report itself.
    """

    sentence: str
    good: bool
    places: tuple[Place, ...]
    failing: tuple[str, ...]
    interrupted: str
    notes: tuple[str, ...]


def verdict(summary: Summary, grouped: Sequence[Group]) -> Verdict:
    """Return what came out; ``grouped`` are the tests that fail."""
    ran = any(run.outcomes for run in summary.runs)
    stopped = any(run.broken for run in summary.runs)
    lost = bool(summary.matrix and summary.matrix.not_ready())
    return Verdict(
        sentence_of(summary),
        ran and not (summary.rows or stopped or lost or summary.failing or summary.interrupted),
        tuple(Place(group.title, len(group.rows), anchor("t", group.rows[0].nodeid)) for group in grouped),
        summary.failing,
        summary.interrupted,
        summary.notes,
    )


def numbers(summary: Summary, causes: int, helped: int, advisories: int) -> Iterator[Number]:
    """Yield figures that the verdict doesn't have.

    Args:
        summary: The run.
        causes: How many reasons for failures are known.
        helped: For how many of them a remedy was tried, and works.
        advisories: How many vulnerabilities were found.
    """
    tests = summary.tests
    yield Number(tests, "test" if tests == 1 else "tests")
    yield Number(len(summary.runs), "environment" if len(summary.runs) == 1 else "environments")
    if refused := summary.passed_with_refusals():
        yield Number(refused, "pass, but were refused something", "r")
    if causes:
        yield Number(causes, "reason found" if causes == 1 else "reasons found", section="why")
    if helped:
        yield Number(helped, "with a remedy that was tried and works", section="why")
    if advisories:
        yield Number(advisories, "vulnerability" if advisories == 1 else "vulnerabilities", section="packages")
