"""A run with version axes: where its environments lie, and what became of their cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.finding import Audited, Finding, NotAudited

ENVIRONMENT = "environment"  # the axis of profiles
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")
HOST = "host"  # the value of that axis for this machine, unrestricted


class Matrix(NamedTuple):
    """The axes of a run, and for each environment (a profile with a cell's versions) where it lies on them.

    Attributes:
        axes: Names, such as ("environment", "python", "litellm"); `ENVIRONMENT` only where profiles were asked for.
        coordinates: Environment to its values, in the order of the axes; those that could not be had as well.
        cells: Environment to its cell.
        findings: Name of a cell to what was found wrong with its packages before the suite ran.
        audits: Name of a cell to what advisories say about its packages.
    """

    axes: tuple[str, ...]
    coordinates: Mapping[str, tuple[str, ...]]
    cells: Mapping[str, Ready | NotReady]
    findings: Mapping[str, Sequence[Finding]] = {}
    audits: Mapping[str, Audited | NotAudited] = {}

    @property
    def version_axes(self) -> tuple[str, ...]:
        """The axes without that of profiles."""
        return tuple(axis for axis in self.axes if axis != ENVIRONMENT)

    def profile(self, environment: str) -> str:
        """Return an environment's value on the axis of profiles, "" where there is none."""
        return dict(zip(self.axes, self.coordinates[environment], strict=True)).get(ENVIRONMENT, "")

    def versions(self, environment: str) -> tuple[str, ...]:
        """Return its values on the other axes."""
        placed = zip(self.axes, self.coordinates[environment], strict=True)
        return tuple(value for axis, value in placed if axis != ENVIRONMENT)

    def on_host(self, environment: str) -> tuple[str, ...]:
        """Return where the same versions on the host lie."""
        placed = zip(self.axes, self.coordinates[environment], strict=True)
        return tuple(HOST if axis == ENVIRONMENT else value for axis, value in placed)

    def plain(self, environment: str, text: str) -> str:
        """Return a text as it would be in any cell: without its folder, and without addresses in memory."""
        cell = self.cells.get(environment)
        text = text.replace(cell.folder, "<cell>") if isinstance(cell, Ready) and cell.folder else text
        return _ADDRESS.sub("0x", text) if "0x" in text else text

    def not_ready(self) -> dict[str, NotReady]:
        """Return environments whose cell could not be had."""
        return {name: cell for name, cell in self.cells.items() if isinstance(cell, NotReady)}

    def by_cell(self) -> dict[str, str]:
        """Return for each cell's name one of its environments: what's true of packages is true in each."""
        names: dict[str, str] = {}
        for environment, cell in self.cells.items():
            names.setdefault(cell.cell.name, environment)
        return names
