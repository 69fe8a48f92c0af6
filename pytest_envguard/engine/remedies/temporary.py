"""Temporary folders of a run that environments may see: removed at its end, and what a killed run has left by the next.

Beside them pytest's own, which belong to one user, wouldn't do: an environment may have another uid.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

_PREFIX = "envguard-remedies-"


class Temporary:
    """The folders of a run; a folder is in use as long as the one that it lies in is locked."""

    def __init__(self, parents: Iterable[Path]) -> None:
        """Begin by removing what has been left in ``parents``, where folders are made."""
        for parent in parents:
            remove_abandoned(parent)
        self._tops: dict[Path, tuple[Path, int]] = {}
        self._made = 0

    def make(self, parent: Path, mode: int) -> Path:
        """Return a new folder somewhere in ``parent``.

        Raises:
            OSError: It can't be made.
        """
        if parent not in self._tops:
            self._tops[parent] = _make_locked(parent)
        folder = self._tops[parent][0] / str(self._made)
        self._made += 1
        folder.mkdir()
        folder.chmod(mode)
        return folder

    def close(self) -> None:
        """Remove all of them."""
        for top, lock in self._tops.values():
            _remove(top)
            os.close(lock)
        self._tops.clear()


def _make_locked(parent: Path) -> tuple[Path, int]:
    """Return a new folder and the descriptor that keeps others from removing it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
        folder.chmod(0o755)  # an environment may have another uid
        lock = _lock(folder)
        if lock is not None and folder.exists():  # nobody took it for abandoned in between
            return folder, lock


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds ``folder`` as long as it's open; None if another process holds it, or it's gone."""
    import fcntl  # which Windows doesn't have, nor anything to enter an environment by

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def remove_abandoned(parent: Path) -> None:
    """Remove what runs of this user have left that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = _lock(folder)
            if lock is not None:
                _remove(folder)
                os.close(lock)


def _remove(folder: Path) -> None:
    for path, folders, _ in os.walk(folder):  # which doesn't follow links
        for name in (".", *folders):
            with contextlib.suppress(OSError):
                if not Path(path, name).is_symlink():  # a link to a folder of somebody's is not ours
                    Path(path, name).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
