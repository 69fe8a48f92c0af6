"""(profile, abilities, surroundings) -> plan: every decision, and no effect. Runs the same on any machine."""

from __future__ import annotations

from pytest_envguard.planning.plan import make_plan

__all__ = ["make_plan"]
