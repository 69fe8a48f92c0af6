"""Messages from the process of a test to pytest: whole pickles, each after its length, in a file in memory.

A pipe would wake pytest for every message, which costs the test's process its processor. What a crash leaves behind is in
the file as well.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

_LENGTH = struct.Struct("=Q")
_LOOK = 0.2  # seconds between two looks into the file while a test runs
URGENT = ("done", "debugging")  # the kinds of messages that are waited for


class Channel(NamedTuple):
    """Both ends; the test's process inherits it.

    Attributes:
        file: Descriptor of the messages.
        bell: Descriptors of a pipe that wakes pytest: reading end, writing end.
        echo: Descriptors of a pipe by which pytest says that it has dealt with a message; None if nobody waits for it.
    """

    file: int
    bell: tuple[int, int]
    echo: tuple[int, int] | None

    @classmethod
    def open(cls, *, in_turns: bool = False) -> Channel:
        """Make a channel; `close` frees it.

        Args:
            in_turns: Whether each message is dealt with before the test goes on: both write to the same terminal.
        """
        echo = os.pipe2(os.O_CLOEXEC) if in_turns else None
        return cls(os.memfd_create("envguard-messages", os.MFD_CLOEXEC), os.pipe2(os.O_CLOEXEC), echo)

    def descriptors(self) -> tuple[int, ...]:
        """Return all of them."""
        return (self.file, *self.bell, *(self.echo or ()))

    def send(self, kind: str, value: object = None) -> None:
        """Send one message from inside.

        Raises:
            Exception: Whatever `pickle` raises for a value that can't be sent; nothing is sent then.
        """
        text = pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL)
        rest = memoryview(_LENGTH.pack(len(text)) + text)
        while rest:
            rest = rest[os.write(self.file, rest) :]
        if kind in URGENT or self.echo:
            os.write(self.bell[1], b".")
        if self.echo:
            os.read(self.echo[0], 1)

    def close(self) -> None:
        """Give the descriptors back, outside."""
        for descriptor in self.descriptors():
            os.close(descriptor)


class Receiver:
    """What pytest hears.

    Attributes:
        deadline: Value of `time.monotonic` at which `messages` gives up; None waits for ever.
    """

    def __init__(self, channel: Channel, process: int) -> None:
        """``process`` is a pidfd: when that process has ended, nothing more can be expected."""
        self.deadline: float | None = None
        self._channel = channel
        self._process = process
        self._poll = select.poll()
        self._poll.register(channel.bell[0], select.POLLIN)
        self._poll.register(process, select.POLLIN)
        self._read = 0

    def messages(self) -> Iterator[tuple[str, Any]]:
        """Yield each message, until the process has ended.

        Raises:
            TimeoutError: The deadline has passed.
        """
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll(self._patience() * 1000)}
            if self._channel.bell[0] in ready:
                os.read(self._channel.bell[0], 1)
            while (message := self._next()) is not None:
                yield message
                if self._channel.echo:
                    os.write(self._channel.echo[1], b".")
            if self._process in ready:
                return
            if self.deadline is not None and time.monotonic() >= self.deadline:
                raise TimeoutError

    def _patience(self) -> float:
        return _LOOK if self.deadline is None else max(0.0, min(_LOOK, self.deadline - time.monotonic()))

    def _next(self) -> tuple[str, Any] | None:
        head = os.pread(self._channel.file, _LENGTH.size, self._read)
        if len(head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(head)
        text = os.pread(self._channel.file, length, self._read + _LENGTH.size)
        if len(text) < length:  # still being written
            return None
        self._read += _LENGTH.size + length
        try:
            message: tuple[str, Any] = pickle.loads(text)  # noqa: S301  # our own child's
        except Exception as error:  # noqa: BLE001  # of a class that is known in the child only
            return "unreadable", str(error)
        return message
