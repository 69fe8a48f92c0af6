"""Streams as production sends them: cut on bytes, within characters and JSON objects; and every way to cut them."""

from __future__ import annotations

from pytest_envguard.streams.cutting import HARD_TEXT
from pytest_envguard.streams.splitting import Parts, Raised, SplitError, Splits, every_split

__all__ = ["HARD_TEXT", "Parts", "Raised", "SplitError", "Splits", "every_split"]
