"""What the tests of this room share: something that fails, and where it lies."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

Load = Callable[..., ModuleType]
"""Imports a module by name and text; see the fixture `load`."""


def caught(action: Callable[[], object]) -> BaseException:
    """Return what a call raises."""
    try:
        action()
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError("nothing was raised")
