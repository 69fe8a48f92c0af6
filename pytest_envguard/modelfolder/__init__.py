"""Checks of a model folder: what its files say (static), whether it loads (dynamic), and whether it means what it should (semantic).

What is public is imported when it's asked for: in the interpreter that is measured a part of this package is imported too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_envguard.modelfolder.result import ModelFolderFailed, Report

__all__ = ["ModelFolderFailed", "Report"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pytest_envguard.modelfolder import result

    return getattr(result, name)
