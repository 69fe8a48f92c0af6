"""The list of what was refused: written by the supervisor, read by the plugin in a worker.

Both are files in memory. One holds the entries. Into the other the worker writes the Python stack of a thread whose call
is being refused: it's asked for by a signal, which `faulthandler` answers without the interpreter's help, so that it
works in the middle of a C extension. The call is then made again by the kernel (SA_RESTART) and answered.
"""

from __future__ import annotations

# `signal` itself would build enumerations (4 ms), see `launcher`.
import _signal as signal  # type: ignore[import-not-found]
import marshal
import os

# "ENTRIES:STACKS:SIGNAL", the descriptors and how to ask, or "!" and why there is none; set for the first process only.
VARIABLE = "PYTEST_ENVGUARD_LEDGER"
# Nobody's own: the last real-time signals but two (glibc and profilers take from the front).
ASK: int = signal.SIGRTMAX - 2

_CHUNK = 1 << 16

Entry = tuple[int, str, str, int, str, str]
"""Process id, call, target, errno, command line of the process, Python stack as faulthandler writes it."""


class Ledger:
    """The two files."""

    # Not `os.pread` at the time of a call: a test may have replaced `os` by a fake file system's (pyfakefs).
    _pread = staticmethod(os.pread)

    def __init__(self, entries: int, stacks: int) -> None:
        self.entries = entries
        self.stacks = stacks
        self._read = 0

    @classmethod
    def make(cls) -> Ledger:
        """Return a new, empty one."""
        return cls(os.memfd_create("envguard-refusals", 0), os.memfd_create("envguard-stacks", 0))

    @classmethod
    def at(cls, text: str) -> Ledger:
        """Return the one whose descriptors ``text`` names; they are not passed on any further."""
        entries, stacks, _ = map(int, text.split(":"))
        for descriptor in (entries, stacks):
            os.set_inheritable(descriptor, False)
        return cls(entries, stacks)

    def __str__(self) -> str:
        return f"{self.entries}:{self.stacks}:{ASK}"

    def close(self) -> None:
        """Forget both."""
        os.close(self.entries)
        os.close(self.stacks)

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        data = marshal.dumps(entry)
        os.write(self.entries, len(data).to_bytes(4, "little") + data)

    def take_stack(self) -> str:
        """Return what a thread has written about itself, and make room for the next."""
        size = os.fstat(self.stacks).st_size
        text = os.pread(self.stacks, size, 0).decode(errors="replace")
        os.ftruncate(self.stacks, 0)
        os.lseek(self.stacks, 0, os.SEEK_SET)
        return text

    def has_more(self) -> bool:
        """Whether anything was added since the last look: quick, because it is asked after each phase of each test."""
        return bool(self._pread(self.entries, 1, self._read))

    def new_entries(self) -> list[Entry]:
        """Return what was added since the last look."""
        data = b""
        while chunk := self._pread(self.entries, _CHUNK, self._read + len(data)):
            data += chunk
        self._read += len(data)
        found, at = [], 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            found.append(marshal.loads(data[at + 4 : at + 4 + size]))  # noqa: S302  # our own
            at += 4 + size
        return found
