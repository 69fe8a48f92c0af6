"""What an environment forbids, said without the mechanism that enforces it: for the ones that answer call by call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# Dictionaries of plain values, because they travel on a command line (see `launcher.encode`), to a program that can't
# afford to import `typing`. The keys of the rules:
#
#   mounts        list of [path, readonly, noexec, size]: the file systems that the environment would have, "/" among
#                 them; size in bytes or None
#   absent        list of paths that don't exist there (ENOENT)
#   network       "none", "drop", "refuse", "nxdomain", or None where it's open
#   nameservers   list of addresses that names are asked of, which count as outside even on loopback
#   daemons       list of AF_UNIX paths that lead beyond a network that is cut
#   closed        list of mounts that only root may change (EACCES), where root itself plays an ordinary user
#   passwd        text in place of /etc/passwd, or None
#   ids           [uid, gid] that are shown, or None
#   hostname      the host name that is shown, or None
#   symlinks      whether symbolic links can be made; left out: they can
#   mmap_limit    bytes of the largest mapping, or None; for the audit hook alone


class Mount:
    """A file system of the environment, as far as it matters to what may be done there.

    Attributes:
        path: Where it is mounted.
        readonly: EROFS for everyone who changes something.
        noexec: EACCES for execve, EPERM for an executable mapping.
        size: Bytes that fit in, or None.
    """

    __slots__ = ("noexec", "path", "readonly", "size")

    def __init__(self, path: str, readonly: bool, noexec: bool, size: int | None) -> None:
        self.path = path
        self.readonly = readonly
        self.noexec = noexec
        self.size = size


class Mounts:
    """The mount table of an environment."""

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self.all = [Mount(*row) for row in rows]
        # The deepest first, so that the first one that fits is the right one.
        self._prefixes = [
            (mount.path, mount.path.rstrip("/") + "/", mount)
            for mount in sorted(self.all, key=lambda mount: len(mount.path), reverse=True)
        ]

    def of(self, path: str) -> Mount:
        """Return the mount that the absolute ``path`` (without symbolic links and ``..``) lies on."""
        for exact, prefix, mount in self._prefixes:
            if path == exact or path.startswith(prefix):
                return mount
        return _UNRESTRICTED


_UNRESTRICTED = Mount("/", False, False, None)


def is_within(path: str, folders: Sequence[str]) -> bool:
    """Whether ``path`` is one of ``folders`` or lies in one."""
    return any(path == folder or path.startswith(folder + "/") for folder in folders)
