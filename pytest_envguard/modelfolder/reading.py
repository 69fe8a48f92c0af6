"""Reading a folder that may be hostile: what is there, without following loops, and files without waiting or filling memory."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

FILE = "file"
FOLDER = "folder"
SPECIAL = "special"  # a FIFO, socket or device: never opened
DANGLING = "dangling"
LOOP = "loop"
UNKNOWN = "unknown"  # the system wouldn't say what it is

MOST_ENTRIES = 100_000
_DEEPEST = 40
_NOT_OF_THE_MODEL = (".git", os.path.join(".cache", "huggingface"))  # what git and the hub's client keep for themselves


class Entry(NamedTuple):
    """A name in the folder.

    Attributes:
        path: Relative to the folder; bytes that aren't UTF-8 as surrogates (PEP 383).
        kind: Of what it leads to where it's a link.
        size: Bytes, 0 where it's no file.
        mode: Permission bits.
        uid: Owner.
        gid: Group.
        modified: Time of the last change, in seconds.
        link: Where it leads, as written there; "" where it's no link.
    """

    path: str
    kind: str
    size: int = 0
    mode: int = 0
    uid: int = -1
    gid: int = -1
    modified: float = 0.0
    link: str = ""


class Tree(NamedTuple):
    """All names in a folder.

    Attributes:
        root: Absolute path of the folder.
        entries: Those in it and below, by path; folders behind links aren't entered.
        unlisted: Folders that couldn't be listed, and the system's reason.
        cut: Whether there are more than were looked at.
    """

    root: str
    entries: tuple[Entry, ...]
    unlisted: tuple[tuple[str, str], ...] = ()
    cut: bool = False


def tree_of(root: str) -> Tree:
    """Return what is in a folder.

    Raises:
        OSError: The folder itself can't be listed.
    """
    entries: list[Entry] = []
    unlisted: list[tuple[str, str]] = []
    waiting = [""]
    cut = False
    while waiting and len(entries) <= MOST_ENTRIES:
        folder = waiting.pop()
        try:
            found = _in(root, folder, MOST_ENTRIES + 1 - len(entries))
        except OSError as error:
            if not folder:
                raise
            unlisted.append((folder, error.strerror or str(error)))
            continue
        entries.extend(found)
        below = [one.path for one in found if _is_entered(one)]
        if below and folder.count(os.sep) >= _DEEPEST:
            cut = True
        else:
            waiting.extend(below)
    cut = cut or len(entries) > MOST_ENTRIES
    entries = entries[:MOST_ENTRIES]
    return Tree(root, tuple(sorted(entries)), tuple(unlisted), cut)


def _is_entered(entry: Entry) -> bool:
    return entry.kind == FOLDER and not entry.link and entry.path not in _NOT_OF_THE_MODEL


def _in(root: str, folder: str, most: int) -> list[Entry]:
    with os.scandir(os.path.join(root, folder)) as found:
        return [_entry(item, os.path.join(folder, item.name)) for item in islice(found, most)]


def _entry(item: os.DirEntry[str], path: str) -> Entry:
    link = ""
    try:
        if item.is_symlink():
            link = os.readlink(item.path)
        found = item.stat()
    except OSError as error:
        kind = {errno.ENOENT: DANGLING, errno.ENOTDIR: DANGLING, errno.ELOOP: LOOP}.get(error.errno or 0, UNKNOWN)
        return Entry(path, kind, link=link)
    kind = FILE if stat.S_ISREG(found.st_mode) else FOLDER if stat.S_ISDIR(found.st_mode) else SPECIAL
    size = found.st_size if kind == FILE else 0
    return Entry(path, kind, size, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime, link)


def is_regular(mode: int) -> bool:
    """Return whether a mode is a file's that can be read without waiting for anybody."""
    return stat.S_ISREG(mode)


@contextmanager
def opened(path: str) -> Iterator[int]:
    """Give a descriptor of a regular file, that nothing waits for.

    Raises:
        OSError: It can't be opened, or is none.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        yield descriptor
    finally:
        os.close(descriptor)


def beginning(path: str, most: int) -> bytes:
    """Return the first bytes of a file, at most so many.

    Raises:
        OSError: It can't be read.
    """
    return part(path, 0, most)


def part(path: str, at: int, most: int) -> bytes:
    """Return bytes of a file from a place on, fewer where it ends.

    Raises:
        OSError: It can't be read.
    """
    with opened(path) as descriptor:
        found = bytearray()
        while len(found) < most and (piece := os.pread(descriptor, most - len(found), at + len(found))):
            found += piece
        return bytes(found)
