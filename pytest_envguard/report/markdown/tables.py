"""The tables of a run in Markdown: versions × environments, tests × environments, measured figures, environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report import figures
from pytest_envguard.report.enforcement import enforced
from pytest_envguard.report.grid import MARKS, PASSES, grid
from pytest_envguard.report.groups import EVERYWHERE, Places, count
from pytest_envguard.report.markdown.markup import cell, folded, plain, table
from pytest_envguard.report.printable import short
from pytest_envguard.report.summary import Row, Summary

_MARKS = {word: f"**{mark}**" if mark.isupper() else mark for word, mark in MARKS.items()}
_MOST_COLUMNS = 24
_MOST_UNFOLDED = 40
_LONGEST_NAME = 500


def by_versions(summary: Summary, most: int) -> Iterator[str]:
    """Yield the table of a run with version axes."""
    of = grid(summary, most)
    if of.rows:
        rows = [
            (*map(plain, versions), *(text if text == PASSES else f"**{plain(text)}**" for text in results))
            for versions, results in of.rows
        ]
        yield from table([*map(plain, (*of.axes, *of.columns))], rows)
    yield from (f"_{plain(line)}_" for line in of.left_out)


def by_test(summary: Summary, places: Places, most: int) -> Iterator[str]:
    """Yield the tests that fail somewhere, those that differ first, with how they end in each environment.

    With versions, environments in which all of them end alike share a column. More rows than ``most`` are not shown; and
    no table where there are more columns than one can look at.
    """
    ordered = sorted(summary.rows, key=_ends_the_same)
    shown = ordered[:most]
    columns = _columns(summary, places, shown)
    if not shown or not columns:
        return
    rows = [
        (cell(short(row.nodeid, _LONGEST_NAME)), *marks)
        for row, marks in zip(shown, zip(*columns.values(), strict=True), strict=True)
    ]
    yield from _unfolded("Tests that fail somewhere", ["test", *map(plain, columns)], rows)
    if len(ordered) > most:
        yield f"_and {count(len(ordered) - most, 'more test')}_"


def _columns(summary: Summary, places: Places, rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """Return heads of columns, and how each test ends there; nothing if there are too many of them."""
    names = [run.environment for run in summary.runs]
    ends = {name: tuple(_mark(row.outcomes.get(name)) for row in rows) for name in names}
    if summary.matrix:
        return _shared(ends, [name for name in names if name in summary.matrix.coordinates], places)
    if "host" not in names and any(row.on_host for row in rows):
        ends["host"] = tuple(_mark(row.on_host) for row in rows)
    return ends if len(ends) <= _MOST_COLUMNS else {}


def _shared(ends: Mapping[str, tuple[str, ...]], placed: Sequence[str], places: Places) -> dict[str, tuple[str, ...]]:
    """Return one column for all environments of a matrix with the same ends; others keep theirs."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in placed:
        alike.setdefault(ends[name], []).append(name)
    beside = {name: marks for name, marks in ends.items() if name not in placed}
    if len(alike) + len(beside) > _MOST_COLUMNS:
        return {}
    divided = [(marks, part) for marks, names in alike.items() for part in places.divided(names, placed)]
    divided.sort(key=lambda one: placed.index(one[1][1][0]))
    heads = {head or _all(names): marks for marks, (head, names) in divided} | beside
    return heads if len(heads) <= _MOST_COLUMNS else {}


def _all(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else EVERYWHERE


def _ends_the_same(row: Row) -> bool:
    outcomes = [*row.outcomes.values(), *row.hosts.values(), *([row.on_host] if row.on_host else [])]
    return len(outcomes) > 1 and all(outcome.bad for outcome in outcomes)


def _mark(outcome: Outcome | None) -> str:
    return _MARKS.get(outcome.word, "?") if outcome else "-"


def _unfolded(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table, which is folded if it's long."""
    lines = table(head, rows)
    yield from lines if len(rows) <= _MOST_UNFOLDED else folded(title, lines, f": {count(len(rows), 'row')}")


def measured(summary: Summary, most: int) -> Iterator[str]:
    """Yield what was measured in tests beside what they may take, those over their budget first."""
    rows = [
        (figure.failed, nodeid, where, figure)
        for nodeid, places in figures.by_test(summary.runs).items()
        for where, figures in places.items()
        for figure in figures
    ]
    if not rows:
        return
    rows.sort(key=lambda row: not row[0])
    texts = [
        (
            cell(short(nodeid, _LONGEST_NAME)),
            plain(where),
            cell(figure.name),
            "-" if figure.value is None else figure.shown(figure.value),
            "-" if figure.limit is None else figure.shown(figure.limit),
            f"**{plain(figure.verdict)}**" if figure.failed else plain(figure.verdict),
            plain(figure.details),
        )
        for _, nodeid, where, figure in rows[:most]
    ]
    head = ("test", "environment", "figure", "measured", "budget", "", "how")
    over = sum(row[0] for row in rows)
    about = f": {count(len(rows), 'figure')}" + (f", {over} not kept" if over else "")
    yield from folded("Measured", table(head, texts), about)
    if len(rows) > most:
        yield f"_and {count(len(rows) - most, 'more figure')}_"


def environments(summary: Summary, most: int) -> Iterator[str]:
    """Yield what each environment took, and how it ended."""
    ran = list(zip(summary.plans, summary.runs, strict=True))
    head = (
        "environment",
        "enforced by",
        "tests",
        "failed",
        "only here",
        "passed with refusals",
        "time",
        "memory",
        "/tmp",
    )
    machines = any(plan.machine for plan in summary.plans)
    rows = [
        (*_environment(plan, run, summary), *([plain(plan.machine.name) if plan.machine else "-"] if machines else []))
        for plan, run in ran[:most]
    ]
    yield from folded("Environments", table([*head, *(["machine"] if machines else [])], rows), f": {len(ran)}")
    if len(ran) > most:
        yield f"_and {count(len(ran) - most, 'more environment')}_"


def _environment(plan: Plan, run: Run, summary: Summary) -> tuple[str, ...]:
    used = run.resources
    compared = summary.compared and not plan.is_host
    return (
        plain(run.environment),
        enforced(plan, run),
        str(len(run.outcomes)),
        str(len(run.failed())),
        str(summary.only_here(run.environment)) if compared else "-",
        str(summary.refused(run.environment)),
        f"{used.seconds:.1f} s",
        show_size(used.peak_memory) if used.peak_memory else "-",
        show_size(used.peak_tmp) if used.peak_tmp else "-",
    )


def enforcement(summary: Summary) -> Iterator[str]:
    """Yield what enforces each restriction, how strongly, and why not more so."""
    plans = _distinct(summary)
    rows = [row for plan in plans for row in _restrictions(plan)]
    notes = dict.fromkeys(f"{plan.name}: {note}" for plan in plans for note in plan.notes)
    head = ("environment", "by", "restriction", "how strongly")
    lines = [*table(head, rows), *(f"- {plain(note)}" for note in notes)]
    yield from folded("How the environments are enforced", lines)


def _restrictions(plan: Plan) -> Iterable[tuple[str, ...]]:
    name = plain(plan.name)
    if plan.is_host:
        return [(name, "unrestricted", "", "")]
    return [
        (
            name,
            plain(item.mechanism),
            plain(item.shown),
            plain(item.strength.name.lower() + (f": {item.reason}" if item.reason else "")),
        )
        for item in plan.enforcements
    ]


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
