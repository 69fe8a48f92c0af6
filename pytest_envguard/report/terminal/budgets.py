"""What was measured in tests, in lines for a terminal: each figure beside its budget, by environment where there are some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pytest_envguard.model.budget import Figure, figures_of
from pytest_envguard.model.verdict import OWN_ENVIRONMENT
from pytest_envguard.report.figures import Measured
from pytest_envguard.report.folding import folded_wider
from pytest_envguard.report.terminal.output import Output

_MOST_TESTS = 20


def write_measured(reporter: Any, reports: Iterable[Any], verbosity: int) -> None:
    """Write the section of a run that isn't in environments, from the reports of its tests."""
    found: dict[str, dict[str, Sequence[Figure]]] = {}
    for report in reports:
        found.setdefault(report.nodeid, {})[getattr(report, OWN_ENVIRONMENT, "")] = figures_of(report)
    if told := _told(found, verbosity):
        output = Output(reporter)
        output.write_sep("=", "envguard: measured")
        with output.fitting():
            for line in _tests(told, verbosity):
                output.write_line(line)


def lines(measured: Measured, verbosity: int) -> Iterator[str]:
    """Return the lines of a run in environments, after an empty one; with ``-v`` all that is known of each figure."""
    if verbosity >= 0 and (told := _told(measured, verbosity)):
        yield ""
        yield "measured:"
        yield from _tests(told, verbosity)


def _told(measured: Measured, verbosity: int) -> Measured:
    """Leave out what no test has asked to be measured, such as its cold starts; with ``-v`` all is told."""
    if verbosity > 0:
        return measured
    asked = {
        nodeid: {where: [one for one in figures if not one.of_cold_start] for where, figures in places.items()}
        for nodeid, places in measured.items()
    }
    kept = {nodeid: {where: told for where, told in places.items() if told} for nodeid, places in asked.items()}
    return {nodeid: places for nodeid, places in kept.items() if places}


def _tests(measured: Measured, verbosity: int) -> Iterator[str]:
    shown = list(measured.items()) if verbosity > 0 else list(measured.items())[:_MOST_TESTS]
    for nodeid, places in shown:
        yield f"  {nodeid}"
        for where, figures in places.items():
            yield from _figures(where, figures, verbosity)
    if len(measured) > len(shown):
        yield f"  ... and {len(measured) - len(shown)} more tests (-v shows all of them, a junit file has them too)"


def _figures(where: str, figures: Sequence[Figure], verbosity: int) -> Iterator[str]:
    title = f"      {where}: " if where else "      "
    if verbosity > 0:
        for figure in figures:
            yield from folded_wider(f"{title}{figure}", " " * 10, 0)
        return
    asked = [figure for figure in figures if figure.limit is not None] or figures
    yield from folded_wider(title + ", ".join(figure.short for figure in asked), " " * 8, 0)
