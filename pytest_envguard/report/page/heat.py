"""The matrix: the tests in parts, those that differ first, each part folded by file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import Group, Places
from pytest_envguard.report.page.cells import BAD, KINDS, NOT_RUN, letters, on_host, sentence
from pytest_envguard.report.page.columns import Columns
from pytest_envguard.report.page.shown import anchor, short
from pytest_envguard.report.page.top import MOST_PLACES
from pytest_envguard.report.summary import Row, Summary

_MOST_OPEN = 40  # tests that are shown unfolded at once
_SHADES = 4
_LONGEST = 150  # letters of a sentence beside a name


class Line(NamedTuple):
    """A test that has a row of its own, because it fails somewhere.

    Attributes:
        nodeid: Plain node id.
        anchor: The row's id.
        name: The test's within its file.
        cells: What it did, a letter for each column.
        says: Where it fails, in words.
        libraries: Those to which something was refused, or who are to blame.
        places: The same as ``says``: indices of what a filter can ask for.
    """

    nodeid: str
    anchor: str
    name: str
    cells: str
    says: str
    libraries: tuple[str, ...]
    places: tuple[int, ...]


class Alike(NamedTuple):
    """Tests of one file that fail nowhere, and of which all the same is to be said.

    Attributes:
        cells: What they did, a letter for each column.
        says: The same in words.
        libraries: Those to which something was refused.
        losses: Indices in the summary's losses.
        tests: Node id and name without the file.
    """

    cells: str
    says: str
    libraries: tuple[str, ...]
    losses: tuple[int, ...]
    tests: tuple[tuple[str, str], ...]


class File(NamedTuple):
    """The tests of one file in one part.

    Attributes:
        name: Its path.
        marks: What they did together, for each column: a short text and a class of the style sheet.
        tests: How many there are.
    """

    name: str
    marks: tuple[tuple[str, str], ...]
    tests: int
    lines: tuple[Line, ...] = ()
    alike: tuple[Alike, ...] = ()

    @property
    def items(self) -> tuple[Line | Alike, ...]:
        """All of its rows."""
        return (*self.lines, *self.alike)


class Part(NamedTuple):
    """Tests that have the same kind of verdict.

    Attributes:
        key: Its id.
        title: What they have in common.
        tests: How many.
        files: By file.
        unfolded: Whether there are so few that all are shown at once.
    """

    key: str
    title: str
    tests: int
    files: tuple[File, ...]
    unfolded: bool


def parts(summary: Summary, places: Places, shape: Columns, grouped: Sequence[Group]) -> list[Part]:
    """Return the tests: those that differ, those that fail wherever they ran, those that lost something, and all others.

    Args:
        summary: The run.
        places: Says where something holds.
        shape: The columns.
        grouped: The tests that fail, by where they do.
    """
    rows = {row.nodeid: row for row in summary.rows}
    lines = _lines(summary, shape, grouped)
    found: dict[str, list[Line | Alike]] = {"differs": [], "everywhere": [], "refused": [], "passes": []}
    for line in lines:
        found["differs" if _differs(line.cells, rows[line.nodeid]) else "everywhere"].append(line)
    for alike in _alike(summary, places, shape, rows):
        found["refused" if "r" in alike.cells else "passes"].append(alike)
    titles = {
        "differs": "Fails in one place and not in another",
        "everywhere": "Fails wherever it ran",
        "refused": "Passes, but was refused something",
        "passes": "Fails nowhere",
    }
    made = [_part(key, titles[key], items, shape.width) for key, items in found.items()]
    return [part for part in made if part.tests]


def _part(key: str, title: str, items: Sequence[Line | Alike], width: int) -> Part:
    by_file: dict[str, list[Line | Alike]] = {}
    for item in items:
        nodeid = item.nodeid if isinstance(item, Line) else item.tests[0][0]
        by_file.setdefault(file_of(nodeid), []).append(item)
    files = tuple(_file(name, several, width) for name, several in by_file.items())
    tests = sum(file.tests for file in files)
    return Part(key, title, tests, files, key in ("differs", "everywhere") and tests <= _MOST_OPEN)


def _file(name: str, items: Sequence[Line | Alike], width: int) -> File:
    lines = tuple(item for item in items if isinstance(item, Line))
    alike = tuple(item for item in items if isinstance(item, Alike))
    tests = len(lines) + sum(len(one.tests) for one in alike)
    cells = [(line.cells, 1) for line in lines] + [(one.cells, len(one.tests)) for one in alike]
    return File(name, tuple(_mark(at, cells, tests) for at in range(width)), tests, lines, alike)


def _mark(at: int, cells: Sequence[tuple[str, int]], tests: int) -> tuple[str, str]:
    """Return how many tests fail in one column, or were refused something; else what all of them did."""
    for asked, style in ((BAD, ""), ("r", "r")):
        if number := sum(times for row, times in cells if row[at] in asked):
            shade = -(-_SHADES * number // tests)
            return str(number) if number < 1000 else "999+", style or f"h{shade}"
    kinds = {KINDS[row[at]] for row, _ in cells}
    return next((kind.sign, kind.style) for kind in kinds) if len(kinds) == 1 else ("", "h0")


def _differs(cells: str, row: Row) -> bool:
    """Whether the same test fails in one place and comes to a good end in another, the host included."""
    ends = {letter in BAD for letter in cells if letter != NOT_RUN}
    ends |= {outcome.bad for outcome in row.hosts.values()}
    return len(ends) > 1


def _lines(summary: Summary, shape: Columns, grouped: Sequence[Group]) -> list[Line]:
    found: dict[str, list[int]] = {}
    for number, group in enumerate(grouped):
        for row in group.rows:
            found.setdefault(row.nodeid, []).append(number)
    ordered = _ordered(summary, shape)
    blamed = _blamed(summary)
    return [
        Line(
            row.nodeid,
            anchor("t", row.nodeid),
            name_of(row.nodeid),
            letters(row.nodeid, ordered, row) + (on_host(row.on_host) if shape.compared else ""),
            short("; ".join(grouped[number].title for number in found.get(row.nodeid, ())), _LONGEST),
            tuple(dict.fromkeys([*_asked(row), *blamed.get(row.nodeid, ())])),
            tuple(number for number in found.get(row.nodeid, ()) if number < MOST_PLACES),
        )
        for row in summary.rows
    ]


def _ordered(summary: Summary, shape: Columns) -> list[Run]:
    runs = {run.environment: run for run in summary.runs}
    return [runs[name] for name in shape.names]


def _asked(row: Row) -> Iterable[str]:
    return (refusal.library for found in row.refusals.values() for refusal in found)


def _blamed(summary: Summary) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cause in summary.causes:
        for nodeid in cause.tests if cause.diagnosis.library else ():
            found.setdefault(nodeid, []).append(cause.diagnosis.library)
    return found


def _alike(summary: Summary, places: Places, shape: Columns, rows: Mapping[str, Row]) -> list[Alike]:
    """Group tests that fail nowhere by file, by what they did, and by what was refused; the unusual first."""
    ordered = _ordered(summary, shape)
    losing: dict[str, list[int]] = {}
    for at, loss in enumerate(summary.losses):
        for nodeid in loss.nodeids:
            losing.setdefault(nodeid, []).append(at)
    found: dict[tuple[str, str, tuple[int, ...]], list[tuple[str, str]]] = {}
    for nodeid in dict.fromkeys(nodeid for run in summary.runs for nodeid in run.outcomes if nodeid not in rows):
        key = (file_of(nodeid), letters(nodeid, ordered, None), tuple(losing.get(nodeid, ())))
        found.setdefault(key, []).append((nodeid, name_of(nodeid)))
    said = {cells: sentence(cells, shape.names, places) for _, cells, _ in found}
    beside = NOT_RUN if shape.compared else ""
    made = [
        Alike(
            cells + beside,
            said[cells],
            tuple(dict.fromkeys(summary.losses[at].refusal.library for at in losses)),
            losses,
            tuple(tests),
        )
        for (_, cells, losses), tests in found.items()
    ]
    return sorted(made, key=lambda one: len(set(one.cells.removesuffix(beside))) == 1)


def file_of(nodeid: str) -> str:
    """Return the file of a test."""
    return nodeid.partition("::")[0]


def name_of(nodeid: str) -> str:
    """Return the name of a test within its file."""
    return nodeid.partition("::")[2] or "the file itself"
