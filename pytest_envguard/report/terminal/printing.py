"""A run's terminal report outside of pytest: on any stream, with what pytest's own header and footer would have said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from pytest_envguard.model.plan import Enforcement, Plan
from pytest_envguard.report.folding import folded
from pytest_envguard.report.groups import count
from pytest_envguard.report.summary import Invocation, Summary
from pytest_envguard.report.terminal import closing
from pytest_envguard.report.terminal.header import plan_lines
from pytest_envguard.report.terminal.output import Output


class Printer:
    """Stands where pytest's terminal reporter does, before a terminal of pytest's make: it knows about colours and width."""

    def __init__(self, stream: TextIO) -> None:
        from _pytest._io import TerminalWriter  # as pytest's own reporter

        self._tw = TerminalWriter(stream)

    def write_sep(self, character: str, title: str, **markup: bool) -> None:
        """Write a title between two rules."""
        self._tw.sep(character, title, **markup)

    def write_line(self, line: str, **markup: bool) -> None:
        """Write one line."""
        self._tw.line(line, **markup)


def print_summary(summary: Summary, title: str, stream: TextIO, verbosity: int) -> None:
    """Print what is known of a run: how it was called, what was enforced, and what pytest's closing section says.

    Args:
        summary: The run.
        title: What it's called, such as the name of its file.
        stream: Where to.
        verbosity: As pytest's: with -1 the closing section alone.
    """
    printer: Any = Printer(stream)
    output = Output(printer)
    if verbosity >= 0:
        for line in (*_head(summary, title), *_plans(summary, verbosity)):
            output.write_line(line)
    closing.write(summary, printer, max(verbosity, -1))


def _head(summary: Summary, title: str) -> Iterator[str]:
    merged = f": {len(summary.invocations)} runs" if len(summary.invocations) > 1 else ""
    yield f"{title}{merged}"
    for one in summary.invocations:
        where = f"{', '.join(one.environments)}: " if merged else ""
        yield from folded(f"  {where}{_told(one)}", "    ")
        if one.interrupted and merged:
            yield from folded(f"  not whole: {one.interrupted}", "    ")
        for reason in one.failing:
            yield from folded(f"  fails because of: {reason}", "    ")
    for note in summary.notes:
        yield from folded(f"note: {note}", "  ")


def _told(one: Invocation) -> str:
    parts = [
        one.project,
        one.moment,
        f"{one.seconds:.1f} s" if one.seconds else "",
        f"pytest-envguard {one.version}" if one.version else "",
        f"pytest {one.pytest}" if one.pytest else "",
        f"Python {one.python}" if one.python else "",
        one.system,
        count(one.processors, "processor") if one.processors else "",
    ]
    return ", ".join(filter(None, parts)) or "nothing is known of how it was called"


def _plans(summary: Summary, verbosity: int) -> Iterator[str]:
    """Say of each profile once what was enforced; its cells have the same, and merged runs may not."""
    alike: dict[tuple[str, tuple[Enforcement, ...]], list[Plan]] = {}
    for plan in summary.plans:
        alike.setdefault((plan.made_from, plan.enforcements), []).append(plan)
    profiles = [profile for profile, _ in alike]
    for (profile, _), plans in alike.items():
        name = profile if profiles.count(profile) == 1 else ", ".join(plan.name for plan in plans)
        yield from plan_lines(plans[0]._replace(name=name, profile=profile), verbose=verbosity > 0)
