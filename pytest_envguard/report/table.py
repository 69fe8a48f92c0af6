"""The closing table of a run with version axes: a row for each combination of versions, a column for each profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import count
from pytest_envguard.report.summary import Summary

PASSES = "passes"
_WIDTH = 80
_MOST_ROWS = 40


class Grid(NamedTuple):
    """A table.

    Attributes:
        axes: Heads of the columns that say which versions.
        columns: Heads of those that say how it went: the profiles, or "result".
        rows: Versions, and how it went.
        left_out: What isn't shown, in sentences without their full stop.
    """

    axes: tuple[str, ...]
    columns: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], tuple[str, ...]]]
    left_out: tuple[str, ...] = ()


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


def lines(table: Grid) -> Iterator[str]:
    """Draw a table, within 80 columns where its words are short enough."""
    texts = [(*table.axes, *table.columns), *((*versions, *results) for versions, results in table.rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= _WIDTH else " "
    if table.rows:
        yield from (
            gap.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts
        )
    yield from table.left_out
