"""An environment of a run, planned once more with something about it changed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_envguard.matrix.activation import in_cell, interpreter, needed
from pytest_envguard.model.cell import Ready
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.prepare import catalogue, prepare_profiles


def profile_of(config: pytest.Config, plan: Plan, cell: Ready | None = None) -> Profile:
    """Return the profile that ``plan`` is made from, as it is for the interpreter of its cell, or of another one."""
    cell = cell or plan.cell
    return catalogue(config, interpreter(cell) if cell else None).one(plan.made_from)


def planned(
    config: pytest.Config,
    plan: Plan,
    *,
    profile: Profile | None = None,
    cell: Ready | None = None,
    name: str = "",
    further: Mapping[str, str] | None = None,
) -> Plan:
    """Return ``plan``, made once more.

    Args:
        config: pytest's.
        plan: An environment of the run.
        profile: What it's made from now, if something else.
        cell: The versions that it's for, if others.
        name: What it's called, if otherwise.
        further: Path to what it is, of what else must be seen in it.

    Raises:
        EnvguardError: This machine can't do it to the asked fidelity.
    """
    cell = cell or plan.cell
    profile = profile or profile_of(config, plan, cell)
    seen = {**(further or {}), **(needed([cell]) if cell else {})}
    (made,) = prepare_profiles(config, [profile], further=seen)
    name = name or plan.name
    return in_cell(made, cell, name) if cell else made._replace(name=name)
