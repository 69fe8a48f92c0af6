"""How it went in each place, as a table: a row for each combination of versions, or for each test that fails somewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import count
from pytest_envguard.report.printable import printable
from pytest_envguard.report.summary import Row, Summary

PASSES = "passes"
_MOST_ROWS = 40
MARKS = {
    "passed": "passes",
    "failed": "FAILS",
    "error": "ERROR",
    "skipped": "skips",
    "xfailed": "xfails",
    "xpassed": "xpasses",
}


class Grid(NamedTuple):
    """A table.

    Attributes:
        axes: Heads of the columns that say which versions.
        columns: Heads of those that say how it went: the profiles, or "result".
        rows: Versions, and how it went.
        left_out: What isn't shown, in sentences without their full stop.
        of_tests: Whether the only axis are the tests, whose names may lose their beginning.
    """

    axes: tuple[str, ...]
    columns: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], tuple[str, ...]]]
    left_out: tuple[str, ...] = ()
    of_tests: bool = False


def grid(summary: Summary, most: int = _MOST_ROWS) -> Grid:
    """Return the table of a run with version axes; of more rows than ``most`` those that differ from the others."""
    matrix = summary.matrix
    assert matrix is not None
    runs = {run.environment: run for run in summary.runs}
    results: dict[tuple[str, ...], dict[str, str]] = {}
    for name in matrix.coordinates:
        results.setdefault(matrix.versions(name), {})[matrix.profile(name)] = result(matrix, name, runs.get(name))
    profiles = tuple(dict.fromkeys(profile for row in results.values() for profile in row))
    rows = [
        (tuple(version or "-" for version in versions), tuple(row.get(profile, "-") for profile in profiles))
        for versions, row in results.items()
    ]
    columns = ("result",) if len(profiles) == 1 else profiles
    return _shortened(Grid(matrix.version_axes, columns, rows), most)


def result(matrix: Matrix, environment: str, run: Run | None) -> str:
    """Return in two words how it went in one environment."""
    lost = matrix.not_ready().get(environment)
    if lost:
        return lost.kind
    if run is None:
        return "-"
    if run.broken:
        return "stopped"
    failed = len(run.failed())
    if failed:
        return f"{failed} FAIL"
    return PASSES if run.outcomes else "no tests"


def _shortened(whole: Grid, most: int) -> Grid:
    if len(whole.rows) <= most:
        return whole
    common, times = Counter(row for _, row in whole.rows).most_common(1)[0]
    kept = [row for row in whole.rows if row[1] != common] if times > 1 else whole.rows
    said = []
    if times > 1:
        in_words = common[0] if len(set(common)) == 1 else _pairs(whole.columns, common)
        said.append(f"left out: {count(times, 'combination')} with {in_words}")
    if len(kept) > most:
        said.append(f"and {len(kept) - most} more {'rows that differ' if times > 1 else 'rows'}")
    return whole._replace(rows=kept[:most], left_out=tuple(said))


def _pairs(columns: Sequence[str], results: Sequence[str]) -> str:
    return ", ".join(f"{column}: {outcome}" for column, outcome in zip(columns, results, strict=True))


def of_tests(summary: Summary, verbosity: int = 0) -> Grid:
    """Return the table of a run without version axes: tests that fail somewhere, with ``-v`` however many."""
    names = [run.environment for run in summary.runs]
    compared = any(row.on_host for row in summary.rows) and "host" not in names
    columns = (*names, "host") if compared else tuple(names)
    shown = summary.rows if verbosity > 0 else summary.rows[:_MOST_ROWS]
    rows: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
        ((printable(row.nodeid),), tuple(_mark(row, name) for name in columns)) for row in shown
    ]
    left = len(summary.rows) - len(rows)
    more = (f"... and {count(left, 'more test')} (-v shows all of them)",) if left else ()
    return Grid(("test",), columns, rows, more, of_tests=True)


def _mark(row: Row, name: str) -> str:
    outcome = row.outcomes.get(name, row.on_host if name == "host" else None)
    return MARKS[outcome.word] if outcome else "-"
