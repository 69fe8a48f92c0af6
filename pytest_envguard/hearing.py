"""The one audit hook that listens.

Python calls every hook for each event, of which a suite has thousands for one that somebody asks for (some 0.1 µs each):
so there is one for all who ask.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Listener = Callable[[tuple[Any, ...]], None]
"""Gets an event's arguments; what it raises is raised where the event happens."""

_listeners: dict[str, tuple[Listener, ...]] = {}


def listen(event: str, listener: Listener) -> None:
    """Let ``listener`` hear of each ``event`` from now on, until the process ends: audit hooks can't be removed."""
    if not _listeners:
        sys.addaudithook(_hear)
    _listeners[event] = (*_listeners.get(event, ()), listener)


def _hear(event: str, arguments: tuple[Any, ...], listeners: dict[str, tuple[Listener, ...]] = _listeners) -> None:
    # The table is a default, because Python calls hooks at its very end too, when a module's globals may be gone.
    if event in listeners:
        for listener in listeners[event]:
            listener(arguments)
