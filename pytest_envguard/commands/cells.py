"""`envguard cells`: the virtual environments that are kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envguard.commands.parser import Commands
from pytest_envguard.errors import EnvguardError, nearest

if TYPE_CHECKING:
    from pytest_envguard.matrix.formats import Kept
    from pytest_envguard.matrix.store import Entry, Store


def add(commands: Commands) -> None:
    """Declare the command."""
    cells = commands.add_parser(
        "cells",
        help="the virtual environments of version cells that are kept, and how to be rid of them",
        description="List the virtual environments that `pytest --envguard-versions` keeps for the next run. Most of their files "
        "are hard links into uv's cache: only what is a cell's own is freed when it's removed.",
        epilog="They are kept in the user's cache folder (on Linux ~/.cache/pytest-envguard), or where the variable "
        "PYTEST_ENVGUARD_CACHE says.",
    )
    which = cells.add_mutually_exclusive_group()
    which.add_argument(
        "--prune",
        metavar="DAYS",
        nargs="?",
        const="30",
        help="remove those that no run has used for so many days (default: 30)",
    )
    which.add_argument(
        "--remove",
        metavar="NAME",
        action="append",
        help="remove the cells of this name; `all` for all of them; repeatable",
    )
    cells.add_argument("--json", action="store_true", help="list them for programs")
    cells.set_defaults(action=_cells)


def _cells(options: argparse.Namespace) -> int:
    import time

    from pytest_envguard.matrix.formats import kept_json, kept_text
    from pytest_envguard.matrix.store import open_store

    days = None if options.prune is None else _days(options.prune)
    store = open_store()
    if days is not None:
        return _remove(store, store.stale(days=days))
    if options.remove:
        return _remove(store, _chosen(store.entries(), options.remove))
    kept, root = _kept(store), str(store.root)
    print(kept_json(kept, root) if options.json else kept_text(kept, root, time.time()))
    return 0


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1
    if not 0 <= days < float("inf"):
        raise EnvguardError(f"`--prune`: expected a number of days, got `{text}`", "`--prune 7`, or `--remove all`")
    return days


def _chosen(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    known = {entry.name for entry in entries if entry.name}
    for name in names:
        if name != "all" and name not in known:
            raise EnvguardError(f"no cell is named `{name}`", nearest(name, known) if known else "there are none")
    return [entry for entry in entries if "all" in names or entry.name in names]


def _kept(store: Store) -> list[Kept]:
    from pytest_envguard.matrix.formats import Kept
    from pytest_envguard.matrix.store import measure

    # Compiled files have a name more in there, but go with the last cell that has them.
    bytecode = store.root / "bytecode"
    unused = measure([bytecode]).freed
    return [
        Kept(
            name=entry.name,
            project=entry.project,
            folder=str(entry.folder),
            size=measure([entry.folder]).used,
            own=measure([entry.folder, bytecode]).freed - unused,
            used=entry.used,
            state=_state(entry),
        )
        for entry in store.entries()
    ]


def _state(entry: Entry) -> str:
    from pytest_envguard.matrix.store import read_record

    if entry.in_use:
        return "in use"
    if not entry.record:
        return "half made"
    if read_record(entry.folder) is None:
        return "interpreter gone"
    return "ready" if not entry.project or Path(entry.project).exists() else "project gone"


def _remove(store: Store, entries: Sequence[Entry]) -> int:
    from pytest_envguard.matrix.store import measure
    from pytest_envguard.model.dimensions import show_size

    free = [entry for entry in entries if not entry.in_use]
    freed = measure([*(entry.folder for entry in free), store.root / "bytecode"]).freed
    removed = store.remove(free)
    left = [entry.name or entry.key for entry in entries if entry not in removed]
    for name in left:
        print(f"{name} is in use by a run and was kept", file=sys.stderr)
    print(f"{len(removed)} cell{'s' * (len(removed) != 1)} removed, {show_size(freed if removed else 0)} freed")
    return 1 if left else 0
