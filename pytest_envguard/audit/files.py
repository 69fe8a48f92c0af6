"""What of files an environment refuses, by audit event.

The order of checks is Linux's, as `pytest_envguard.fake.kernel` has it. But here the real system follows: wherever it
is the one to refuse first (EEXIST, ENOTDIR, EACCES of a parent), a check finds nothing and the system speaks.
"""

from __future__ import annotations

import errno
import os
import sys
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Any

from pytest_envguard.audit.place import Place, comparable, folder_of_descriptor, locate, walk
from pytest_envguard.audit.refusing import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envguard.model.rules import Mounts

_ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_WRITING = os.O_WRONLY | os.O_RDWR
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
_TMPFILE: int = getattr(os, "O_TMPFILE", 0)
_CHANGING = _WRITING | os.O_CREAT | os.O_TRUNC | (_TMPFILE & ~_DIRECTORY)
# What C opens with `fopen` for Python (the key log of `ssl`) has a mode, and 0 for flags.
_FLAGS_OF = {"w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "a": os.O_WRONLY | os.O_CREAT, "r+": os.O_RDWR}
# Older ones leave out the name, because the time could be what is wrong.
_UTIME_HAS_NAME = sys.version_info >= (3, 13)
_EFFECTIVE: dict[str, Any] = {"effective_ids": True} if os.access in os.supports_effective_ids else {}


class Files:
    """The checks of one environment."""

    def __init__(self, mounts: Mounts, absent: frozenset[str], *, links: bool = True) -> None:
        self._mounts = mounts
        self._absent = absent
        self._links = links

    def checks(self) -> dict[str, Callable[..., Refused | None]]:
        """Return audit event to the check of its arguments; only what can be refused at all."""
        changes: dict[str, Callable[..., Refused | None]] = {
            "open": self.open,
            "os.mkdir": self.mkdir,
            "os.rmdir": self.rmdir,
            "os.remove": self.remove,
            "os.rename": self.rename,
            "os.link": self.link,
            "os.symlink": self.symlink,
            "os.truncate": self.truncate,
            "os.chmod": lambda path, _mode, dir_fd=-1: self._attributes(path, dir_fd, named=not isinstance(path, int)),
            "os.lchmod": lambda path, _mode: self._attributes(path, follow=False),
            "os.chown": lambda path, _u, _g, dir_fd=-1: self._attributes(path, dir_fd, named=not isinstance(path, int)),
            "os.chflags": lambda path, _flags: self._attributes(path),
            "os.utime": lambda path, _times, _ns, dir_fd=-1: self._attributes(path, dir_fd, named=_UTIME_HAS_NAME),
            "os.setxattr": lambda path, *_: self._attributes(path),
            "os.removexattr": lambda path, *_: self._attributes(path),
        }
        reads: dict[str, Callable[..., Refused | None]] = {
            event: lambda path, *_: self._reading(path)
            for event in ("os.listdir", "os.scandir", "os.chdir", "os.getxattr", "os.listxattr")
        }
        table = {**changes, **reads} if self._absent else changes
        several = len({mount.path for mount in self._mounts.all}) > 1  # EXDEV
        if several or self._absent or any(mount.readonly for mount in self._mounts.all):
            return table
        return {} if self._links else {"os.symlink": self.symlink}

    def open(self, path: Any, mode: str | None, flags: int) -> Refused | None:
        """``open(2)``."""
        if not flags & _CHANGING:
            flags = 0 if flags or mode is None else _FLAGS_OF.get(mode.replace("b", ""), 0)
            if not flags:
                return self._reading(path) if self._absent else None
        if not isinstance(path, (str, bytes)):
            return None
        making = bool(flags & os.O_CREAT)
        if making and os.fsdecode(path).endswith("/"):
            return None  # EISDIR
        only_new = making and bool(flags & os.O_EXCL)
        place = locate(path, self._absent, follow=not (only_new or flags & _NOFOLLOW))
        if place is None:
            return None
        if _TMPFILE and flags & _TMPFILE == _TMPFILE:
            return refused(errno.EROFS, path) if place.is_folder and self._locked(place) else _absent(place, path)
        if place.status is None:
            return self._made(place, path) if making else _absent(place, path)
        if self._locked(place) and self._would_change(place, flags, only_new=only_new):
            return refused(errno.EROFS, path)
        return None

    def _would_change(self, place: Place, flags: int, *, only_new: bool) -> bool:
        """Whether the opening of what is there gets as far as EROFS."""
        assert place.status
        node, writing = place.status.st_mode, bool(flags & _WRITING)
        if only_new or S_ISDIR(node) or S_ISLNK(node) or flags & _DIRECTORY:
            return False  # EEXIST, EISDIR or nothing, ELOOP, ENOTDIR
        if flags & os.O_TRUNC:
            return True  # before permissions, unlike the plain opening for writing below
        wanted = os.R_OK if flags & _ACCESS_MODE != os.O_WRONLY else 0
        return writing and os.access(place.path, wanted | os.W_OK, **_EFFECTIVE)

    def _reading(self, path: Any) -> Refused | None:
        if not isinstance(path, (str, bytes)):
            return None
        place = locate(path, self._absent)
        return _absent(place, path) if place else None

    def mkdir(self, path: Any, _mode: int, dir_fd: int = -1) -> Refused | None:
        """``mkdir(2)``."""
        return self.made(path, dir_fd, path, folder=True)

    def symlink(self, target: Any, path: Any, dir_fd: int = -1) -> Refused | None:
        """``symlink(2)``; Python names both. Where no link can be made, that is said last."""
        found = self.made(path, dir_fd, target, path)
        if found or self._links or not isinstance(target, (str, bytes)) or not target:
            return found  # ENOENT of an empty target
        place = self._walked(path, dir_fd)
        if place is None or place.nameless or place.status is not None or place.slash or place.lost:
            return None
        if not os.access(place.folder or "/", os.W_OK | os.X_OK, **_EFFECTIVE):
            return None
        return refused(errno.EPERM, target, path)

    def made(self, path: Any, dir_fd: int, *shown: Any, folder: bool = False) -> Refused | None:
        """Whatever makes something new called ``path``; ``shown`` are the names in its error."""
        place = self._walked(path, dir_fd)
        if place is None or place.nameless or place.status is not None or (place.slash and not folder):
            return None  # EEXIST, ENOENT
        return self._made(place, *shown)

    def _made(self, place: Place, *shown: Any) -> Refused | None:
        if not place.lost and self._mount(place.folder).readonly:
            return refused(errno.EROFS, *shown)
        return _absent(place, *shown)

    def link(self, old: Any, new: Any, old_fd: int = -1, new_fd: int = -1) -> Refused | None:
        """``link(2)``: EROFS before EXDEV, unlike `rename`."""
        source = self._located(old, old_fd, follow=False)
        if source is None or source.status is None:
            return _absent(source, old, new) if source else None
        place = self._walked(new, new_fd)
        if place is None or place.nameless or place.status is not None or place.slash:
            return None
        if found := self._made(place, old, new):
            return found
        if self._mount(source.path) is not self._mount(place.folder):
            return refused(errno.EXDEV, old, new)
        return None

    def remove(self, path: Any, dir_fd: int = -1) -> Refused | None:
        """``unlink(2)``: on a read-only mount EROFS, whether the file is there or not."""
        return self._removed(path, dir_fd, folder=False)

    def rmdir(self, path: Any, dir_fd: int = -1) -> Refused | None:
        """``rmdir(2)``."""
        return self._removed(path, dir_fd, folder=True)

    def _removed(self, path: Any, dir_fd: int, *, folder: bool) -> Refused | None:
        place = self._walked(path, dir_fd)
        if place is None or place.nameless:
            return None  # EISDIR, EBUSY, EINVAL, ENOTEMPTY
        if found := self._made(place, path):
            return found
        return refused(errno.EBUSY, path) if place.is_folder is folder and self._mounted(place) else None

    def rename(self, old: Any, new: Any, old_fd: int = -1, new_fd: int = -1) -> Refused | None:
        """``rename(2)``: EXDEV before everything that is wrong with the names themselves."""
        source, target = self._walked(old, old_fd), self._walked(new, new_fd)
        if source is None or target is None:
            return None
        if source.lost or target.lost:
            return refused(errno.ENOENT, old, new)
        if self._mount(source.folder) is not self._mount(target.folder):
            return refused(errno.EXDEV, old, new)
        if source.nameless or target.nameless:
            return None  # EBUSY
        if found := self._made(source, old, new) or _absent(target, old, new):
            return found
        if source.status is not None and (self._mounted(source) or self._mounted(target)):
            return refused(errno.EBUSY, old, new)
        return None

    def truncate(self, path: Any, _length: int) -> Refused | None:
        """``truncate(2)``: permissions before EROFS. A number was opened for writing, or the system says no."""
        place = self._located(path)
        if place is None or place.status is None:
            return _absent(place, path) if place else None
        if S_ISREG(place.status.st_mode) and self._locked(place) and os.access(place.path, os.W_OK, **_EFFECTIVE):
            return refused(errno.EROFS, path)
        return None

    def _attributes(self, path: Any, dir_fd: int = -1, *, follow: bool = True, named: bool = True) -> Refused | None:
        """``chmod(2)`` and all that change what is said of a file; a number is an open one's."""
        if isinstance(path, int):
            opened = folder_of_descriptor(path)
            place = locate(opened, frozenset(), follow=False) if opened else None
        else:
            place = self._located(path, dir_fd, follow=follow)
        if place is None or not self._locked(place):
            return _absent(place, path) if place else None
        return refused(errno.EROFS, path, named=named)

    def _walked(self, path: Any, dir_fd: int) -> Place | None:
        base = _base(dir_fd)
        return walk(path, self._absent, base) if isinstance(path, (str, bytes)) and base is not None else None

    def _located(self, path: Any, dir_fd: int = -1, *, follow: bool = True) -> Place | None:
        base = _base(dir_fd)
        if base is None or not isinstance(path, (str, bytes)):
            return None
        return locate(path, self._absent, base, follow=follow)

    def _mount(self, path: str) -> Any:
        return self._mounts.of(comparable(path) or "/")

    def _mounted(self, place: Place) -> bool:
        """Whether a file system begins here, in a folder that may be changed: nobody removes or moves that."""
        if place.status is None or self._mount(place.path) is self._mount(place.folder):
            return False
        return os.access(place.folder or "/", os.W_OK | os.X_OK, **_EFFECTIVE)

    def _locked(self, place: Place) -> bool:
        """Whether a file, folder or link on a read-only mount is there; devices and pipes stay writable."""
        if place.status is None:
            return False
        mode = place.status.st_mode
        return (S_ISREG(mode) or S_ISDIR(mode) or S_ISLNK(mode)) and bool(self._mount(place.path).readonly)


def _absent(place: Place, *shown: Any) -> Refused | None:
    return refused(errno.ENOENT, *shown) if place.absent else None


def _base(dir_fd: int) -> str | None:
    """Return the folder that a relative path starts in; None where the platform can't tell."""
    return "" if dir_fd < 0 else folder_of_descriptor(dir_fd) or None
