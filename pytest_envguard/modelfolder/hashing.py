"""Sums of large files: several at a time, in big pieces, and ended at once by Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.wording import size_of

SHA256 = "sha256"
GIT = "git"  # SHA-1 of git's blob: what a hub knows of files that it doesn't store apart
_PIECE = 1 << 20  # bytes; hashlib lets other threads run meanwhile
_MOST_THREADS = 4
_EVERY = 1.0  # seconds from one line of progress to the next

Say = Callable[[str], None]


class Task(NamedTuple):
    """A file to hash.

    Attributes:
        path: Its absolute path.
        size: Bytes that it had when it was looked at.
        algorithm: `SHA256` or `GIT`.
    """

    path: str
    size: int
    algorithm: str = SHA256


class Sum(NamedTuple):
    """What came of it.

    Attributes:
        hex: The sum in hexadecimal; "" where there is none.
        problem: Why there is none.
        read: Bytes that were read.
    """

    hex: str = ""
    problem: str = ""
    read: int = 0


def sums_of(tasks: Iterable[Task], say: Say | None = None) -> dict[Task, Sum]:
    """Return the sum of each file; the largest first, so that the last one isn't waited for alone.

    Args:
        tasks: The files.
        say: Told about every second how far it is.
    """
    ordered = sorted(set(tasks), key=lambda one: -one.size)
    work = _Work(sum(one.size for one in ordered), say)
    pool = ThreadPoolExecutor(max(1, min(_MOST_THREADS, os.cpu_count() or 1, len(ordered))), "envguard-sum")
    try:
        return dict(zip(ordered, pool.map(work.sum_of, ordered), strict=True))
    finally:
        work.ended.set()  # Ctrl-C: the threads stop at their next piece
        pool.shutdown(wait=True, cancel_futures=True)


class _Work:
    """How far all of it is."""

    def __init__(self, total: int, say: Say | None) -> None:
        self.ended = threading.Event()
        self._total = total
        self._say = say
        self._done = 0
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def sum_of(self, task: Task) -> Sum:
        """Return the sum of one file."""
        try:
            with reading.opened(task.path) as descriptor:
                return self._hashed(descriptor, task)
        except OSError as error:
            return Sum(problem=error.strerror or str(error))

    def _hashed(self, descriptor: int, task: Task) -> Sum:
        before = os.fstat(descriptor)
        digest = hashlib.sha256() if task.algorithm == SHA256 else hashlib.sha1(b"blob %d\0" % before.st_size)  # noqa: S324  # git's
        piece = memoryview(bytearray(min(_PIECE, before.st_size + 1)))
        read = 0
        while count := os.readv(descriptor, [piece]):
            digest.update(piece[:count])
            read += count
            if read > before.st_size or self.ended.is_set():
                break  # one that grows for ever, or nobody who waits
            self._tell(count)
        after = os.fstat(descriptor)
        if read != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            return Sum(problem="it changed while it was read", read=read)
        return Sum(digest.hexdigest(), read=read)

    def _tell(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = time.monotonic()
            if self._say is None or now - self._last < _EVERY:
                return
            self._last = now
            done = self._done
        self._say(f"hashed {size_of(done)} of {size_of(self._total)}")
