"""Version cells in a run: which there are, and every environment once in each of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_envguard.matrix.activation import in_cell
from pytest_envguard.model.cell import Cell, NotReady, Ready
from pytest_envguard.model.matrix import ENVIRONMENT, Matrix
from pytest_envguard.model.plan import Plan

if TYPE_CHECKING:
    from pytest_envguard.engine.packages import Packages
    from pytest_envguard.matrix.settings import Settings


class Asked(NamedTuple):
    """What became of the versions that were asked for.

    Attributes:
        axes: Names of the axes, in the user's order.
        contents: What is installed besides the versions, in words.
        cells: Every cell, ready or not.
        profiles: Names of the profiles that there are in each cell.
        named: Whether they were asked for at all, so that their names belong into those of the environments.
        settings: The project's.
    """

    axes: tuple[str, ...]
    contents: str
    cells: tuple[Ready | NotReady, ...]
    profiles: tuple[str, ...]
    named: bool
    settings: Settings

    @property
    def ready(self) -> list[Ready]:
        """Those in which tests can run."""
        return [cell for cell in self.cells if isinstance(cell, Ready)]

    @property
    def not_ready(self) -> list[NotReady]:
        """Those that can't be had."""
        return [cell for cell in self.cells if isinstance(cell, NotReady)]

    def name(self, profile: str, cell: str) -> str:
        """Return the name of the environment that a profile is in a cell: ``lambda-litellm1.53.9``."""
        return f"{profile}-{cell}" if self.named else cell

    def matrix(self, plans: Sequence[Plan], packages: Packages | None = None) -> Matrix:
        """Return where all environments lie on the axes, those in cells that can't be had as well.

        Args:
            plans: The environments that there are.
            packages: What is known about the packages of the cells.
        """
        profiles = dict.fromkeys([*self.profiles, *(plan.profile for plan in plans)])
        cells = {self.name(profile, cell.cell.name): cell for cell in self.cells for profile in profiles}
        places = {
            self.name(profile, cell.cell.name): self._place(profile, cell.cell)
            for cell in self.cells
            for profile in profiles
        }
        axes = (ENVIRONMENT, *self.axes) if self.named else self.axes
        if packages is None:
            return Matrix(axes, places, cells)
        return Matrix(axes, places, cells, findings=packages.findings, audits=packages.audits)

    def _place(self, profile: str, cell: Cell) -> tuple[str, ...]:
        versions = dict(cell.versions)
        values = tuple(versions.get(axis, "") for axis in self.axes)
        return (profile, *values) if self.named else values

    def across(self, plans: Iterable[Plan], cell: Ready) -> list[Plan]:
        """Return the plans of all profiles with the versions of one cell."""
        return [in_cell(plan, cell, self.name(plan.name, cell.cell.name)) for plan in plans]


def running() -> Ready:
    """Return the environment that pytest itself runs in as a cell without versions of its own."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Ready(Cell(()), sys.prefix, sys.executable, sys.base_prefix, tuple(sys.path), version, {}, "")


def without_versions(plans: Iterable[Plan], packages: Packages) -> Matrix:
    """Return the environments as a matrix with no axis but theirs, so that reports tell what is installed."""
    names = [plan.name for plan in plans]
    cell = running()
    return Matrix(
        (ENVIRONMENT,),
        {name: (name,) for name in names},
        dict.fromkeys(names, cell),
        findings=packages.findings,
        audits=packages.audits,
    )


def on_host(cell: Ready) -> Plan:
    """Return the unrestricted environment with the versions of ``cell``."""
    return Plan(f"host-{cell.cell.name}", "this machine, unrestricted", cell=cell, profile="host")


def most_at_once(config: pytest.Config) -> int:
    """Return how many environments run side by side where versions multiply them: as many as there are processors."""
    workers = config.getoption("numprocesses")
    return max(1, (os.cpu_count() or 2) // (workers if isinstance(workers, int) and workers > 0 else 1))
