"""Folders in which files were made before: the way of most calls, in two looks instead of ten.

Nearly everything that a suite writes lies in a few folders that it may write to. A folder is remembered by its canonical
path and by what the file system says of it; as soon as either is different, the whole judgement decides again.
"""

from __future__ import annotations

import os
import stat

from pytest_envguard.seccomp.caller import path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 4096
_UNUSUAL = os.O_PATH | os.O_DIRECTORY | os.O_TMPFILE
_CHANGES = ("/proc/", "/dev/")  # what lies there is another thing for each process, or no file

_Key = tuple[int, int, int, int, int]


class Familiar:
    """The folders.

    Attributes:
        allows: Whether files can be made and changed in an open folder of this process's, all of them.
    """

    def __init__(self, allows: Callable[[int], bool]) -> None:
        self._allows = allows
        self._known: dict[str, _Key | None] = {}

    def opens(self, path: str, flags: int, uid: int) -> bool:
        """Whether opening ``path`` with ``flags`` that could change something is surely allowed to ``uid``."""
        folder, _, name = path.rpartition("/")
        if not folder or name in ("", ".", "..") or flags & _UNUSUAL or path.startswith(_CHANGES):
            return False
        if self._known.get(folder, ()) is None:
            return False
        try:
            where = os.stat(folder)
        except OSError:
            return False
        key = where.st_dev, where.st_ino, where.st_mode, where.st_uid, where.st_gid
        if folder not in self._known:
            self._remember(folder, key)
        known = self._known[folder]
        if known is None:
            return False
        if known != key:
            del self._known[folder]
            return False
        try:
            there = os.lstat(path)
        except FileNotFoundError:
            return bool(flags & os.O_CREAT)
        except OSError:
            return False
        mine = there.st_uid == uid and there.st_mode & 0o600 == 0o600
        ordinary = stat.S_ISREG(there.st_mode) and there.st_dev == where.st_dev
        return mine and ordinary and not (flags & os.O_CREAT and flags & os.O_EXCL)

    def _remember(self, folder: str, key: _Key) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[folder] = None
        try:
            descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            # Only by its canonical path: no link on the way can lead elsewhere the next time.
            if path_of(descriptor) == folder and self._allows(descriptor):
                self._known[folder] = key
        finally:
            os.close(descriptor)
