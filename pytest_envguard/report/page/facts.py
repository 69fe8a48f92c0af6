"""All that a page shows of a run, in the order in which it's shown: pure, from the summary alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.report import causes, packages, table
from pytest_envguard.report.groups import Places, count, groups, lost_in
from pytest_envguard.report.page.cells import VERDICTS
from pytest_envguard.report.page.columns import Columns, columns
from pytest_envguard.report.page.environments import Environment, Trouble, environments, troubles
from pytest_envguard.report.page.heat import Part, parts
from pytest_envguard.report.page.measured import Resources, resources
from pytest_envguard.report.page.panels import Panel, Panels, Pasted, pastes
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.summary import Summary
from pytest_envguard.report.verdict import verdict

_LARGEST = 4_700_000  # bytes: a page that takes seconds to open is no page
_LEAST_ROOM = 500_000  # bytes that panels may have all the same
_OF_LINE, _OF_NAME, _OF_CELL = 300, 30, 18  # bytes of a row, of a name in a list, and of a cell, without their texts
_MOST_TESTS = 50  # of one cause, or one loss
_MOST_TROUBLES = 60
_MOST_ROWS = 400


class Verdict(NamedTuple):
    """The verdict on a run.

    Attributes:
        sentence: It, without its full stop.
        good: Whether nothing went wrong.
        groups: Where tests fail, with how many they are.
        interrupted: Why the run isn't whole; "" if it is.
        notes: What a reader should know of the report itself.
    """

    sentence: str
    good: bool
    groups: tuple[tuple[str, int], ...]
    interrupted: str
    notes: tuple[str, ...]


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

    grid: table.Grid | None
    lost: tuple[packages.Lost, ...]
    findings: tuple[packages.Item, ...]
    advisories: packages.Advisories | None
    notes: tuple[packages.Item, ...]


class Page(NamedTuple):
    """All of it.

    Attributes:
        verdict: What came out.
        called: How pytest was called, and where: a title and a text each.
        numbers: Figures of the whole run: how many, and of what.
        shape: The columns of the matrix.
        parts: The tests.
        panels: Anchor of a test to what is told of it, as long as there's room.
        cut: For how many tests there's no room.
        verdicts: What can be asked for: letters, and the same in words.
        libraries: To whom something was refused, or who is to blame.
        loud: Why tests fail.
        silent: What was lost silently.
        losses: What was refused to tests that pass.
        troubles: What went wrong with environments.
        more_troubles: How many of those aren't shown.
        environments: Their plans.
        packages: What is known of those; None without versions.
        resources: What it took.
        project: Its name; "" where nobody noted it.
        version: pytest-envguard's; "" likewise.
    """

    verdict: Verdict
    called: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[int, str], ...]
    shape: Columns
    parts: tuple[Part, ...]
    panels: Mapping[str, Panel]
    cut: int
    verdicts: Mapping[str, str]
    libraries: tuple[str, ...]
    loud: tuple[Told, ...]
    silent: tuple[Told, ...]
    losses: tuple[Lost, ...]
    troubles: tuple[Trouble, ...]
    more_troubles: int
    environments: tuple[Environment, ...]
    packages: Known | None
    resources: Resources
    project: str
    version: str


def page(summary: Summary, largest: int = _LARGEST) -> Page:
    """Return what the page of a run shows; ``largest`` is how many bytes it should have at most, about."""
    places = Places(summary.matrix)
    shape = columns(summary)
    tests = tuple(parts(summary, places, shape))
    room = max(_LEAST_ROOM, largest - _size(tests, shape))
    panels = _panels(summary, Panels(summary, places, shape), room)
    told = [_told(number, cause, summary, places) for number, cause in enumerate(summary.causes)]
    bad = troubles(summary.runs)
    return Page(
        _verdict(summary, places),
        tuple(_called(summary)),
        tuple(_numbers(summary)),
        shape,
        tests,
        panels,
        len(summary.rows) - len(panels),
        _verdicts(tests),
        _libraries(tests),
        tuple(one for one in told if not summary.causes[one.number].silent),
        tuple(one for one in told if summary.causes[one.number].silent),
        tuple(_losses(summary, places)),
        tuple(bad[:_MOST_TROUBLES]),
        max(0, len(bad) - _MOST_TROUBLES),
        tuple(environments(summary)),
        _packages(summary, places),
        resources(summary.runs),
        next((one.project for one in summary.invocations if one.project), ""),
        next((one.version for one in summary.invocations if one.version), ""),
    )


def _verdict(summary: Summary, places: Places) -> Verdict:
    ran = any(run.outcomes for run in summary.runs)
    stopped = any(run.broken for run in summary.runs)
    lost = bool(summary.matrix and summary.matrix.not_ready())
    return Verdict(
        verdict(summary),
        ran and not (summary.rows or stopped or lost or summary.interrupted),
        tuple((group.title, len(group.rows)) for group in groups(summary, places)),
        summary.interrupted,
        summary.notes,
    )


def _called(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield what is known of the calls of pytest, those of merged reports each."""
    for one in summary.invocations:
        if one.command:
            yield "command", " ".join(one.command)
        if one.begun:
            yield (
                "began",
                one.begun.replace("T", " ").replace("Z", " UTC")
                + (f", took {one.seconds:.1f} s" if one.seconds else ""),
            )
        on = [one.system, f"Python {one.python}" if one.python else "", f"pytest {one.pytest}" if one.pytest else ""]
        on += [count(one.processors, "processor") if one.processors else ""]
        if any(on):
            yield "on", ", ".join(filter(None, on))


def _numbers(summary: Summary) -> Iterator[tuple[int, str]]:
    tests = len({nodeid for run in summary.runs for nodeid in run.outcomes})
    yield tests, "test" if tests == 1 else "tests"
    yield len(summary.runs), "environment" if len(summary.runs) == 1 else "environments"
    if summary.compared:
        yield sum(bool(row.only_in) for row in summary.rows), "fail, but not on the host"
        yield sum(row.everywhere for row in summary.rows), "fail on the host too"
    else:
        yield len(summary.rows), "fail"
    yield summary.passed_with_refusals(), "pass, but were refused something"


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


def _verdicts(tests: Sequence[Part]) -> dict[str, str]:
    """Return what can be asked for so that something is found."""
    seen = {letter for part in tests for file in part.files for one in file.items for letter in one.cells}
    return {letters: words for letters, words in VERDICTS.items() if seen & set(letters)}


def _libraries(tests: Sequence[Part]) -> tuple[str, ...]:
    """Return those that tests have to do with; "", which is the project itself, last."""
    seen = {library for part in tests for file in part.files for one in file.items for library in one.libraries}
    return tuple(sorted(seen, key=lambda library: (not library, library)))


def _told(number: int, cause: Cause, summary: Summary, places: Places) -> Told:
    diagnosis = cause.diagnosis
    return Told(
        number,
        causes.sentence(cause),
        f"{diagnosis.library} {diagnosis.version}".strip(),
        diagnosis.place,
        diagnosis.dimension,
        tuple(
            (where, nodeids[:_MOST_TESTS], max(0, len(nodeids) - _MOST_TESTS))
            for where, nodeids in causes.where(cause, summary, places)
        ),
        tuple(causes.trial_lines(cause)),
        tuple(map(causes.cost_line, cause.costs)),
        tuple(causes.offered(cause)),
        tuple(tuple(found) for one in causes.ready(cause, causes.lineages(summary)) if (found := pastes(one))),
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
        table.grid(summary, _MOST_ROWS) if matrix.version_axes else None,
        tuple(packages.lost(matrix, places)),
        tuple(packages.findings(matrix, places)),
        packages.advisories(matrix, places) if matrix.audits else None,
        tuple(packages.notes(matrix, places)),
    )
