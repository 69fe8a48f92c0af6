"""pyfakefs's own modules, each change asked of the `Kernel` first; and what they lack of an environment.

Everything here builds on pyfakefs's public names but for `fake_pathlib._FakeAccessor`, which only Python 3.10 needs;
a test notices when it moves.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar, cast

import pytest
from pyfakefs import fake_filesystem, fake_os, fake_pathlib
from pyfakefs.fake_file import FakeFileWrapper
from pyfakefs.fake_filesystem_shutil import FakeShutilModule
from pyfakefs.fake_open import FakeFileOpen

from pytest_envguard.fake.kernel import Kernel
from pytest_envguard.fake.layout import Identity

__tracebackhide__ = True
_Function = TypeVar("_Function", bound=Callable[..., Any])
_BLOCK = 4096
_UNLIMITED = 1 << 40  # what pyfakefs, too, shows of a file system without a size
_FILES = 1 << 20
_LONGEST_NAME = 255
_OPENER = 5  # place of the argument among those after the mode
_RDONLY, _NOEXEC = 1, 8  # statvfs(3); Windows has no such names
_FLAGS = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class Status(NamedTuple):
    """What ``statvfs(3)`` says; `os.statvfs_result` exists on Unix only."""

    f_bsize: int
    f_frsize: int
    f_blocks: int
    f_bfree: int
    f_bavail: int
    f_files: int
    f_ffree: int
    f_favail: int
    f_flag: int
    f_namemax: int


class Usage(NamedTuple):
    """What `shutil.disk_usage` returns, in bytes."""

    total: int
    used: int
    free: int


def _unless_skipped(function: _Function) -> _Function:
    """Let pytest's own calls through to the real file system, as pyfakefs does with its own functions."""
    return cast("_Function", fake_os.handle_original_call(function))


class FakeOs(fake_os.FakeOsModule):
    """The `os` of an environment.

    Attributes:
        kernel: Asked before every change.
    """

    def __init__(self, filesystem: fake_filesystem.FakeFilesystem) -> None:
        super().__init__(filesystem)
        self.kernel = Kernel(filesystem)
        self._thread = threading.local()

    @staticmethod
    def dir() -> list[str]:
        """Return the functions that are replaced where a module has imported them by name."""
        own = (name for name, value in vars(FakeOs).items() if callable(value) and not name.startswith("_"))
        return list(dict.fromkeys((*fake_os.FakeOsModule.dir(), *(name for name in own if name != "dir"))))

    def _at(self, path: Any, folder: int | None) -> Any:
        """Return ``path`` as seen from the open ``folder`` (a file descriptor), if there is one."""
        if folder is None:
            return path
        opened: Any = self.filesystem.get_open_file(folder).get_object()
        return posixpath.join(str(opened.path), os.fsdecode(path))

    @_unless_skipped
    def open(  # type: ignore[override]  # the real one doesn't know None either
        self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        """``open(2)``."""
        present = self.kernel.open(self._at(path, dir_fd), flags)
        # pyfakefs changes the mode of whatever it opens, of files that were there before too.
        self._thread.opening = True
        try:
            descriptor: int = super().open(path, flags, mode, dir_fd=dir_fd)
        finally:
            self._thread.opening = False
        if present is None:
            made = self.kernel.node(descriptor)
            made.st_mode = stat.S_IFMT(made.st_mode) | (mode & ~self.filesystem.umask)
        return descriptor

    @_unless_skipped
    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """``mkdir(2)``."""
        self.kernel.make(self._at(path, dir_fd), folder=True)
        super().mkdir(path, mode, dir_fd=dir_fd)

    @_unless_skipped
    def remove(self, path: Any, dir_fd: int | None = None) -> None:
        """``unlink(2)``."""
        self.kernel.unlink(self._at(path, dir_fd))
        super().remove(path, dir_fd=dir_fd)

    @_unless_skipped
    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        """``unlink(2)``."""
        self.kernel.unlink(self._at(path, dir_fd))
        super().unlink(path, dir_fd=dir_fd)

    @_unless_skipped
    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        """``rmdir(2)``."""
        self.kernel.rmdir(self._at(path, dir_fd))
        super().rmdir(path, dir_fd=dir_fd)

    @_unless_skipped
    def removedirs(self, name: Any) -> None:
        """Remove empty folders upwards, as `os.removedirs`: pyfakefs's own would take a mount point along."""
        self.rmdir(name)
        above = posixpath.dirname(os.fsdecode(name).rstrip("/"))
        while above.strip("/"):
            try:
                self.rmdir(above)
            except OSError:
                break
            above = posixpath.dirname(above)

    @_unless_skipped
    def rename(self, src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """``rename(2)``."""
        self.kernel.rename(self._at(src, src_dir_fd), self._at(dst, dst_dir_fd))
        super().rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    @_unless_skipped
    def replace(self, src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """``rename(2)``."""
        self.kernel.rename(self._at(src, src_dir_fd), self._at(dst, dst_dir_fd))
        super().replace(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    @_unless_skipped
    def link(
        self,
        src: Any,
        dst: Any,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        follow_symlinks: bool | None = True,
    ) -> None:
        """``link(2)``."""
        self.kernel.link(self._at(src, src_dir_fd), self._at(dst, dst_dir_fd), follow=follow_symlinks is not False)
        super().link(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, follow_symlinks=follow_symlinks)

    @_unless_skipped
    def symlink(self, src: Any, dst: Any, target_is_directory: bool = False, *, dir_fd: int | None = None) -> None:
        """``symlink(2)``."""
        self.kernel.make(self._at(dst, dir_fd))
        super().symlink(src, dst, target_is_directory, dir_fd=dir_fd)

    @_unless_skipped
    def mknod(  # type: ignore[override]  # the real one doesn't know None either
        self, path: Any, mode: int = 0o600, device: int = 0, *, dir_fd: int | None = None
    ) -> None:
        """``mknod(2)``."""
        self.kernel.make(self._at(path, dir_fd))
        super().mknod(path, mode if stat.S_IFMT(mode) else mode | stat.S_IFREG, device, dir_fd=dir_fd)

    @_unless_skipped
    def mkfifo(self, path: Any, mode: int = 0o666, *, dir_fd: int | None = None) -> None:
        """``mkfifo(3)``: its errors; where it would succeed there is no pipe, since pyfakefs has none."""
        self.kernel.make(self._at(path, dir_fd))
        raise NotImplementedError(f"a fake file system has no named pipes: {os.fsdecode(path)} (mode {mode:o})")

    @_unless_skipped
    def chmod(self, path: Any, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        """``chmod(2)``."""
        if getattr(self._thread, "opening", False):
            return
        self.kernel.chmod(self._at(path, dir_fd), follow=follow_symlinks)
        super().chmod(path, mode, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    @_unless_skipped
    def lchmod(self, path: Any, mode: int) -> None:
        """``lchmod(3)``, which Linux lacks and macOS has."""
        self.kernel.chmod(path, follow=False)
        super().lchmod(path, mode)

    @_unless_skipped
    def fchmod(self, fd: int, mode: int) -> None:
        """``fchmod(2)``."""
        self.kernel.chmod(fd)
        super().fchmod(fd, mode)

    @_unless_skipped
    def chown(self, path: Any, uid: int, gid: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        """``chown(2)``; pyfakefs's own wants to read the file."""
        node = self.kernel.chown(self._at(path, dir_fd), uid, gid, follow=follow_symlinks)
        node.st_uid = node.st_uid if uid == -1 else uid
        node.st_gid = node.st_gid if gid == -1 else gid

    @_unless_skipped
    def lchown(self, path: Any, uid: int, gid: int) -> None:
        """``lchown(2)``."""
        self.chown(path, uid, gid, follow_symlinks=False)

    @_unless_skipped
    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """``fchown(2)``."""
        self.chown(fd, uid, gid)

    @_unless_skipped
    def utime(
        self,
        path: Any,
        times: tuple[float, float] | None = None,
        ns: tuple[int, int] | None = None,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """``utimensat(2)``; pyfakefs's own wants to read the file."""
        if times is not None and ns is not None:
            raise ValueError("utime: you may specify either 'times' or 'ns' but not both")
        given = ns if times is None else (int(times[0] * 1e9), int(times[1] * 1e9))
        node = self.kernel.utime(self._at(path, dir_fd), explicit=given is not None, follow=follow_symlinks)
        node.st_atime_ns, node.st_mtime_ns = given or (time.time_ns(),) * 2

    @_unless_skipped
    def truncate(self, path: Any, length: int) -> None:
        """``truncate(2)``."""
        if isinstance(path, int):
            self.ftruncate(path, length)
            return
        self.kernel.truncate(path)
        super().truncate(path, length)

    @_unless_skipped
    def ftruncate(self, fd: int, length: int) -> None:
        """``ftruncate(2)``."""
        opened = self.filesystem.get_open_file(fd)
        if isinstance(opened, FakeFileWrapper) and not opened.allow_update:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        super().ftruncate(fd, length)

    @_unless_skipped
    def setxattr(
        self, path: Any, attribute: Any, value: bytes, flags: int = 0, *, follow_symlinks: bool = True
    ) -> None:
        """``setxattr(2)``."""
        self.kernel.xattr(path, follow=follow_symlinks)
        super().setxattr(path, attribute, value, flags, follow_symlinks=follow_symlinks)

    @_unless_skipped
    def removexattr(self, path: Any, attribute: Any, *, follow_symlinks: bool = True) -> None:
        """``removexattr(2)``; a missing attribute is ENODATA, where pyfakefs says nothing."""
        self.kernel.xattr(path, follow=follow_symlinks)
        self.getxattr(path, attribute, follow_symlinks=follow_symlinks)
        super().removexattr(path, attribute, follow_symlinks=follow_symlinks)

    @_unless_skipped
    def access(
        self,
        path: Any,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool | None = None,  # noqa: ARG002  # both are the same here
        follow_symlinks: bool | None = None,
    ) -> bool:
        """``faccessat(2)``: pyfakefs's own looks at the owner's permissions, whoever asks."""
        return self.kernel.access(self._at(path, dir_fd), mode, follow=follow_symlinks is not False)

    @_unless_skipped
    def statvfs(self, path: Any) -> Status:
        """``statvfs(3)``."""
        mount, account = self.kernel.mounts[self.kernel.node(path).st_dev]
        total = account["total_size"] or _UNLIMITED
        blocks, free = total // _BLOCK, (total - account["used_size"]) // _BLOCK
        flags = _RDONLY * mount.read_only | _NOEXEC * mount.noexec
        return Status(_BLOCK, _BLOCK, blocks, free, free, _FILES, _FILES, _FILES, flags, _LONGEST_NAME)

    @_unless_skipped
    def fstatvfs(self, fd: int) -> Status:
        """``fstatvfs(3)``."""
        return self.statvfs(fd)

    @_unless_skipped
    def geteuid(self) -> int:
        """Return the same as `getuid`."""
        return fake_filesystem.get_uid()

    @_unless_skipped
    def getegid(self) -> int:
        """Return the same as `getgid`."""
        return fake_filesystem.get_gid()


class FakeShutil(FakeShutilModule):
    """The `shutil` of an environment."""

    def disk_usage(self, path: Any) -> Usage:
        """Return what is left where ``path`` lies; pyfakefs's own takes /tmpfoo for a part of /tmp."""
        status = FakeOs.statvfs(self.filesystem.patcher.fake_modules["os"], path)
        free = status.f_bavail * _BLOCK
        return Usage(status.f_blocks * _BLOCK, status.f_blocks * _BLOCK - free, free)


MODULES = {"os": FakeOs, "shutil": FakeShutil}


@contextmanager
def known_as(identity: Identity) -> Iterator[None]:
    """Let `~`, `pwd` and `getpass` know the environment's user and no other.

    To be entered before pyfakefs is started, which notes the functions that it will put in place of others.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_filesystem.FakePathModule, "expanduser", _expanding(identity))
        if identity.user is not None and sys.platform != "win32":
            _replace_passwd(patch, identity)
        yield


def _expanding(identity: Identity) -> Callable[..., Any]:
    def expanduser(_module: Any, path: Any) -> Any:
        text = os.fsdecode(path)
        word, slash, rest = text.partition("/")
        home = _home_of(word, identity)
        if home is None:
            return os.fspath(path)
        expanded = home.rstrip("/") + slash + rest or "/"
        return os.fsencode(expanded) if isinstance(os.fspath(path), bytes) else expanded

    return expanduser


def _home_of(word: str, identity: Identity) -> str | None:
    if word == "~" and "HOME" in os.environ:
        return os.environ["HOME"]
    if word == "~" or (identity.user and word == f"~{identity.user}"):
        return identity.user_home if identity.user else None
    return "/root" if word == "~root" else None


def _replace_passwd(patch: pytest.MonkeyPatch, identity: Identity) -> None:
    import pwd

    entries = [pwd.struct_passwd(("root", "x", 0, 0, "root", "/root", "/bin/sh"))]
    if identity.user:
        uid, gid = fake_filesystem.get_uid(), fake_filesystem.get_gid()
        ids = (uid if identity.uid is None else identity.uid, gid if identity.gid is None else identity.gid)
        entries.append(pwd.struct_passwd((identity.user, "x", *ids, "", identity.user_home, "/bin/sh")))

    def getpwuid(uid: int) -> Any:
        found = [entry for entry in entries if entry.pw_uid == uid]
        if not found:
            raise KeyError(f"getpwuid(): uid not found: {uid}")
        return found[0]

    def getpwnam(name: str) -> Any:
        found = [entry for entry in entries if entry.pw_name == name]
        if not found:
            raise KeyError(f"getpwnam(): name not found: {name!r}")
        return found[0]

    patch.setattr(pwd, "getpwuid", getpwuid)
    patch.setattr(pwd, "getpwnam", getpwnam)


@contextmanager
def guarded(system: FakeOs) -> Iterator[None]:
    """Ask about what goes past the modules, too: `open` in all of its forms, and `pathlib`'s own ways."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeFileOpen, "call", _asking(FakeFileOpen.call, system))
        path = fake_pathlib.FakePath
        patch.setattr(path, "touch", _touching(system))
        patch.setattr(path, "expanduser", _expanding_path(system))
        patch.setattr(path, "home", classmethod(lambda kind: kind("~").expanduser()))
        if sys.version_info < (3, 11):
            # Its pathlib calls an accessor, whose functions pyfakefs has bound to itself when it was imported.
            for name in ("chmod", "link", "mkdir", "rename", "replace", "rmdir", "symlink", "unlink", "utime"):
                patch.setattr(fake_pathlib._FakeAccessor, name, staticmethod(getattr(system, name)))  # noqa: SLF001
        yield


def _asking(original: Callable[..., Any], system: FakeOs) -> Callable[..., Any]:
    """Return `FakeFileOpen.call` with a question before it: `open`, `io.open` and `Path.open` all end there."""

    def call(self: FakeFileOpen, file_: Any, mode: str = "r", *others: Any, **named: Any) -> Any:
        opener = others[_OPENER] if len(others) > _OPENER else named.get("opener")
        # A number is open already, `os.open` (the only one with `raw_io`) has asked, and an opener will call it.
        if self.filesystem is system.filesystem and not (isinstance(file_, int) or self.raw_io or opener):
            system.kernel.open(file_, _flags(mode))
        return original(self, file_, mode, *others, **named)

    return call


def _flags(mode: str) -> int:
    flags = next((flags for letter, flags in _FLAGS.items() if letter in mode), os.O_RDONLY)
    return (flags & ~os.O_WRONLY) | os.O_RDWR if "+" in mode else flags


def _touching(system: FakeOs) -> Callable[..., None]:
    """Return `Path.touch` by system calls, as Python does it; pyfakefs's own changes times past the `os` module."""

    def touch(self: Any, mode: int = 0o666, exist_ok: bool = True) -> None:
        if exist_ok:
            try:
                system.utime(self)
            except OSError:
                pass
            else:
                return
        system.close(system.open(self, os.O_CREAT | os.O_WRONLY | (0 if exist_ok else os.O_EXCL), mode))

    return touch


def _expanding_path(system: FakeOs) -> Callable[..., Any]:
    """Return `Path.expanduser`, which fails where nobody knows a home; pyfakefs's own leaves the `~`."""

    def expanduser(self: Any) -> Any:
        expanded = system.path.expanduser(str(self))
        if expanded.startswith("~"):
            raise RuntimeError("Could not determine home directory.")
        return type(self)(expanded)

    return expanduser
