"""The tables of a run in Markdown: versions × environments, tests × environments, measured figures, environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report import budgets
from pytest_envguard.report.groups import count
from pytest_envguard.report.markup import cell, folded, plain, table
from pytest_envguard.report.summary import Row, Summary
from pytest_envguard.report.table import PASSES, grid
from pytest_envguard.report.terminal import mechanism

_MARKS = {
    "passed": PASSES,
    "failed": "**FAILS**",
    "error": "**ERROR**",
    "skipped": "skips",
    "xfailed": "xfails",
    "xpassed": "xpasses",
}
_MOST_COLUMNS = 24
_MOST_UNFOLDED = 40


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


def by_test(summary: Summary, most: int) -> Iterator[str]:
    """Yield the tests that fail somewhere, those that differ first, with how they end in each environment.

    More rows than ``most`` are not shown; and no table where there are more environments than one can look at.
    """
    columns = [run.environment for run in summary.runs]
    if not summary.rows or len(columns) > _MOST_COLUMNS:
        return
    host = not any(row.hosts for row in summary.rows) and any(row.on_host for row in summary.rows)
    also = ["host"] if host and "host" not in columns else []
    ordered = sorted(summary.rows, key=_ends_the_same)
    rows = [
        (cell(row.nodeid), *(_mark(row.outcomes.get(name)) for name in columns), *(_mark(row.on_host) for _ in also))
        for row in ordered[:most]
    ]
    yield from _unfolded("Tests that fail somewhere", ["test", *map(plain, [*columns, *also])], rows)
    if len(ordered) > most:
        yield f"_and {count(len(ordered) - most, 'more test')}_"


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
        for nodeid, places in budgets.by_test(summary.runs).items()
        for where, figures in places.items()
        for figure in figures
    ]
    if not rows:
        return
    rows.sort(key=lambda row: not row[0])
    texts = [
        (
            cell(nodeid),
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
        mechanism(plan) if run.outcomes or used.seconds or not run.broken else "not run",
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
    rows = [row for plan in _distinct(summary) for row in _restrictions(plan)]
    notes = dict.fromkeys(f"{plan.name}: {note}" for plan in _distinct(summary) for note in plan.notes)
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
