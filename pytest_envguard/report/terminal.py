"""The run in the terminal: the plan above the tests, the table below them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.verdict import OWN_ENVIRONMENT, Outcome, Verdict
from pytest_envguard.report.summary import Loss, Row, Summary

WIDTH = 80
_LONGEST = 4 * WIDTH
_WORDS = {
    Strength.KERNEL: "by the kernel",
    Strength.EXACT: "exactly, at the system call",
    Strength.PYTHON: "for Python code only",
    Strength.APPROXIMATE: "approximated",
    Strength.NONE: "not enforced",
}
_MECHANISMS = {Strength.KERNEL: "kernel", Strength.EXACT: "system calls", Strength.PYTHON: "Python only"}
_MARKS = {
    "passed": "passes",
    "failed": "FAILS",
    "error": "ERROR",
    "skipped": "skips",
    "xfailed": "xfails",
    "xpassed": "xpasses",
}
_INDENT = "    "
_SURE = (Strength.KERNEL, Strength.EXACT, Strength.PYTHON)
_MOST_LOSSES = 20
_MOST_REFUSALS = 3


def plan_lines(plan: Plan, verbose: bool) -> list[str]:
    """Return the lines of pytest's header about one environment: what is enforced, how strongly, what isn't."""
    if plan.is_host:
        return [f"envguard: {plan.name}: nothing restricted"]
    title = f"envguard: {plan.name}" + (f" ({plan.summary})" if plan.summary and plan.summary != plan.name else "")
    lines = [title]
    for strength in sorted(Strength, reverse=True):
        items = [item for item in plan.enforcements if item.strength is strength]
        if not items:
            continue
        if strength in _SURE and not verbose:
            lines += _wrapped(f"{_WORDS[strength]}: " + ", ".join(item.shown for item in items))
            if strength is not Strength.KERNEL:
                lines += _wrapped(f"  because {_and(dict.fromkeys(item.reason for item in items))}")
        elif strength in _SURE:
            lines += [f"  {item.dimension}: {item.shown} ({_because(item)})" for item in items]
        else:
            for reason in dict.fromkeys(item.reason for item in items):
                shown = ", ".join(f"{item.dimension}: {item.shown}" for item in items if item.reason == reason)
                lines += _wrapped(f"{_WORDS[strength]}: {shown}: {reason}")
    for note in plan.notes:
        lines += _wrapped(f"note: {note}")
    return lines


def _because(item: Enforcement) -> str:
    return f"{item.mechanism}, because {item.reason}" if item.reason else item.mechanism


def _wrapped(text: str) -> list[str]:
    return _folded("  " + text, WIDTH, _INDENT)


def write(summary: Summary, reporter: Any, verbosity: int) -> None:
    """Write the closing section: differing tests by environment, broken environments, a line for each environment."""
    if verbosity < -1:
        return
    reporter.write_sep("=", "envguard")
    for run in summary.runs:
        if run.broken:
            reporter.write_line(f"{run.environment}: stopped:", red=True, bold=True)
            for promise in run.broken.promises:
                reporter.write_line(f"  {promise}", red=True)
    for title, rows in _groups(summary):
        reporter.write_line("")
        reporter.write_line(title, bold=True)
        for row in rows:
            reporter.write_line(f"  {row.nodeid}")
            for line in (*_reasons(row), *_refused(row)):
                reporter.write_line(f"      {line}")
    for line in _losses(summary):
        reporter.write_line(line)
    if summary.rows:
        reporter.write_line("")
        for line in _table(summary):
            reporter.write_line(line)
    reporter.write_line("")
    for line in _environments(summary):
        reporter.write_line(line)


def write_own_environments(reporter: Any) -> None:
    """Say of failed tests with an environment of their own where they ran: nothing else in pytest's output does."""
    reports = [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]
    failed = {(report.nodeid, own): None for report in reports if (own := getattr(report, OWN_ENVIRONMENT, ""))}
    if failed:
        reporter.write_sep("=", "envguard")
        reporter.write_line("failed in an environment of its own:", bold=True)
        for nodeid, own in failed:
            reporter.write_line(f"  {nodeid}: {own}")


def _groups(summary: Summary) -> Iterator[tuple[str, list[Row]]]:
    """Tests by where they fail only: the most telling heading that they can have."""
    only: dict[tuple[str, ...], list[Row]] = {}
    for row in summary.rows:
        if row.only_in:
            only.setdefault(tuple(row.only_in), []).append(row)
    for names, rows in only.items():
        yield f"fails only in {_and(names)}: {_tests(rows)}", rows
    everywhere: dict[str, list[Row]] = {}
    for row in summary.rows:
        if row.everywhere:
            everywhere.setdefault(row.own_environment, []).append(row)
    for own, rows in everywhere.items():
        where = f"in {own}, which it asks for itself" if own else "everywhere, on the host too"
        yield f"fails {where}: {_tests(rows)}", rows
    unknown = [row for row in summary.rows if Verdict.UNKNOWN in row.verdicts.values()]
    if unknown:
        yield f"fails, not compared with the host: {_tests(unknown)}", unknown


def _refused(row: Row) -> Iterator[str]:
    """What was refused to a test that fails, the last first: that is what most likely made it fail."""
    where: dict[str, list[str]] = {}
    for name, refusals in row.refusals.items():
        for refusal in reversed(refusals):
            where.setdefault(str(refusal), []).append(name)
    several = len(row.outcomes) > 1
    for text, names in list(where.items())[:_MOST_REFUSALS]:
        yield from _folded((f"{', '.join(names)}: " if several else "") + f"refused: {text}", WIDTH + 14, "  ")
    if len(where) > _MOST_REFUSALS:
        yield f"and {len(where) - _MOST_REFUSALS} more refusals"


def _losses(summary: Summary) -> Iterator[str]:
    """What was refused although the test passed: caches that are lost, errors that somebody swallowed."""
    if summary.losses:
        yield ""
        yield f"passes, but was refused something: {_count(summary.passed_with_refusals())}"
    for loss in summary.losses[:_MOST_LOSSES]:
        where = f" in {_and(loss.environments)}" if len(summary.runs) > 1 else ""
        yield from (f"  {line}" for line in _folded(f"{loss.refusal}{where}", WIDTH + 12, "  "))
        more = len(loss.nodeids) - 1
        yield f"      {_when(loss)}" + (f" and {more} more" if more else "")
    if len(summary.losses) > _MOST_LOSSES:
        yield f"  ... and {len(summary.losses) - _MOST_LOSSES} more (a junit file has all of them)"
    for run in summary.runs:
        if run.unwatched:
            yield ""
            yield from _folded(f"{run.environment}: what was refused is not listed: {run.unwatched}", WIDTH, "  ")


def _when(loss: Loss) -> str:
    if loss.refusal.phase != "import":
        return loss.nodeids[0]
    return (
        f"while it was imported: {loss.nodeids[0]}"
        if loss.nodeids[0] not in ("", ".")
        else "before the first test file"
    )


def _tests(rows: list[Row]) -> str:
    return _count(len(rows))


def _count(number: int) -> str:
    return f"{number} test{'s' * (number != 1)}"


def _and(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _reasons(row: Row) -> Iterator[str]:
    """The messages of a test's failures, environments with the same message together."""
    messages: dict[str, list[str]] = {}
    for name, outcome in row.outcomes.items():
        if outcome.bad:
            messages.setdefault(outcome.message, []).append(name)
    several = len(row.outcomes) > 1
    for message, names in messages.items():
        text = (f"{', '.join(names)}: " if several else "") + message
        # Whole, because what matters is often the path at its end; but an assertion can compare two novels.
        shown = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
        yield from _folded(shown, WIDTH + 14, "  ")


def _folded(text: str, width: int, indent: str) -> list[str]:
    """Fold between words only: a path must stay whole, for whoever copies it."""
    # A first line that is aligned by spaces keeps them.
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )


def _table(summary: Summary) -> Iterator[str]:
    """Tests × environments within 80 columns: long node ids lose their beginning, which the list above has whole."""
    names = [run.environment for run in summary.runs]
    compared = any(row.on_host for row in summary.rows) and "host" not in names
    columns = [*names, "host"] if compared else names
    widths = [max(len(name), 7) for name in columns]
    space = max(12, WIDTH - sum(widths) - 2 * len(widths))
    longest = max(len(row.nodeid) for row in summary.rows)
    space = min(space, max(longest, 4))
    yield (
        "test".ljust(space)
        + "".join("  " + name.ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip()
    )
    for row in summary.rows:
        cells = [_mark(row.outcomes.get(name, row.on_host if name == "host" else None)) for name in columns]
        title = row.nodeid if len(row.nodeid) <= space else "..." + row.nodeid[3 - space :]
        yield (
            title.ljust(space)
            + "".join("  " + cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        )


def _mark(outcome: Outcome | None) -> str:
    return _MARKS[outcome.word] if outcome else "-"


def _environments(summary: Summary) -> Iterator[str]:
    width = max(len(run.environment) for run in summary.runs)
    for plan, run in zip(summary.plans, summary.runs, strict=True):
        used = run.resources
        parts = [mechanism(plan), _count(len(run.outcomes)), f"{used.seconds:.1f} s"]
        if used.peak_memory:
            parts.append(f"peak memory {show_size(used.peak_memory)}")
        if used.peak_tmp:
            parts.append(f"peak /tmp {show_size(used.peak_tmp)}")
        failing = len(run.failed())
        if failing:
            only = f" ({summary.only_here(run.environment)} only here)" if summary.compared else ""
            parts.insert(2, f"{failing} failed{only}")
        if refused := summary.refused(run.environment):
            parts.append(f"{refused} passed with refusals")
        yield from _folded(f"{run.environment:<{width}}  " + ", ".join(parts), WIDTH, " " * (width + 2))


def mechanism(plan: Plan) -> str:
    """Return what enforces an environment, and how much weaker some of it is."""
    if plan.is_host:
        return "unrestricted"
    strengths = {item.strength for item in plan.enforcements}
    if plan.script.get("trapped"):
        strengths.add(Strength.EXACT)
    exact = [_MECHANISMS[strength] for strength in sorted(_SURE, reverse=True) if strength in strengths]
    weakest = min(strengths)
    parts = [" and ".join(exact), "" if weakest in _SURE else f"parts {_WORDS[weakest]}"]
    return ", ".join(filter(None, parts))
