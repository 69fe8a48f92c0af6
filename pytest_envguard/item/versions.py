"""Cells for single tests: made before the first test, all together."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.item.request import Request
from pytest_envguard.matrix.activation import in_cell
from pytest_envguard.matrix.axes import VersionSet
from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.plan import INSIDE, Plan

_CELLS = pytest.StashKey[dict[VersionSet, "Ready | NotReady"]]()
_PLANS = pytest.StashKey[dict[tuple[int, str], tuple[Plan, Plan]]]()


def make(config: pytest.Config, asked: Iterable[VersionSet]) -> None:
    """Make the cells that tests ask for; what is wrong with one is said by its tests.

    Raises:
        EnvguardError: Something that holds for all of them: no uv, no place for cells.
    """
    from pytest_envguard.matrix.build import make_several
    from pytest_envguard.matrix.settings import read_settings
    from pytest_envguard.report.terminal.progress import showing

    known = config.stash.setdefault(_CELLS, {})
    missing = [one for one in dict.fromkeys(asked) if one not in known]
    if not missing:
        return
    around = os.environ.get(INSIDE, "host")
    if around != "host":
        raise EnvguardError(
            f"`versions` of a single test can't be had inside of `{around}`, where no virtual environment can be made",
            f'name both in the marker, `@pytest.mark.envguard("{around}", versions=…)`, and run the test without `--envguard`; '
            "or ask for the versions with `--envguard-versions`",
        )
    settings = read_settings(config.rootpath / "pyproject.toml")
    quiet = hasattr(config, "workerinput") or config.get_verbosity() < 0
    with showing(sys.stdout, quiet=quiet) as progress:
        made = make_several(missing, settings, config.rootpath, progress=progress)
    known.update(zip(missing, made, strict=True))


def cell_for(config: pytest.Config, request: Request) -> Ready:
    """Return the cell that a test runs in.

    Raises:
        EnvguardError: It can't be had.
    """
    assert request.versions is not None
    make(config, [request.versions])  # where collection was not finished by this plugin
    cell = config.stash[_CELLS][request.versions]
    if isinstance(cell, NotReady):
        raise EnvguardError(f"{cell.cell.name}: {cell.kind}: {cell.reason}")
    return cell


def plan_in(config: pytest.Config, plan: Plan, cell: Ready) -> Plan:
    """Return ``plan`` in ``cell``, the same object for all tests: what was proven of it holds for them."""
    known = config.stash.setdefault(_PLANS, {})
    key = (id(plan), cell.folder)
    if key not in known:
        name = cell.cell.name if plan.is_host else f"{plan.name}-{cell.cell.name}"
        known[key] = (plan, in_cell(plan, cell, name))  # the plan too, because an id means nothing once it's gone
    return known[key][1]
