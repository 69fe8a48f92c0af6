"""The closing table: how it went in each place, within 80 columns, or those of a narrower terminal.

With version axes it has a row for each combination of versions and a column for each profile, else a row for each test
that fails somewhere and a column for each environment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.folding import folded, room
from pytest_envguard.report.groups import count
from pytest_envguard.report.printable import columns as width_of
from pytest_envguard.report.printable import ending, filled, printable
from pytest_envguard.report.summary import Row, Summary

PASSES = "passes"
_MOST_ROWS = 40
_SHORTEST = 20  # columns to which names of tests are cut before environments lose theirs
_MARKS = {
    "passed": "passes",
    "failed": "FAILS",
    "error": "ERROR",
    "skipped": "skips",
    "xfailed": "xfails",
    "xpassed": "xpasses",
}
_LONGEST_MARK = 7
_TOGETHER = "\N{NO-BREAK SPACE}"  # where no line is folded
_LETTERS = {"passes": ".", "FAILS": "F", "ERROR": "E", "skips": "s", "xfails": "x", "xpasses": "X", "-": "-"}


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
    return _MARKS[outcome.word] if outcome else "-"


def lines(table: Grid) -> Iterator[str]:
    """Draw a table: with the names of its columns where they fit on the terminal, else with their numbers."""
    if table.rows:
        width = room()
        heads, cells = _widths(table)
        gaps = len(heads) + len(cells) - 1
        least = min(heads[0], _SHORTEST) if table.of_tests else sum(heads)
        gap = next((gap for gap in ("  ", " ") if least + sum(cells) + gaps * len(gap) <= width), "")
        if not gap:
            yield from _numbered(table, heads, width)
        elif table.of_tests:
            yield from _drawn(table, [min(heads[0], width - sum(cells) - gaps * len(gap))], cells, gap)
        else:
            yield from _drawn(table, heads, cells, gap)
    yield from table.left_out


def _widths(table: Grid) -> tuple[list[int], list[int]]:
    heads = [_widest(texts) for texts in zip(table.axes, *(versions for versions, _ in table.rows), strict=True)]
    cells = [_widest(texts) for texts in zip(table.columns, *(results for _, results in table.rows), strict=True)]
    return heads, [max(_LONGEST_MARK, cell) for cell in cells] if table.of_tests else cells


def _widest(texts: Sequence[str]) -> int:
    return max(map(width_of, texts))


def _drawn(table: Grid, heads: Sequence[int], cells: Sequence[int], gap: str) -> Iterator[str]:
    widths = [*heads, *cells]
    for versions, results in [(table.axes, table.columns), *table.rows]:
        # Of a node id the list above the table has the beginning.
        texts = [*(ending(text, head) for text, head in zip(versions, heads, strict=True)), *results]
        yield gap.join(filled(text, width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _numbered(table: Grid, heads: Sequence[int], width: int) -> Iterator[str]:
    """Draw it with numbers for names, in as many pieces as it takes, and say below what they mean."""
    numbers = tuple(str(number) for number in range(1, len(table.columns) + 1))
    letters = _LETTERS if table.of_tests else {}
    rows = [(versions, tuple(letters.get(text, text) for text in results)) for versions, results in table.rows]
    cell = max(len(numbers[-1]), *(width_of(text) for _, results in rows for text in results)) + 1
    least = min(heads[0], max(_SHORTEST, width // 3)) if table.of_tests else sum(heads) + len(heads) - 1
    at_once = min(len(numbers), max(1, (width - least) // cell))
    heads = [min(heads[0], width - at_once * cell)] if table.of_tests else heads
    for start in range(0, len(numbers), at_once):
        piece = slice(start, start + at_once)
        part = Grid(table.axes, numbers[piece], [(versions, results[piece]) for versions, results in rows])
        yield from _drawn(part, heads, [cell - 1] * len(part.columns), " ")
        yield ""
    named = [f"{number}{_TOGETHER}{name}" for number, name in zip(numbers, table.columns, strict=True)]
    yield from (line.replace(_TOGETHER, " ") for line in folded(", ".join(named), ""))
    used = dict.fromkeys(text for _, results in table.rows for text in results if letters and text in _MARKS.values())
    yield from folded(", ".join(f"{letters[text]} {text}" for text in used), "")
