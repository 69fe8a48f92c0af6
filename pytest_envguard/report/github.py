"""The run as the summary of a job of GitHub Actions, in Markdown. Text only; who writes it where is the session's.

A job summary may have 1 MiB for each step (https://docs.github.com/actions: "Workflow commands", "Adding a job summary").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.plan import Plan
from pytest_envguard.report import causes, packages, table
from pytest_envguard.report.groups import Group, Places, count, groups, lost_in, reasons, refused
from pytest_envguard.report.packages import Item
from pytest_envguard.report.summary import Summary
from pytest_envguard.report.terminal import mechanism

LIMIT = 1_048_576
_ROOM = 8192  # kept for saying what was left out
_MOST_ROWS = 256
_MOST_NAMED = 20
_LONGEST = 1000


class _Part(NamedTuple):
    """A part of the summary.

    Attributes:
        title: What it is, where it's left out.
        whole: Its text.
        short: Its text without the details.
    """

    title: str
    whole: str
    short: str = ""


def job_summary(summary: Summary, limit: int = LIMIT) -> str:
    """Return the run in Markdown, surely not more than ``limit`` bytes of UTF-8; what has no room is named at the end.

    Details are left out first: as long as there is room, each part has at least its short form.
    """
    parts = [_Part(part.title, _printable(part.whole), _printable(part.short)) for part in _parts(summary)]
    room = limit - _ROOM
    texts: list[str] = []
    for part in parts:
        texts.append(part.short if _size(part.short) <= room else "")
        room -= _size(texts[-1])
    left_out = []
    for number, part in enumerate(parts):
        more = _size(part.whole) - _size(texts[number])
        if more <= room:
            texts[number] = part.whole
            room -= more
        else:
            left_out.append(part.title)
    if left_out:
        named = left_out[:_MOST_NAMED]
        more_left = f" and {len(left_out) - len(named)} more" if len(left_out) > len(named) else ""
        texts.append(
            f"\n_Left out, because a job summary has a limit of size: {_plain(', '.join(named))}{more_left}._\n"
        )
    return _cut("".join(texts), limit)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str, limit: int) -> str:
    """Cut at the end of a line, if there is no other way."""
    raw = text.encode()
    return text if len(raw) <= limit else raw[: max(limit, 0)].rpartition(b"\n")[0].decode()


def _parts(summary: Summary) -> Iterator[_Part]:
    """Return the parts, the most important first."""
    places = Places(summary.matrix)
    matrix = summary.matrix
    yield _Part("the headline", headline := _lines(_headline(summary)), headline)
    if matrix:
        yield _Part("the whole table", _lines(_grid(summary, _MOST_ROWS)), _lines(_grid(summary, 40)))
    for group in groups(summary, places):
        short = f"\n**{_plain(group.title)}**: {count(len(group.rows), 'test')}\n"
        yield _Part(f"the tests of “{_short(group.title, 100)}”", _lines(_group(group, places)), short)
    if summary.causes:
        yield _Part("why", _lines(_causes(summary, places)), _lines(_causes(summary, places, details=False)))
    if matrix:
        lost = packages.lost(matrix, places)
        yield _Part("reasons of cells", _lines(_lost(lost)), _lines(_lost(lost, reasons=False)))
        yield _Part("findings", _lines(_section("Packages", packages.findings(matrix, places))))
        told = packages.advisories(matrix, places)
        items = [*told.found, *told.ignored, *told.scope, *told.not_audited]
        yield _Part("advisories", _lines(_section("Advisories", items)))
        yield _Part("notes", _lines(_section("Notes", packages.notes(matrix, places))))
    yield _Part("refusals of tests that pass", _lines(_losses(summary, places)))
    yield _Part("how the environments are enforced", _lines(_enforcement(summary)))


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _headline(summary: Summary) -> Iterator[str]:
    tests = len({nodeid for run in summary.runs for nodeid in run.outcomes})
    where = count(len(summary.runs), "environment")
    fail = "fails" if len(summary.rows) == 1 else "fail"
    parts = [f"{len(summary.rows)} of {count(tests, 'test')} {fail} in at least one of {where}"]
    if not summary.rows:
        parts = [f"{count(tests, 'test')} in {where}: none fails" if tests else f"no test ran in {where}"]
    stopped = [run.environment for run in summary.runs if run.broken]
    if stopped:
        parts.append(f"{len(stopped)} stopped")
    lost = len({cell.cell.name for cell in summary.matrix.not_ready().values()}) if summary.matrix else 0
    if lost:
        parts.append(f"{count(lost, 'cell')} could not be had")
    yield f"## envguard: {'; '.join(parts)}"
    yield ""
    for run in summary.runs[:_MOST_ROWS]:
        if run.broken:
            yield f"- **{_plain(run.environment)}** was stopped: {_plain(_short('; '.join(run.broken.promises)))}"


def _grid(summary: Summary, most: int) -> Iterator[str]:
    grid = table.grid(summary, most)
    yield ""
    if grid.rows:
        yield _row((*grid.axes, *grid.columns))
        yield _row(("---",) * (len(grid.axes) + len(grid.columns)))
    for versions, results in grid.rows:
        yield _row((*versions, *(text if text == table.PASSES else f"**{text}**" for text in results)))
    yield ""
    yield from (f"_{_plain(line)}_" for line in grid.left_out)


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def _group(group: Group, places: Places) -> Iterator[str]:
    yield ""
    yield f"<details><summary><b>{_html(group.title)}</b>: {count(len(group.rows), 'test')}</summary>"
    yield ""
    for row in group.rows:
        yield f"- {_code(row.nodeid)}"
        for told in reasons(row, places):
            yield f"  - {_led(told.where)}{_code(_short(told.text))}"
        for told in refused(row, places):
            yield f"  - {_led(told.where)}refused: {_code(_short(told.text))}"
    yield ""
    yield "</details>"


def _causes(summary: Summary, places: Places, *, details: bool = True) -> Iterator[str]:
    yield from ("", "### Why", "")
    for cause in summary.causes:
        silent = "lost silently: " if cause.silent else ""
        yield f"- {_plain(silent + causes.sentence(cause))}"
        for told, nodeids in causes.where(cause, summary, places):
            yield f"  - {_led(told)}{count(len(nodeids), 'test')}, such as {_code(nodeids[0])}"
        if details:
            yield from (f"  - {_plain(_short(line))}" for line in causes.trial_lines(cause))
            yield from (f"  - {_plain(causes.cost_line(cost))}" for cost in cause.costs)
            yield from (f"  - {_plain(_short(line))}" for line in causes.offered(cause))
            for one in causes.ready(cause, causes.lineages(summary)):
                yield from _pasted(next(iter(one.forms.values()), ""))


def _pasted(text: str) -> Iterator[str]:
    """Yield a text as a block of code within a list, between more backquotes than it has."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    yield from ("", f"    {fence}", *(f"    {line}" for line in text.splitlines()), f"    {fence}", "")


def _lost(lost: Iterable[packages.Lost], *, reasons: bool = True) -> Iterator[str]:
    for number, one in enumerate(lost):
        if not number:
            yield from ("", "### Cells that could not be had", "")
        yield f"- **{_plain(one.where or 'every cell')}**: {one.kind}" + (f": {_code(one.reason)}" if reasons else "")


def _section(title: str, items: Sequence[Item]) -> Iterator[str]:
    if items:
        yield from ("", f"### {title}", "")
    for item in items:
        yield f"- {_plain(_short(item.line))}"
        yield from (f"  - {_plain(_short(detail))}" for detail in item.details)


def _losses(summary: Summary, places: Places) -> Iterator[str]:
    if not summary.losses:
        return
    tests = count(summary.passed_with_refusals(), "test")
    yield ""
    yield f"<details><summary><b>passes, but was refused something</b>: {tests}</summary>"
    yield ""
    for loss in summary.losses:
        where = lost_in(loss, summary, places)
        yield f"- {_led(where)}{_code(_short(str(loss.refusal)))}: {count(len(loss.nodeids), 'test')}"
    yield ""
    yield "</details>"


def _enforcement(summary: Summary) -> Iterator[str]:
    yield ""
    yield "<details><summary>How the environments are enforced</summary>"
    yield ""
    yield _row(("environment", "by", "restriction", "how strongly"))
    yield _row(("---",) * 4)
    for plan in _distinct(summary):
        if plan.is_host:
            yield _row((_plain(plan.name), "unrestricted", "", ""))
        for item in plan.enforcements:
            strength = item.strength.name.lower() + (f": {item.reason}" if item.reason else "")
            yield _row((_plain(plan.name), mechanism(plan), _plain(item.shown), _plain(strength)))
    yield ""
    yield "</details>"


def _distinct(summary: Summary) -> list[Plan]:
    """Return each way to enforce a profile once: its cells have the same, as long as they are on the same machine."""
    matrix = summary.matrix
    if matrix is None:
        return summary.plans
    plans = [
        plan._replace(name=matrix.profile(plan.name) or "this machine") if plan.name in matrix.coordinates else plan
        for plan in summary.plans
    ]
    return list({(plan.name, plan.enforcements): plan for plan in plans}.values())


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _led(where: str) -> str:
    return f"{_plain(where)}: " if where else ""


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Return a text that Markdown doesn't change: one line, nothing in it that marks anything up."""
    line = " ".join(text.split())
    marked = "".join(f"\\{character}" if character in "\\`*_[]#~@" else character for character in line)
    return _html(marked)


def _code(text: str) -> str:
    """Return a text as code, between more backquotes than it has in a row itself."""
    line = " ".join(text.split())
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in line).split()), default=0)
    fence = "`" * (longest + 1)
    gap = " " if "`" in line else ""
    return f"{fence}{gap}{line}{gap}{fence}" if line else ""
