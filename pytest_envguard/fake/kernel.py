"""What Linux checks, and in which order, before it changes a file: the part of a file system that pyfakefs doesn't have.

Each method stands for one system call and raises the error that the kernel would have raised first, or returns. What
comes out was compared with the kernel itself, operation by operation, on a read-only bind mount and a sized tmpfs.
"""

from __future__ import annotations

import errno
import os
import sys
from collections import deque
from collections.abc import Mapping
from stat import S_ISDIR, S_ISLNK, S_ISREG, S_ISVTX
from typing import Any, NamedTuple, NoReturn

from pyfakefs.fake_filesystem import FakeDirectory, FakeFile, FakeFilesystem, get_gid, get_uid

from pytest_envguard.fake.layout import Mount
from pytest_envguard.model.machine import Folder

__tracebackhide__ = True  # a failing test shows the call that failed, not how the error was found
READ, WRITE, SEARCH = 4, 2, 1
ROOT = 0
_MOST_LINKS = 40
_NAMELESS = ("", ".", "..")
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has none of them, so nobody passes them there
_TMPFILE: int = getattr(os, "O_TMPFILE", 0)
_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
_ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


class Place(NamedTuple):
    """Where a path leads.

    Attributes:
        trail: The folders on the way, the root first.
        name: The last component; "" for the root, "." and ".." as they are, in the folder that they are said of.
        node: What is there, or None.
        slash: Whether the path ends in a slash, which only a folder may.
    """

    trail: tuple[FakeFile, ...]
    name: str
    node: FakeFile | None
    slash: bool

    @property
    def folder(self) -> FakeFile:
        """The folder that it lies in."""
        return self.trail[-1]

    @property
    def nameless(self) -> bool:
        """Whether it is the root, or a folder called `.` or `..`."""
        return self.name in _NAMELESS

    @property
    def mounted(self) -> bool:
        """Whether another file system begins here."""
        return self.node is not None and self.node.st_dev != self.folder.st_dev


class Kernel:
    """The checks on one fake file system.

    Attributes:
        mounts: Device number to what is mounted, and pyfakefs's account of it.
        unlocked: Whether the user is setting up, and nothing is read-only.
    """

    def __init__(self, filesystem: FakeFilesystem) -> None:
        self._filesystem = filesystem
        self.mounts: dict[int, tuple[Mount, Mapping[str, Any]]] = {}
        self.unlocked = False

    def locate(self, path: object, *, follow: bool = True) -> Place:
        """Walk to what ``path`` names.

        Args:
            path: Text, bytes or a path object.
            follow: Whether a symbolic link at its end is followed; before a slash it always is.

        Raises:
            OSError: ENOENT, ENOTDIR or EACCES on the way, ELOOP.
        """
        place = self._walk(path, follow=follow or _text(path).endswith("/"))
        if place.slash and place.node is not None and not S_ISDIR(place.node.st_mode):
            _fail(errno.ENOTDIR, path)
        return place

    def _walk(self, path: object, *, follow: bool = False) -> Place:
        """Walk to the folder of the last component, and look what is there, whatever a slash after it asks for."""
        text = _text(path)
        if not text:
            _fail(errno.ENOENT, path)
        slash = text.endswith("/") and bool(text.strip("/"))
        whole = text if text.startswith("/") else f"{self._filesystem.cwd}/{text}"
        rest, links, last = _components(whole), 0, text.rstrip("/").rpartition("/")[2]
        if last == "..":
            rest.pop()
        trail: list[FakeFile] = [self._filesystem.root]
        while rest:
            name = rest.popleft()
            self._enter(trail[-1], path)
            if name == "..":
                trail = trail[:-1] or trail
                continue
            node = _entry(trail[-1], name)
            if node is None:
                if rest:
                    _fail(errno.ENOENT, path)
                return Place(tuple(trail), name, None, slash)
            if S_ISLNK(node.st_mode) and (rest or follow):
                links += 1
                if links > _MOST_LINKS:
                    _fail(errno.ELOOP, path)
                target = node.contents or ""
                trail = trail[:1] if target.startswith("/") else trail
                rest.extendleft(reversed(_components(target)))
                continue
            trail.append(node)
        if last in _NAMELESS:
            self._enter(trail[-1], path)
            return Place(tuple(trail), last, trail[-2:][0] if last == ".." else trail[-1], slash)
        return Place(tuple(trail[:-1] or trail), last, trail[-1], slash)  # a link may lead to the root itself

    def node(self, path: object, *, follow: bool = True) -> FakeFile:
        """Return what ``path`` leads to; a number is an open file's.

        Raises:
            OSError: It isn't there, or may not be looked up.
        """
        if isinstance(path, int):
            opened = self._filesystem.get_open_file(path).get_object()
            assert isinstance(opened, FakeFile)
            return opened
        node = self.locate(path, follow=follow).node
        if node is None:
            _fail(errno.ENOENT, path)
        return node

    def open(self, path: object, flags: int) -> FakeFile | None:
        """``open(2)``; returns what will be opened, None if it will be made."""
        making, only_new = bool(flags & os.O_CREAT), flags & os.O_CREAT and flags & os.O_EXCL
        if making and _text(path).endswith("/"):
            self._walk(path)  # what is wrong on the way comes first
            _fail(errno.EISDIR, path)
        place = self.locate(path, follow=not (only_new or flags & _NOFOLLOW))
        writing = flags & _ACCESS_MODE != os.O_RDONLY
        node = place.node
        if _TMPFILE and flags & _TMPFILE == _TMPFILE:
            self._open_nameless(path, node)
            return None
        if node is None:
            if not making:
                _fail(errno.ENOENT, path)
            self._change(place.folder, path)
            self._write(place.folder, path)
            return None
        if only_new:
            _fail(errno.EEXIST, path)
        if S_ISDIR(node.st_mode) and (writing or making or flags & os.O_TRUNC):
            _fail(errno.EISDIR, path)
        if S_ISLNK(node.st_mode):
            _fail(errno.ELOOP, path)
        if flags & _DIRECTORY and not S_ISDIR(node.st_mode):
            _fail(errno.ENOTDIR, path)
        if flags & os.O_TRUNC:
            self._change(node, path)  # before permissions, unlike the plain opening for writing below
        wanted = READ if flags & _ACCESS_MODE != os.O_WRONLY else 0
        if not self.allows(node, wanted | (WRITE if writing or flags & os.O_TRUNC else 0)):
            _fail(errno.EACCES, path)
        if writing:
            self._change(node, path)
        return node

    def _open_nameless(self, path: object, node: FakeFile | None) -> None:
        if node is None:
            _fail(errno.ENOENT, path)
        if not S_ISDIR(node.st_mode):
            _fail(errno.ENOTDIR, path)
        self._change(node, path)
        self._write(node, path)

    def make(self, path: object, *, folder: bool = False) -> None:
        """``mkdir(2)`` (with ``folder``), ``mknod(2)`` and ``symlink(2)``."""
        self._write(self._new(path, folder=folder).folder, path)

    def link(self, old: object, new: object, *, follow: bool) -> None:
        """``link(2)``: EROFS before EXDEV, unlike `rename`."""
        node = self.node(old, follow=follow)
        place = self._new(new, old, folder=False)
        if node.st_dev != place.folder.st_dev:
            _fail(errno.EXDEV, old, new)
        self._write(place.folder, old, new)
        if S_ISDIR(node.st_mode):
            _fail(errno.EPERM, old, new)

    def unlink(self, path: object) -> None:
        """``unlink(2)``: on a read-only mount EROFS, whether the file is there or not."""
        place = self._walk(path)
        if place.nameless:
            _fail(errno.EISDIR, path)
        self._change(place.folder, path)
        if place.slash and place.node is not None:
            _fail(errno.EISDIR if S_ISDIR(place.node.st_mode) else errno.ENOTDIR, path)
        node = self._removable(place, path)
        if S_ISDIR(node.st_mode):
            _fail(errno.EISDIR, path)

    def rmdir(self, path: object) -> None:
        """``rmdir(2)``."""
        place = self._walk(path)
        if place.nameless:
            _fail({"": errno.EBUSY, ".": errno.EINVAL}.get(place.name, errno.ENOTEMPTY), path)
        node = self._removable(place, path)
        if not isinstance(node, FakeDirectory):
            _fail(errno.ENOTDIR, path)
        if place.mounted:
            _fail(errno.EBUSY, path)
        if node.entries:
            _fail(errno.ENOTEMPTY, path)

    def rename(self, old: object, new: object) -> None:
        """``rename(2)``: EXDEV before everything that is wrong with the names themselves."""
        source, target = self._walk(old), self._walk(new)
        if source.folder.st_dev != target.folder.st_dev:
            _fail(errno.EXDEV, old, new)
        if source.nameless or target.nameless:
            _fail(errno.EBUSY, old, new)
        self._change(source.folder, old, new)
        node, replaced = source.node, target.node
        if node is None:
            _fail(errno.ENOENT, old, new)
        if not S_ISDIR(node.st_mode) and (source.slash or target.slash):
            _fail(errno.ENOTDIR, old, new)
        for moved, place, number in ((node, target, errno.EINVAL), (replaced, source, errno.ENOTEMPTY)):
            if any(moved is above for above in place.trail):
                _fail(number, old, new)
        if node is replaced:
            return
        self._delete(source, old, new)
        if replaced is None:
            self._write(target.folder, old, new)
        else:
            self._delete(target, old, new)
            _same_kind(node, replaced, old, new)
        # A folder's `..` is written when it moves.
        if S_ISDIR(node.st_mode) and source.folder is not target.folder and not self.allows(node, WRITE):
            _fail(errno.EACCES, old, new)
        if source.mounted or target.mounted:
            _fail(errno.EBUSY, old, new)
        if isinstance(replaced, FakeDirectory) and replaced.entries:
            _fail(errno.ENOTEMPTY, old, new)

    def chmod(self, path: object, *, follow: bool = True) -> None:
        """``chmod(2)``."""
        self._own(self._changeable(path, follow), path)

    def chown(self, path: object, uid: int, gid: int, *, follow: bool = True) -> FakeFile:
        """``chown(2)``: only root gives files away. Returns the file."""
        node = self._changeable(path, follow)
        if (uid, gid) != (-1, -1):
            if get_uid() != ROOT and not (uid in (-1, get_uid()) and gid in (-1, get_gid())):
                _fail(errno.EPERM, path)
            self._own(node, path)
        return node

    def utime(self, path: object, *, explicit: bool, follow: bool = True) -> FakeFile:
        """``utimensat(2)``: ``explicit`` times are the owner's to set, the present one whoever may write. Returns the file."""
        node = self._changeable(path, follow)
        if explicit:
            self._own(node, path)
        elif get_uid() not in (ROOT, node.st_uid) and not self.allows(node, WRITE):
            _fail(errno.EACCES, path)
        return node

    def truncate(self, path: object) -> None:
        """``truncate(2)``: permissions before EROFS."""
        node = self.node(path)
        if not S_ISREG(node.st_mode):
            _fail(errno.EISDIR if S_ISDIR(node.st_mode) else errno.EINVAL, path)
        if not self.allows(node, WRITE):
            _fail(errno.EACCES, path)
        self._change(node, path)

    def xattr(self, path: object, *, follow: bool = True) -> None:
        """``setxattr(2)`` and ``removexattr(2)``."""
        node = self._changeable(path, follow)
        if S_ISDIR(node.st_mode) and node.st_mode & S_ISVTX:
            self._own(node, path)
        if not self.allows(node, WRITE):
            _fail(errno.EACCES, path)

    def access(self, path: object, wanted: int, *, follow: bool = True) -> bool:
        """``faccessat(2)``: no, where the mount forbids it, although the mode would allow it."""
        try:
            node = self.node(path, follow=follow)
        except OSError:
            return False
        if wanted & WRITE and self._locked(node):
            return False
        if wanted & SEARCH and S_ISREG(node.st_mode) and self.mounts[node.st_dev][0].noexec:
            return False
        return self.allows(node, wanted)

    def allows(self, node: FakeFile, wanted: int) -> bool:
        """Whether the process has the permissions ``wanted`` (4 read, 2 write, 1 search or execute) by the mode."""
        mode: int = node.st_mode
        if get_uid() == ROOT:
            return not wanted & SEARCH or S_ISDIR(mode) or mode & 0o111 != 0
        return Folder(node.st_uid, node.st_gid, mode).open_to(get_uid(), get_gid(), wanted)

    def _locked(self, node: FakeFile) -> bool:
        """Whether ``node`` is a file, folder or link on a read-only mount; devices and pipes stay writable."""
        mode = node.st_mode
        if self.unlocked or not (S_ISREG(mode) or S_ISDIR(mode) or S_ISLNK(mode)):
            return False
        return self.mounts[node.st_dev][0].read_only

    def _enter(self, folder: FakeFile, path: object) -> None:
        if not S_ISDIR(folder.st_mode):
            _fail(errno.ENOTDIR, path)
        if not self.allows(folder, SEARCH):
            _fail(errno.EACCES, path)

    def _change(self, node: FakeFile, *paths: object) -> None:
        if self._locked(node):
            _fail(errno.EROFS, *paths)

    def _write(self, folder: FakeFile, *paths: object) -> None:
        if not self.allows(folder, WRITE | SEARCH):
            _fail(errno.EACCES, *paths)

    def _new(self, path: object, *others: object, folder: bool) -> Place:
        place = self._walk(path)
        if place.nameless or place.node is not None:
            _fail(errno.EEXIST, *others, path)
        if place.slash and not folder:
            _fail(errno.ENOENT, *others, path)
        self._change(place.folder, *others, path)
        return place

    def _removable(self, place: Place, path: object) -> FakeFile:
        self._change(place.folder, path)
        if place.node is None:
            _fail(errno.ENOENT, path)
        self._delete(place, path)
        return place.node

    def _delete(self, place: Place, *paths: object) -> None:
        self._write(place.folder, *paths)
        owners = (ROOT, place.folder.st_uid, place.node.st_uid if place.node else ROOT)
        if place.folder.st_mode & S_ISVTX and get_uid() not in owners:
            _fail(errno.EPERM, *paths)

    def _changeable(self, path: object, follow: bool) -> FakeFile:
        node = self.node(path, follow=follow)
        self._change(node, path)
        return node

    def _own(self, node: FakeFile, path: object) -> None:
        if get_uid() not in (ROOT, node.st_uid):
            _fail(errno.EPERM, path)


def _fail(number: int, *paths: object) -> NoReturn:
    """Raise the error with the names that `os` would give it."""
    first, *second = (path if isinstance(path, int) else os.fspath(path) for path in paths)  # type: ignore[call-overload]
    raise OSError(number, os.strerror(number), first, None, *second)


def _same_kind(node: FakeFile, replaced: FakeFile, *paths: object) -> None:
    if S_ISDIR(node.st_mode) != S_ISDIR(replaced.st_mode):
        _fail(errno.ENOTDIR if S_ISDIR(node.st_mode) else errno.EISDIR, *paths)


def _text(path: object) -> str:
    text = os.fsdecode(path)  # type: ignore[arg-type]  # what isn't a path raises `TypeError`, as in `os`
    # Paths made by Windows's own functions reach the emulated Linux with its separators.
    return text.replace("\\", "/") if sys.platform == "win32" else text


def _components(text: str) -> deque[str]:
    return deque(name for name in text.split("/") if name not in ("", "."))


def _entry(folder: FakeFile, name: str) -> FakeFile | None:
    assert isinstance(folder, FakeDirectory)
    return folder.entries.get(name)
