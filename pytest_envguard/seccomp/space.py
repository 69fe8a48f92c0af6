"""How full a folder is that has a size in the environment and none here: by the files that were made in it.

An approximation, and said to be one: writes below `filter.LARGE` bytes are noticed at the next large one, and a write
that would fill the folder fails as a whole, where a file system would take the part that still fits.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat

from pytest_envguard.model.rules import Mount, Mounts
from pytest_envguard.seccomp.caller import AT_FDCWD, Caller

_BLOCK = 512  # the unit of st_blocks
_LOOKS = 16  # how often, while a folder fills, all files are counted


class Space:
    """The folders with a size, and the files that this environment has made in them."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts
        self._files: dict[str, set[str]] = {mount.path: set() for mount in mounts.all if mount.size is not None}
        self._since: dict[str, int] = dict.fromkeys(self._files, 0)
        self._counted: dict[str, int] = dict.fromkeys(self._files, 0)

    def __bool__(self) -> bool:
        return bool(self._files)

    def remember(self, caller: Caller, base: int, path: str) -> None:
        """Count the file ``path``, which is going to be made, from now on."""
        if not path.startswith("/"):
            start = f"/proc/{caller.thread}/cwd" if base == AT_FDCWD else caller.descriptor(base)
            path = f"{os.readlink(start)}/{path}"
        path = posixpath.normpath(path)
        mount = self._mounts.of(path)
        if mount.path in self._files:
            self._files[mount.path].add(path)

    def used(self, mount: Mount) -> int:
        """Return the bytes in a folder's files."""
        files = self._files[mount.path]
        total = 0
        for path in list(files):
            try:
                status = os.lstat(path)
            except OSError:
                files.discard(path)
                continue
            total += status.st_blocks * _BLOCK
        self._counted[mount.path], self._since[mount.path] = total, 0
        return total

    def write(self, caller: Caller, descriptor: int, count: int, offset: int | None) -> int:
        """Return ENOSPC if ``count`` more bytes don't fit, else 0.

        Args:
            caller: Who writes.
            descriptor: The file it writes to.
            count: Bytes.
            offset: Where in the file; None for where it is.
        """
        try:
            path = os.readlink(caller.descriptor(descriptor))
        except OSError:
            return 0  # EBADF, which the kernel says itself
        mount = self._mounts.of(path)
        if mount.size is None or mount.path not in self._files:
            return 0
        self._files[mount.path].add(path)
        since = self._since[mount.path] = self._since[mount.path] + count
        if self._counted[mount.path] + since <= mount.size and since <= mount.size // _LOOKS:
            return 0
        used = self.used(mount)
        status = os.stat(caller.descriptor(descriptor))
        if not stat.S_ISREG(status.st_mode):
            return 0
        if not status.st_nlink:  # a temporary file without a name, which no path leads to
            used += status.st_blocks * _BLOCK
        end = (_position(caller, descriptor) if offset is None else offset) + count
        growth = min(count, max(0, end - status.st_blocks * _BLOCK))
        return errno.ENOSPC if used + growth > mount.size else 0


def _position(caller: Caller, descriptor: int) -> int:
    with open(f"/proc/{caller.thread}/fdinfo/{descriptor}", "rb") as file:
        return int(file.readline().split()[1])
