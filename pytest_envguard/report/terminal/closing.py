"""The closing section, below the tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import OWN_ENVIRONMENT, Resources, Run
from pytest_envguard.report import causes
from pytest_envguard.report.enforcement import enforced, mechanism
from pytest_envguard.report.figures import by_test
from pytest_envguard.report.folding import WIDTH, folded, folded_wider
from pytest_envguard.report.grid import of_tests
from pytest_envguard.report.groups import Places, count, groups, lost_in, reasons, refused, together
from pytest_envguard.report.printable import short
from pytest_envguard.report.summary import Loss, Row, Summary
from pytest_envguard.report.terminal import budgets, cells, table
from pytest_envguard.report.terminal.output import Output

_LONGEST = 4 * WIDTH
_INDENT = "    "
_UNDER = "      "  # before what is said of a test
_MOST_LOSSES = 20
_MOST_REFUSALS = 3


def write(summary: Summary, reporter: Any, verbosity: int) -> None:
    """Write the closing section: differing tests by environment, broken environments, a line for each environment."""
    if verbosity >= -1:
        output = Output(reporter)
        with output.fitting():
            _write(summary, output, verbosity)


def _write(summary: Summary, output: Output, verbosity: int) -> None:
    places = Places(summary.matrix)
    output.write_sep("=", "envguard")
    if summary.interrupted:
        for line in folded(f"not a whole run: {summary.interrupted}", "  "):
            output.write_line(line, yellow=True, bold=True)
    for name, promises in _stopped(summary, places):
        output.write_line(f"{name}: stopped:", red=True, bold=True)
        for promise in promises:
            output.write_line(f"  {promise}", red=True)
    for group in groups(summary, places):
        output.write_line("")
        output.write_line(f"{group.title}: {count(len(group.rows), 'test')}", bold=True)
        for row in group.rows:
            output.write_line(f"  {row.nodeid}")
            for line in (*_reasons(row, places), *_refused(row, places)):
                output.write_line(f"{_UNDER}{line}")
    explained = causes.lines(summary, places, verbosity)
    measured = budgets.lines(by_test(summary.runs), verbosity)
    for line in (*_losses(summary, places), *explained, *measured, *_closing(summary, places, verbosity)):
        output.write_line(line)


def _closing(summary: Summary, places: Places, verbosity: int) -> Iterator[str]:
    """The table, what is known about packages, and a line for each environment."""
    crossed = summary.matrix if summary.matrix and summary.matrix.version_axes else None
    if crossed:
        yield from cells.lines(crossed, summary, places)
    elif summary.rows:
        yield ""
        yield from table.lines(of_tests(summary, verbosity))
    if summary.matrix:
        yield from cells.package_lines(summary.matrix, places)
    yield ""
    yield from _profiles(summary, crossed) if crossed and verbosity < 1 else _environments(summary)


def _stopped(summary: Summary, places: Places) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Environments that were not what their plan promised, with version axes those with the same reason together."""
    broken = [(run.environment, run.broken.promises) for run in summary.runs if run.broken]
    if summary.matrix is None:
        yield from broken
        return
    alike = dict.fromkeys(promises for _, promises in broken)
    for promises in alike:
        names = [name for name, found in broken if found == promises]
        yield places.label(names, list(summary.matrix.coordinates)) or "every cell", promises


def write_own_environments(reporter: Any) -> None:
    """Say of failed tests with an environment of their own where they ran: nothing else in pytest's output does."""
    reports = [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]
    failed = {(report.nodeid, own): None for report in reports if (own := getattr(report, OWN_ENVIRONMENT, ""))}
    if failed:
        output = Output(reporter)
        output.write_sep("=", "envguard")
        output.write_line("failed in an environment of its own:", bold=True)
        for nodeid, own in failed:
            output.write_line(f"  {nodeid}: {own}")


def _refused(row: Row, places: Places) -> Iterator[str]:
    found = refused(row, places)
    for told in found[:_MOST_REFUSALS]:
        where = f"{told.where}: " if told.where else ""
        yield from folded_wider(f"{where}refused: {told.text}", "  ", len(_UNDER))
    if len(found) > _MOST_REFUSALS:
        yield f"and {len(found) - _MOST_REFUSALS} more refusals"


def _losses(summary: Summary, places: Places) -> Iterator[str]:
    """What was refused although the test passed: caches that are lost, errors that somebody swallowed."""
    if summary.losses:
        yield ""
        yield f"passes, but was refused something: {count(summary.passed_with_refusals(), 'test')}"
    for loss in summary.losses[:_MOST_LOSSES]:
        where = lost_in(loss, summary, places)
        text = f"{loss.refusal}{_in(where, summary)}"
        yield from (f"  {line}" for line in folded_wider(text, "  ", 8))
        more = len(loss.nodeids) - 1
        yield f"      {_when(loss)}" + (f" and {more} more" if more else "")
    if len(summary.losses) > _MOST_LOSSES:
        yield f"  ... and {len(summary.losses) - _MOST_LOSSES} more (a junit file has all of them)"
    for run in summary.runs:
        if run.unwatched:
            yield ""
            yield from folded(f"{run.environment}: what was refused is not listed: {run.unwatched}", "  ")


def _in(where: str, summary: Summary) -> str:
    if not where:
        return ""
    return f" [{where}]" if summary.matrix else f" in {where}"


def _when(loss: Loss) -> str:
    if loss.refusal.phase != "import":
        return loss.nodeids[0]
    return (
        f"while it was imported: {loss.nodeids[0]}"
        if loss.nodeids[0] not in ("", ".")
        else "before the first test file"
    )


def _reasons(row: Row, places: Places) -> Iterator[str]:
    for told in reasons(row, places):
        # Whole, because what matters is often the path at its end; but an assertion can compare two novels.
        yield from folded_wider(short(told.line, _LONGEST), "  ", len(_UNDER))


def _environments(summary: Summary) -> Iterator[str]:
    width = max(len(run.environment) for run in summary.runs)
    for plan, run in zip(summary.plans, summary.runs, strict=True):
        used = run.resources
        parts = [enforced(plan, run), count(len(run.outcomes), "test"), f"{used.seconds:.1f} s", *_peaks(used)]
        failing = len(run.failed())
        if failing:
            only = f" ({summary.only_here(run.environment)} only here)" if summary.compared else ""
            parts.insert(2, f"{failing} failed{only}")
        if losing := summary.refused(run.environment):
            parts.append(f"{losing} passed with refusals")
        if plan.machine:
            parts.append(f"on {plan.machine.name}")
        yield from folded(f"{run.environment:<{width}}  " + ", ".join(parts), " " * (width + 2))


def _profiles(summary: Summary, matrix: Matrix) -> Iterator[str]:
    """A line for each profile: what all of its cells did together."""
    by_profile: dict[str, list[tuple[Plan, Run]]] = {}
    for plan, run in zip(summary.plans, summary.runs, strict=True):
        by_profile.setdefault(_profile(matrix, run), []).append((plan, run))
    width = max(map(len, by_profile), default=0)
    for profile, ran in by_profile.items():
        runs = [run for _, run in ran]
        used = reduce(Resources.and_worker, (run.resources for run in runs))
        slowest = max(runs, key=lambda run: run.resources.seconds)
        parts = [" / ".join(dict.fromkeys(mechanism(plan) for plan, _ in ran)), count(len(runs), "cell")]
        parts.append(count(sum(len(run.outcomes) for run in runs), "test"))
        if failing := sum(len(run.failed()) for run in runs):
            only = sum(summary.only_here(run.environment) for run in runs)
            host = all(plan.is_host for plan, _ in ran)
            parts.append(f"{failing} failed" + (f" ({only} only here)" if summary.compared and not host else ""))
        if refusals := sum(summary.refused(run.environment) for run in runs):
            parts.append(f"{refusals} passed with refusals")
        parts.append(f"{used.seconds:.1f} s" + _which(matrix, slowest, runs))
        machines = dict.fromkeys(plan.machine.name if plan.machine else "" for plan, _ in ran)
        if any(machines):
            parts.append(f"on {together(name or 'this machine' for name in machines)}")
        text = ", ".join([*parts, *_peaks(used)])
        yield from folded(f"{profile:<{width}}  {text}" if profile else text, " " * (width + 2 if profile else 2))


def _profile(matrix: Matrix, run: Run) -> str:
    return matrix.profile(run.environment) if run.environment in matrix.coordinates else run.environment


def _which(matrix: Matrix, slowest: Run, runs: Sequence[Run]) -> str:
    cell = matrix.cells.get(slowest.environment)
    return f" (slowest: {cell.cell.name})" if cell and len(runs) > 1 else ""


def _peaks(used: Resources) -> list[str]:
    memory = [f"peak memory {show_size(used.peak_memory)}"] if used.peak_memory else []
    return memory + ([f"peak /tmp {show_size(used.peak_tmp)}"] if used.peak_tmp else [])
