"""The closing table of a run with version axes, and what is known about its cells, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report import packages
from pytest_envguard.report.folding import folded
from pytest_envguard.report.grid import grid
from pytest_envguard.report.groups import Places, count
from pytest_envguard.report.packages import Item
from pytest_envguard.report.summary import Summary
from pytest_envguard.report.terminal import table


def lines(matrix: Matrix, summary: Summary, places: Places) -> Iterator[str]:
    """Return the lines, each block after an empty one."""
    yield ""
    yield from table.lines(grid(summary))
    for lost in packages.lost(matrix, places):
        yield ""
        yield from folded(f"{lost.where or 'every cell'}: {lost.kind}: {' '.join(lost.reason.split())}", "  ")


def package_lines(matrix: Matrix, places: Places) -> Iterator[str]:
    """Return what is known about the packages, each block after an empty line."""
    if findings := packages.findings(matrix, places):
        yield ""
        yield f"packages: {count(len(findings), 'finding')}"
        yield from _items(findings)
    if matrix.audits:
        yield ""
        yield from _advisories(packages.advisories(matrix, places))


def _advisories(told: packages.Advisories) -> Iterator[str]:
    yield f"advisories: {len(told.found)} found" if told.found or told.scope else "advisories:"
    for items in (told.found, told.ignored, told.scope, told.not_audited):
        yield from _items(items)


def _items(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        yield from folded(f"  {item.line}", "    ")
        for detail in item.details:
            yield from folded(f"      {detail}", "        ")
