"""The run in Markdown, part by part, the most important first: what a Markdown file and a job's summary have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.report import causes, packages
from pytest_envguard.report import markdown_tables as tables
from pytest_envguard.report.groups import Group, Places, count, groups, lost_in, reasons, refused
from pytest_envguard.report.markup import code, folded, lines, pasted, plain, short
from pytest_envguard.report.packages import Item
from pytest_envguard.report.summary import Loss, Row, Summary
from pytest_envguard.report.verdict import verdict


class Part(NamedTuple):
    """A part of the story.

    Attributes:
        title: What it is, where it's left out.
        whole: Its text.
        short: Its text without the details.
    """

    title: str
    whole: str
    short: str = ""


class Frame(NamedTuple):
    """How much is told.

    Attributes:
        rows: The longest table.
        text: The longest message, in characters.
        forms: Of how many kinds a remedy is shown, such as for a shell or a Dockerfile.
    """

    rows: int
    text: int
    forms: int = 1


def parts(summary: Summary, frame: Frame) -> Iterator[Part]:
    """Return the parts, the most important first."""
    places = Places(summary.matrix)
    matrix = summary.matrix
    headline = lines(_headline(summary, places, frame))
    yield Part("the headline", headline, headline)
    if matrix:
        few = lines(tables.by_versions(summary, 40))
        yield Part("the whole table", lines(tables.by_versions(summary, frame.rows)), few)
    yield Part("the table of tests", lines(tables.by_test(summary, frame.rows)), lines(tables.by_test(summary, 10)))
    for group in groups(summary, places):
        brief = f"\n**{plain(group.title)}**: {count(len(group.rows), 'test')}\n"
        yield Part(f"the tests of “{short(group.title, 100)}”", lines(_group(group, places, frame)), brief)
    for title, silent in (("Why", False), ("Lost silently", True)):
        several = [cause for cause in summary.causes if cause.silent is silent]
        if several:
            brief = lines(_causes(title, several, summary, places, frame, details=False))
            yield Part(title.lower(), lines(_causes(title, several, summary, places, frame)), brief)
    if matrix:
        lost = packages.lost(matrix, places)
        yield Part("reasons of cells", lines(_lost(lost, frame)), lines(_lost(lost, frame, reasons=False)))
        yield Part("findings", lines(_section("Packages", packages.findings(matrix, places), frame)))
        told = packages.advisories(matrix, places)
        items = [*told.found, *told.ignored, *told.scope, *told.not_audited]
        yield Part("advisories", lines(_section("Advisories", items, frame)))
        yield Part("notes", lines(_section("Notes", packages.notes(matrix, places), frame)))
    yield Part("refusals of tests that pass", lines(_losses(summary, places, frame)))
    yield Part("what was measured", lines(tables.measured(summary, frame.rows)))
    yield Part("what the environments took", lines(tables.environments(summary, frame.rows)))
    yield Part("how the environments are enforced", lines(tables.enforcement(summary)))


def _headline(summary: Summary, places: Places, frame: Frame) -> Iterator[str]:
    yield f"## envguard: {verdict(summary)}"
    yield ""
    if summary.interrupted:
        yield from (f"**Not the whole run: {plain(summary.interrupted)}**", "")
    broken = [(run.environment, "; ".join(run.broken.promises)) for run in summary.runs if run.broken]
    for told in places.told(broken, several=True):
        names = short(", ".join(told.environments), frame.text)
        yield f"- **{plain(names)}** was stopped: {plain(short(told.text, frame.text))}"
    for run in summary.runs:
        if run.unwatched:
            yield f"- {plain(run.environment)}: what was refused is not listed: {plain(short(run.unwatched, frame.text))}"
    yield from (f"- {plain(short(note, frame.text))}" for note in summary.notes)


def _group(group: Group, places: Places, frame: Frame) -> Iterator[str]:
    told = (line for row in group.rows for line in _row(row, places, frame))
    yield from folded(group.title, told, f": {count(len(group.rows), 'test')}")


def _row(row: Row, places: Places, frame: Frame) -> Iterator[str]:
    yield f"- {code(short(row.nodeid, frame.text))}"
    for told in reasons(row, places):
        yield f"  - {_led(told.where)}{code(short(told.text, frame.text)) or 'no message'}"
    for told in refused(row, places):
        yield f"  - {_led(told.where)}refused: {code(short(told.text, frame.text))}"


def _causes(
    title: str, several: Iterable[Cause], summary: Summary, places: Places, frame: Frame, *, details: bool = True
) -> Iterator[str]:
    yield from ("", f"### {title}", "")
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
    """Yield what can be pasted, its other forms folded; within a list."""
    first, *others = [*list(one.forms.items())[: frame.forms], ("", "")]
    yield from pasted(first[1]) if first[1] else ()
    kinds = [kind for kind, _ in others if kind]
    if kinds:
        told = (line for kind, text in others if kind for line in (f"{plain(kind)}:", *pasted(text)))
        for line in folded(f"the same for {', '.join(kinds)}", told):
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


def _losses(summary: Summary, places: Places, frame: Frame) -> Iterator[str]:
    if summary.losses:
        told = (_loss(loss, summary, places, frame) for loss in summary.losses)
        tests = count(summary.passed_with_refusals(), "test")
        yield from folded("passes, but was refused something", told, f": {tests}")


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
