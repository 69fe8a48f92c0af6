"""All that a page shows of a run, in the order in which it's shown: pure, from the summary alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.report import causes, packages
from pytest_envguard.report.grid import Grid, grid
from pytest_envguard.report.groups import Places, groups, lost_in
from pytest_envguard.report.page.calls import Fact, calls
from pytest_envguard.report.page.cells import KINDS, VERDICTS, Kind
from pytest_envguard.report.page.columns import Columns, columns
from pytest_envguard.report.page.environments import Environment, Trouble, environments, troubles
from pytest_envguard.report.page.heat import Part, parts
from pytest_envguard.report.page.measured import Resources, resources
from pytest_envguard.report.page.panels import Panel, Panels, Pasted, pastes
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.page.top import MOST_PLACES, Number, Verdict, numbers, verdict
from pytest_envguard.report.summary import Summary

_LARGEST = 4_700_000  # bytes: a page that takes seconds to open is no page
_LEAST_ROOM = 500_000  # bytes that panels may have all the same
_OF_LINE, _OF_NAME, _OF_CELL = 320, 30, 18  # bytes of a row, of a name in a list, and of a cell, without their texts
_MOST_TESTS = 50  # of one cause, or one loss
_MOST_TROUBLES = 60
_MOST_ROWS = 400
_MOST_ENVIRONMENTS = 100
_MOST_CALLS = 20
_LARGE = 1_000  # rows: if all of them are unfolded, a browser works on fewer without a delay


class Told(NamedTuple):
    """A cause, with all that is known of it.

    Attributes:
        number: Its place in the summary's causes.
        text: Why, and how sure that is.
        library: With its version.
        place: File and line.
        dimension: What of the environment it comes from.
        where: Where, and the first of the tests there, with how many there are more.
        results: What came of trying remedies.
        costs: What a silent loss costs.
        offered: What may help.
        pasted: What can be pasted, each remedy in all its forms.
        helps: Whether a remedy was tried and works.
    """

    number: int
    text: str
    library: str
    place: str
    dimension: str
    where: tuple[tuple[str, tuple[str, ...], int], ...]
    results: tuple[str, ...]
    costs: tuple[str, ...]
    offered: tuple[str, ...]
    pasted: tuple[tuple[Pasted, ...], ...]
    helps: bool


class Lost(NamedTuple):
    """Something that was refused although tests passed.

    Attributes:
        refusal: What, and to whom.
        where: In which environments.
        importing: Whether files were imported then, and no test ran.
        tests: The first of the tests, or of those files.
        more: How many there are more.
    """

    refusal: Refusal
    where: str
    importing: bool
    tests: tuple[str, ...]
    more: int


class Known(NamedTuple):
    """What is known about packages.

    Attributes:
        grid: How it went with which versions; None without them.
        lost: Cells that could not be had.
        findings: What is wrong with packages.
        advisories: What advisory services say; None where nobody asked them.
        notes: How cells were made.
    """

    grid: Grid | None
    lost: tuple[packages.Lost, ...]
    findings: tuple[packages.Item, ...]
    advisories: packages.Advisories | None
    notes: tuple[packages.Item, ...]


class Page(NamedTuple):
    """All of it.

    Attributes:
        verdict: What came out.
        called: How pytest was called, and where.
        more_calls: How many calls aren't shown.
        numbers: Figures of the whole run.
        shape: The columns of the matrix.
        parts: The tests.
        large: Whether there are so many rows that a browser should draw those in sight only.
        legend: The kinds of cells that there are.
        panels: Anchor of a test to what is told of it, as long as there's room.
        cut: For how many tests there's no room.
        verdicts: What can be asked for: letters, and the same in words.
        places: Where tests fail, as far as it can be asked for.
        libraries: To whom something was refused, or who is to blame.
        loud: Why tests fail.
        silent: What was lost silently.
        losses: What was refused to tests that pass.
        troubles: What went wrong with environments.
        more_troubles: How many of those aren't shown.
        environments: Their plans.
        more_environments: How many of those aren't shown.
        packages: What is known of those; None without versions.
        resources: What it took.
        begun: When; "" for several calls, and where nobody noted it.
        project: Its name; "" where nobody noted it.
        version: pytest-envguard's; "" likewise.
    """

    verdict: Verdict
    called: tuple[tuple[Fact, ...], ...]
    more_calls: int
    numbers: tuple[Number, ...]
    shape: Columns
    parts: tuple[Part, ...]
    large: bool
    legend: tuple[Kind, ...]
    panels: Mapping[str, Panel]
    cut: int
    verdicts: Mapping[str, str]
    places: tuple[str, ...]
    libraries: tuple[str, ...]
    loud: tuple[Told, ...]
    silent: tuple[Told, ...]
    losses: tuple[Lost, ...]
    troubles: tuple[Trouble, ...]
    more_troubles: int
    environments: tuple[Environment, ...]
    more_environments: int
    packages: Known | None
    resources: Resources
    begun: str
    project: str
    version: str


def page(summary: Summary, largest: int = _LARGEST) -> Page:
    """Return what the page of a run shows; ``largest`` is how many bytes it should have at most, about."""
    places = Places(summary.matrix)
    shape = columns(summary)
    grouped = groups(summary, places)
    tests = tuple(parts(summary, places, shape, grouped))
    room = max(_LEAST_ROOM, largest - _size(tests, shape))
    panels = _panels(summary, Panels(summary, places, shape), room)
    letters = {letter for part in tests for file in part.files for one in file.items for letter in one.cells}
    told = tuple(_causes(summary, places))
    loud = tuple(one for one in told if not summary.causes[one.number].silent)
    bad, plans, called = troubles(summary.runs), environments(summary), calls(summary)
    known = _packages(summary, places)
    found = len(known.advisories.found) if known and known.advisories else 0
    return Page(
        verdict(summary, grouped),
        tuple(called[:_MOST_CALLS]),
        max(0, len(called) - _MOST_CALLS),
        tuple(numbers(summary, len(loud), sum(one.helps for one in loud), found)),
        shape,
        tests,
        sum(len(file.items) for part in tests for file in part.files) > _LARGE,
        tuple(dict.fromkeys(kind for letter, kind in KINDS.items() if letter in letters)),
        panels,
        len(summary.rows) - len(panels),
        {several: words for several, words in VERDICTS.items() if letters & set(several)},
        tuple(group.title for group in grouped[:MOST_PLACES]),
        _libraries(tests),
        loud,
        tuple(one for one in told if summary.causes[one.number].silent),
        tuple(_losses(summary, places)),
        tuple(bad[:_MOST_TROUBLES]),
        max(0, len(bad) - _MOST_TROUBLES),
        tuple(plans[:_MOST_ENVIRONMENTS]),
        max(0, len(plans) - _MOST_ENVIRONMENTS),
        known,
        resources(summary.runs),
        summary.invocations[0].moment if len(summary.invocations) == 1 else "",
        next((one.project for one in summary.invocations if one.project), ""),
        next((one.version for one in summary.invocations if one.version), ""),
    )


def _panels(summary: Summary, told: Panels, room: int) -> dict[str, Panel]:
    """Return panels, as many as there's room for, in the order of the tests."""
    found: dict[str, Panel] = {}
    for row in summary.rows:
        panel = told.of(row)
        room -= panel.size
        if room < 0:
            break
        found[anchor("t", row.nodeid)] = panel
    return found


def _size(tests: Sequence[Part], shape: Columns) -> int:
    """Return about how many bytes the rows of the matrix take, without their panels."""
    row = _OF_LINE + _OF_CELL * shape.width
    total = 0
    for file in (file for part in tests for file in part.files):
        total += row + sum(row + len(line.name) + len(line.says) for line in file.lines)
        total += sum(row + sum(_OF_NAME + len(name) for _, name in one.tests) for one in file.alike)
    return total


def _libraries(tests: Sequence[Part]) -> tuple[str, ...]:
    """Return those that tests have to do with; "", which is the project itself, last."""
    seen = {library for part in tests for file in part.files for one in file.items for library in one.libraries}
    return tuple(sorted(seen, key=lambda library: (not library, library)))


def _causes(summary: Summary, places: Places) -> Iterator[Told]:
    lineages = causes.lineages(summary)
    for number, cause in enumerate(summary.causes):
        yield _told(number, cause, causes.where(cause, summary, places), lineages)


def _told(
    number: int,
    cause: Cause,
    where: Sequence[tuple[str, tuple[str, ...]]],
    lineages: Mapping[str, tuple[str, ...]],
) -> Told:
    diagnosis = cause.diagnosis
    return Told(
        number,
        causes.sentence(cause),
        f"{diagnosis.library} {diagnosis.version}".strip(),
        diagnosis.place,
        diagnosis.dimension,
        tuple((told, nodeids[:_MOST_TESTS], max(0, len(nodeids) - _MOST_TESTS)) for told, nodeids in where),
        tuple(causes.trial_lines(cause)),
        tuple(map(causes.cost_line, cause.costs)),
        tuple(causes.offered(cause)),
        tuple(tuple(found) for one in causes.ready(cause, lineages) if (found := pastes(one))),
        any(trial.works for trial in cause.trials),
    )


def _losses(summary: Summary, places: Places) -> Iterator[Lost]:
    for loss in summary.losses:
        names = [name for name in loss.nodeids if name not in ("", ".")]  # before the first file it has no name
        more = max(0, len(names) - _MOST_TESTS)
        importing = loss.refusal.phase == "import"
        yield Lost(loss.refusal, lost_in(loss, summary, places), importing, tuple(names[:_MOST_TESTS]), more)


def _packages(summary: Summary, places: Places) -> Known | None:
    matrix = summary.matrix
    if matrix is None:
        return None
    return Known(
        grid(summary, _MOST_ROWS) if matrix.version_axes else None,
        tuple(packages.lost(matrix, places)),
        tuple(packages.findings(matrix, places)),
        packages.advisories(matrix, places) if matrix.audits else None,
        tuple(packages.notes(matrix, places)),
    )
