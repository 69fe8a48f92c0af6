"""Code in a fresh interpreter, measured: the fixture ``cold_start``."""

from __future__ import annotations

from pytest_envguard.cold.result import ColdStart, ColdStartFailed
from pytest_envguard.cold.starter import ColdStarter

__all__ = ["ColdStart", "ColdStartFailed", "ColdStarter"]
