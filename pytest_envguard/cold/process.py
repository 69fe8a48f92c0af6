"""Starting the fresh interpreter, listening to it, and ending it with everything that it started."""

from __future__ import annotations

import ast
import contextlib
import marshal
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from pytest_envguard.linux import identity
from pytest_envguard.model.refusal import Refusal, grouped

_PERIOD = 0.02  # seconds between two looks at the memory of the process and at the clock
_PATIENCE = 2.0  # seconds that a launcher may take to clean up
_DRAINING = 1.0  # seconds that reading may take after the process has ended: a pipe holds 64 KiB
_CHUNK = 1 << 16
MOST_OUTPUT = 64 << 20  # bytes of each stream that are kept: an endless loop must not fill this machine's memory

# One expression, so that it leaves no name behind in `__main__`; under `-c`, sys.path and sys.argv are as they should be.
# It reads the clock first, then the program and what to do, from a socket.
_BOOTSTRAP = (
    "(lambda first, space, program, *task: exec(program, space) or space['run']({socket}, first, *task))("
    "__import__('time').monotonic(), {{'__name__': 'cold_start'}}, "
    "*__import__('marshal').loads(b''.join(iter(lambda: __import__('posix').read({socket}, 65536), b''))))"
)


class Account(NamedTuple):
    """What happened to the process.

    Attributes:
        code: Exit code; negative for a signal.
        output: What was written to standard output.
        errors: What was written to standard error.
        begun: Whether the interpreter came to the code.
        ended: Whether the code came to its end (or raised), and not only the process.
        seconds: From the start of the interpreter to the end of the code, or of the process where that came first; of a
            process that never came to the code, since it was started.
        peak_memory: Bytes; where the code did not come to its end, as last seen.
        traceback: The code's own; "" if it raised nothing.
        refusals: What it was refused.
        timed_out: Whether it was killed because its time was over.
    """

    code: int
    output: str
    errors: str
    begun: bool
    ended: bool
    seconds: float
    peak_memory: int
    traceback: str
    refusals: tuple[Refusal, ...]
    timed_out: bool


def run_fresh(
    words: list[str], environ: Mapping[str, str], code: str, timeout: float, passed: tuple[int, ...] = ()
) -> Account:
    """Run ``code`` in a new interpreter and return what happened to it.

    Args:
        words: What stands before the interpreter on the command line: a launcher, or nothing.
        environ: The environment variables.
        code: Python source.
        timeout: Seconds, after which everything is killed.
        passed: Descriptors that the launcher needs.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            spawned = time.monotonic()
            process = subprocess.Popen(
                [*words, sys.executable, "-X", "faulthandler", "-c", _BOOTSTRAP.format(socket=theirs.fileno())],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno(), *identity.reached_proc(), *passed],
                start_new_session=True,  # Ctrl-C comes to us, and we end it as a whole
            )
        with process:
            try:
                request = marshal.dumps((_program(), spawned, code))
                return _Listener(process, ours, spawned, request, launched=bool(words)).listen(timeout)
            finally:
                _end_all(process, launched=bool(words))


@cache
def _program() -> CodeType:
    """Return the compiled program.

    Not by the import system: pytest's rewrites assertions, and what it compiles would import pytest in the new interpreter.
    """
    file = Path(__file__).with_name("program.py")
    return compile(file.read_bytes(), str(file), "exec", dont_inherit=True)


class _Stream:
    """What a descriptor delivered, up to `MOST_OUTPUT`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kept = bytearray()
        self._dropped = 0

    def read(self) -> bool:
        """Take a piece of what is there (somebody may write for ever); returns whether more can come."""
        chunk = os.read(self._descriptor, _CHUNK)
        room = MOST_OUTPUT - len(self._kept)
        self._kept += chunk[:room]
        self._dropped += len(chunk[room:])
        return bool(chunk)

    def text(self) -> str:
        """Return it as text."""
        dropped = f"\n[envguard: {self._dropped} more bytes were dropped]\n" if self._dropped else ""
        return self._kept.decode(errors="replace") + dropped


class _Listener:
    """Everything that the process says, while it runs."""

    def __init__(
        self, process: subprocess.Popen[bytes], ours: socket.socket, spawned: float, request: bytes, *, launched: bool
    ) -> None:
        assert process.stdout and process.stderr
        self._launched = launched
        self._process = process
        self._socket = ours
        self._spawned = spawned
        self._request = memoryview(request)
        self._output, self._errors = _Stream(process.stdout.fileno()), _Stream(process.stderr.fileno())
        self._line = b""
        self._pid = 0
        self._peak = 0
        self._begun: tuple[float, float, int] | None = None
        self._ended: tuple[float, int, str] | None = None
        self._refusals: list[Refusal] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(process.stdout, selectors.EVENT_READ, self._output.read)
        self._selector.register(process.stderr, selectors.EVENT_READ, self._errors.read)
        ours.setblocking(False)
        if hasattr(socket, "SO_PASSCRED"):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._selector.register(ours, selectors.EVENT_READ | selectors.EVENT_WRITE, self._talk)

    def listen(self, timeout: float) -> Account:
        """Return what happened, once the process has ended or its time is over."""
        timed_out = False
        with self._selector, self._watching_the_end():
            while self._process.poll() is None:
                self._step(_PERIOD)
                if time.monotonic() - self._spawned > timeout:
                    timed_out = True
                    _end_all(self._process, launched=self._launched)
            ended = time.monotonic()
            _end_all(self._process, launched=self._launched)
            # What it wrote is in the pipes by now. Not until they are closed: a daemon that inherited them may live on.
            while self._step(0) and time.monotonic() < ended + _DRAINING:
                pass
        return self._account(ended, timed_out=timed_out)

    @contextlib.contextmanager
    def _watching_the_end(self) -> Iterator[None]:
        """Wake up at once when the process ends, where the system offers that."""
        if sys.platform != "linux":
            yield
            return
        end = os.pidfd_open(self._process.pid)
        try:
            self._selector.register(end, selectors.EVENT_READ, lambda: False)
            yield
        finally:
            os.close(end)

    def _step(self, patience: float) -> bool:
        """Take up what was said; returns whether there was anything."""
        ready = self._selector.select(patience)
        for key, _ in ready:
            take: Callable[[], bool] = key.data
            if not take():
                self._selector.unregister(key.fileobj)
        self._look_at_memory()
        return bool(ready)

    def _talk(self) -> bool:
        """Send the rest of the request, and hear; returns whether more can come."""
        try:
            if self._request:
                self._request = self._request[self._socket.send(self._request) :]
                if not self._request:
                    self._socket.shutdown(socket.SHUT_WR)
                    self._selector.modify(self._socket, selectors.EVENT_READ, self._talk)
            return self._hear()
        except BlockingIOError:
            return True
        except OSError:  # it has ended before it had read everything
            return False

    def _hear(self) -> bool:
        data, ancillary, _, _ = self._socket.recvmsg(_CHUNK, 128)
        for _level, _kind, credentials in ancillary:
            # The kernel says who wrote, as a process id of *our* namespace. The first is the interpreter itself, later
            # ones may be children that it forked.
            self._pid = self._pid or struct.unpack("=iII", credentials)[0]
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError, SyntaxError):  # the code itself found the socket and wrote to it
                self._take(*ast.literal_eval(line.decode()))
        return bool(data)

    def _take(self, kind: str, *words: Any) -> None:
        if kind == "began":
            self._begun = words
        elif kind == "ended":
            self._ended = words
        elif kind == "refused":
            self._refusals.append(Refusal(*words))

    def _look_at_memory(self) -> None:
        """Remember the peak so far: a process that is killed can't tell it any more."""
        if not self._pid:
            return
        try:
            with open(f"/proc/{self._pid}/status", "rb") as file:  # noqa: PTH123  # 50 times a second
                fields = dict(line.split(b":", 1) for line in file)
            self._peak = max(self._peak, int(fields[b"VmHWM"].split()[0]) * 1024)
        except (OSError, KeyError):  # it has just ended
            pass

    def _account(self, ended: float, *, timed_out: bool) -> Account:
        startup, began, first_peak = self._begun or (0.0, self._spawned, 0)
        took, peak, traceback = self._ended or (ended - began, max(first_peak, self._peak), "")
        return Account(
            code=self._process.returncode,
            output=self._output.text(),
            errors=self._errors.text(),
            begun=self._begun is not None,
            ended=self._ended is not None,
            seconds=startup + took,
            peak_memory=peak,
            traceback=traceback,
            refusals=grouped(self._refusals),
            timed_out=timed_out,
        )


# -- the end -----------------------------------------------------------------------------------------------------------


def _end_all(process: subprocess.Popen[bytes], *, launched: bool) -> None:
    """Kill the process, its descendants, and what is left of its process group.

    Behind a launcher the process namespace would take everything along; without, a child in a session of its own is found
    as a descendant only as long as its parent lives. So all are looked for first.
    """
    if process.poll() is None:
        for pid in _descendants(process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        # A launcher whose environment has ended gives its memory cgroup back, and ends.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE if launched else 0)
        process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _descendants(pid: int) -> list[int]:
    found = _children(pid)
    for child in found:  # which grows on the way
        found += _children(child)
    return found


def _children(pid: int) -> list[int]:
    try:
        lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it has just ended, or the kernel doesn't list children
        return []
    return [int(word) for words in lists for word in words]
