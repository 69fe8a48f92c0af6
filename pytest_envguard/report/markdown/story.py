"""The run in Markdown, part by part, the most important first: what a Markdown file and a job's summary have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report import causes, packages
from pytest_envguard.report.groups import Group, Places, count, groups, lost_in, reasons, refused, stopped
from pytest_envguard.report.markdown import tables
from pytest_envguard.report.markdown.markup import code, folded, lines, pasted, plain
from pytest_envguard.report.packages import Item
from pytest_envguard.report.printable import short
from pytest_envguard.report.summary import Loss, Row, Summary
from pytest_envguard.report.verdict import verdict


class Part(NamedTuple):
    """A part of the story.

    Attributes:
        title: What it is, where not all of it is told.
        forms: Its text, first without details, then with more and more of them; the last is the whole.
    """

    title: str
    forms: tuple[str, ...]


class Frame(NamedTuple):
    """How much is told.

    Attributes:
        steps: How long tables and lists are, from few rows to the most.
        text: The longest message, in characters.
        forms: Of how many kinds a remedy is shown, such as for a shell or a Dockerfile.
    """

    steps: tuple[int, ...]
    text: int
    forms: int = 1


def parts(summary: Summary, frame: Frame) -> Iterator[Part]:
    """Return the parts, the most important first."""
    places = Places(summary.matrix)
    matrix = summary.matrix
    yield _part("details of the headline", _first(summary, frame), _headline(summary, places, frame))
    if matrix:
        yield _part("the whole table", *(tables.by_versions(summary, most) for most in (40, *frame.steps[1:])))
    yield _part("the table of tests", *(tables.by_test(summary, places, most) for most in frame.steps))
    for group in groups(summary, places):
        brief = ("", f"**{plain(group.title)}**: {count(len(group.rows), 'test')}")
        told = (_group(group, places, frame, most) for most in _steps(len(group.rows), frame))
        yield _part(f"tests of “{short(group.title, 100)}”", brief, *told)
    yield from _of_causes(summary, places, frame)
    yield from _of_packages(matrix, places, frame) if matrix else ()
    refused_some = (_losses(summary, places, frame, most) for most in _steps(len(summary.losses), frame))
    yield _part("refusals of tests that pass", (), *refused_some)
    yield _part("what was measured", (), *(tables.measured(summary, most) for most in frame.steps[1:]))
    yield _part("what the environments took", (), *(tables.environments(summary, most) for most in frame.steps[1:]))
    yield _part("how the environments are enforced", (), tables.enforcement(summary))


def _part(title: str, *forms: Iterable[str]) -> Part:
    return Part(title, tuple(dict.fromkeys(map(lines, forms))))


def _steps(number: int, frame: Frame) -> list[int]:
    """Return how many of a long list are told, from few to all."""
    return [*(most for most in frame.steps if most < number), number]


def _of_causes(summary: Summary, places: Places, frame: Frame) -> Iterator[Part]:
    for title, silent in (("Why", False), ("Lost silently", True)):
        several = [cause for cause in summary.causes if cause.silent is silent]
        if several:
            head = ("", f"### {title}", "")
            brief = (
                (*head, *_causes(several[:most], summary, places, frame), *_more(len(several) - most, "reason"))
                for most in _steps(len(several), frame)
            )
            whole = (*head, *_causes(several, summary, places, frame, details=True))
            yield _part(title.lower(), *brief, whole)


def _of_packages(matrix: Matrix, places: Places, frame: Frame) -> Iterator[Part]:
    lost = packages.lost(matrix, places)
    yield _part("reasons of cells", _lost(lost, frame, reasons=False), _lost(lost, frame))
    yield _part("findings", (), _section("Packages", packages.findings(matrix, places), frame))
    told = packages.advisories(matrix, places)
    items = [*told.found, *told.ignored, *told.scope, *told.not_audited]
    yield _part("advisories", (), _section("Advisories", items, frame))
    yield _part("notes", (), _section("Notes", packages.notes(matrix, places), frame))


def _first(summary: Summary, frame: Frame) -> Iterator[str]:
    yield f"## envguard: {plain(verdict(summary))}"
    yield ""
    if summary.interrupted:
        yield from (f"**Not the whole run: {plain(short(summary.interrupted, frame.text))}**", "")


def _headline(summary: Summary, places: Places, frame: Frame) -> Iterator[str]:
    yield from _first(summary, frame)
    yield from (f"- the run fails because of: {plain(short(reason, frame.text))}" for reason in summary.failing)
    for told in stopped(summary, places, several=True):
        names = short(", ".join(told.environments), frame.text)
        yield f"- **{plain(names)}** was stopped: {plain(short(told.text, frame.text))}"
    for run in summary.runs:
        if run.unwatched:
            yield f"- {plain(run.environment)}: what was refused is not listed: {plain(short(run.unwatched, frame.text))}"
    yield from (f"- {plain(short(note, frame.text))}" for note in summary.notes)


def _group(group: Group, places: Places, frame: Frame, most: int) -> Iterator[str]:
    """Yield the tests of a group, those that say the same together."""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in group.rows[:most]:
        alike.setdefault(tuple(_reasons(row, places, frame)), []).append(row)
    told = (line for said, rows in alike.items() for line in (*_named(rows, frame), *said))
    more = _more(len(group.rows) - most, "test")
    yield from folded(group.title, (*told, *more), f": {count(len(group.rows), 'test')}")


def _more(left: int, what: str) -> list[str]:
    return [f"- _and {count(left, f'more {what}')}_"] if left > 0 else []


def _reasons(row: Row, places: Places, frame: Frame) -> Iterator[str]:
    for told in reasons(row, places):
        yield f"  - {_led(told.where)}{code(short(told.text, frame.text)) or 'no message'}"
    for told in refused(row, places):
        yield f"  - {_led(told.where)}refused: {code(short(told.text, frame.text))}"


def _named(rows: Sequence[Row], frame: Frame) -> Iterator[str]:
    """Yield the names of tests as one item of a list, a line each."""
    names = [code(short(row.nodeid, frame.text)) or "all" for row in rows]
    yield from (f"{'  ' if number else '- '}{name}\\" for number, name in enumerate(names[:-1]))
    yield f"{'  ' if len(names) > 1 else '- '}{names[-1]}"


def _causes(
    several: Iterable[Cause], summary: Summary, places: Places, frame: Frame, *, details: bool = False
) -> Iterator[str]:
    lineages = causes.lineages(summary)
    for cause in several:
        yield f"- {plain(short(causes.sentence(cause), frame.text))}"
        for told, nodeids in causes.where(cause, summary, places):
            yield f"  - {_led(told)}{_tests(nodeids, frame)}"
        if details:
            cost = map(causes.cost_line, cause.costs)
            told_lines = (*causes.trial_lines(cause), *cost, *causes.offered(cause))
            yield from (f"  - {plain(short(line, frame.text))}" for line in told_lines)
            for one in causes.ready(cause, lineages):
                yield from _ready(one, frame)


def _ready(one: causes.Ready, frame: Frame) -> Iterator[str]:
    """Yield what can be pasted, its other forms folded; as an item of a list of its own, for it belongs to none before."""
    first, *others = list(one.forms.items())[: frame.forms] or [("", "")]
    if not first[1]:
        return
    what = ", ".join(remedy.title for remedy in one.remedies)
    yield f"  - {plain(short(what, frame.text))}, ready to paste for {plain(first[0])}:"
    yield from pasted(first[1])
    if others:
        told = (line for kind, text in others for line in (f"{plain(kind)}:", *pasted(text)))
        for line in folded(f"the same for {', '.join(kind for kind, _ in others)}", told):
            yield line if not line or line.startswith("    ") else f"    {line}"
        yield ""


def _lost(lost: Iterable[packages.Lost], frame: Frame, *, reasons: bool = True) -> Iterator[str]:
    for number, one in enumerate(lost):
        if not number:
            yield from ("", "### Cells that could not be had", "")
        reason = f": {code(short(one.reason, frame.text))}" if reasons else ""
        yield f"- **{plain(one.where or 'every cell')}**: {plain(one.kind)}{reason}"


def _section(title: str, items: Sequence[Item], frame: Frame) -> Iterator[str]:
    if items:
        yield from ("", f"### {title}", "")
    for item in items:
        yield f"- {plain(short(item.line, frame.text))}"
        yield from (f"  - {plain(short(detail, frame.text))}" for detail in item.details)


def _losses(summary: Summary, places: Places, frame: Frame, most: int) -> Iterator[str]:
    if summary.losses:
        told = (_loss(loss, summary, places, frame) for loss in summary.losses[:most])
        more = _more(len(summary.losses) - most, "refusal")
        tests = count(summary.passed_with_refusals(), "test")
        yield from folded("passes, but was refused something", (*told, *more), f": {tests}")


def _loss(loss: Loss, summary: Summary, places: Places, frame: Frame) -> str:
    where = _led(lost_in(loss, summary, places))
    names = [nodeid for nodeid in loss.nodeids if nodeid not in ("", ".")]
    told = _tests(names, frame) if names else "before the first test file"
    if loss.refusal.phase == "import" and names:
        told = f"while {code(short(names[0], frame.text))} was imported"
    return f"- {where}{code(short(str(loss.refusal), frame.text))}: {told}"


def _tests(nodeids: Sequence[str], frame: Frame) -> str:
    """Return the name of a test, and of how many it is one."""
    name = code(short(nodeids[0], frame.text))
    return name if len(nodeids) == 1 else f"{len(nodeids)} tests, such as {name}"


def _led(where: str) -> str:
    return f"{plain(where)}: " if where else ""
