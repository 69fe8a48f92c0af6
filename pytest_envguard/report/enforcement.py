"""What enforces an environment, in the words that every report has for it."""

from __future__ import annotations

from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.model.verdict import Run

STRENGTHS = {
    Strength.KERNEL: "by the kernel",
    Strength.EXACT: "exactly, at the system call",
    Strength.PYTHON: "for Python code only",
    Strength.APPROXIMATE: "approximated",
    Strength.NONE: "not enforced",
}
SURE = (Strength.KERNEL, Strength.EXACT, Strength.PYTHON)
_MECHANISMS = {Strength.KERNEL: "kernel", Strength.EXACT: "system calls", Strength.PYTHON: "Python only"}


def mechanism(plan: Plan) -> str:
    """Return what enforces an environment, and how much weaker some of it is."""
    if plan.is_host:
        return "unrestricted"
    strengths = {item.strength for item in plan.enforcements}
    if plan.script.get("trapped"):
        strengths.add(Strength.EXACT)
    exact = [_MECHANISMS[strength] for strength in sorted(SURE, reverse=True) if strength in strengths]
    weakest = min(strengths)
    parts = [" and ".join(exact), "" if weakest in SURE else f"parts {STRENGTHS[weakest]}"]
    return ", ".join(filter(None, parts))


def enforced(plan: Plan, run: Run) -> str:
    """Return what enforced it, as long as anything ran in it."""
    return mechanism(plan) if run.outcomes or run.resources.seconds or not run.broken else "not run"
