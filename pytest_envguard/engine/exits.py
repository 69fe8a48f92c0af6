"""Why a worker died."""

from __future__ import annotations

import subprocess
from typing import Any

from pytest_envguard.endings import describe
from pytest_envguard.model.plan import Plan

_PATIENCE = 5.0  # seconds that a process may take to end after it has closed its channel


def cause_of_death(gateway: Any, plan: Plan) -> str:
    """Return a sentence about how the process behind ``gateway`` ended."""
    if plan.machine:
        from pytest_envguard.engine.hosts.distant import how_it_ended

        return how_it_ended(gateway, plan)
    process = getattr(gateway._io, "popen", None)  # noqa: SLF001  # execnet has no public name for it
    try:
        code = process.wait(_PATIENCE) if process else None
    except subprocess.TimeoutExpired:
        code = None
    if code is None:
        return "the worker closed its channel and is still running"
    return describe(code, plan)
