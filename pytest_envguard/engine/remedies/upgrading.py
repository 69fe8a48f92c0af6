"""Another version as a remedy: a cell of the run that has it, or one that is built for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_envguard.engine.remedies.planned import planned
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.cell import PYTHON, Cell, NotReady, Ready
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Run

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from pytest_envguard.engine.cells import Asked


def has_run_with(
    requirement: str, plan: Plan, plans: Mapping[str, Plan], runs: Mapping[str, Run], tests: Sequence[str]
) -> Run | None:
    """Return what happened to ``tests`` in a cell of this run that meets a requirement, in the same profile.

    Of several the first in which all of them pass; None where no such cell has run them.
    """
    wanted = _read(requirement)
    found = [
        runs[other.name]
        for other in plans.values()
        if other.made_from == plan.made_from and other.cell is not None and _meets(other.cell, wanted)
    ]
    complete = [run for run in found if not run.broken and all(nodeid in run.outcomes for nodeid in tests)]
    passing = [run for run in complete if all(run.outcomes[nodeid].passes for nodeid in tests)]
    return next(iter([*passing, *complete]), None)


def _read(requirement: str) -> Requirement:
    from packaging.requirements import Requirement

    return Requirement(requirement)


def _normalised(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _meets(cell: Ready, wanted: Requirement) -> bool:
    version = cell.packages.get(_normalised(wanted.name), "")
    return bool(version) and wanted.specifier.contains(version, prereleases=True)


def upgraded(config: pytest.Config, asked: Asked, plan: Plan, requirement: str) -> Plan:
    """Return an environment as ``plan``, in a cell of its own that meets a requirement.

    The other versions are kept where they can be had together with it; else only the interpreter is.

    Raises:
        EnvguardError: It can't be had.
    """
    assert plan.cell is not None
    cell = _built(config, asked, plan.cell.cell, requirement)
    return planned(config, plan, cell=cell, name=asked.name(plan.made_from, cell.cell.name))


def _built(config: pytest.Config, asked: Asked, cell: Cell, requirement: str) -> Ready:
    from pytest_envguard.matrix.build import open_workshop

    coverage = config.pluginmanager.hasplugin("_cov")
    workshop = open_workshop(asked.settings, config.rootpath, coverage=coverage)
    reasons = []
    for attempt in attempts(cell, requirement):
        (made,) = workshop.build([attempt])
        if isinstance(made, Ready):
            return made._replace(cell=named(made, requirement))
        assert isinstance(made, NotReady)
        reasons.append(f"{made.kind}: {made.reason}")
        if not made.conflict:
            break
    raise EnvguardError(f"a cell with {requirement} can't be had: {reasons[-1]}")


def attempts(cell: Cell, requirement: str) -> list[Cell]:
    """Return the cells that are tried: with the other versions and on the same day, then only with the interpreter."""
    name = _normalised(_read(requirement).name)
    others = tuple(pin for pin in cell.versions if pin[0] != name)
    alone = tuple(pin for pin in others if pin[0] == PYTHON)
    kept = tuple(line for line in cell.extra if _normalised(_read(line).name) != name)
    first = Cell(others, cell.as_of, (*kept, requirement))
    return list(dict.fromkeys([first, Cell(alone, "", (*kept, requirement))]))


def named(made: Ready, requirement: str) -> Cell:
    """Return the cell by the version that the requirement has become, for its name."""
    name = _normalised(_read(requirement).name)
    return made.cell._replace(versions=(*made.cell.versions, (name, made.packages.get(name, ""))))
