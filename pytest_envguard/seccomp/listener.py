"""The kernel's side of a user notification: install a filter, receive calls, answer them (``seccomp_unotify(2)``)."""

from __future__ import annotations

import fcntl
import os
import struct

from pytest_envguard.linux import execution

_RECEIVE, _SEND, _ID_VALID, _ADD_DESCRIPTOR, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103, 0x40082104
_SYNCHRONOUS_WAKE_UP = 1
_CONTINUE = 1
_CALL = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_DESCRIPTOR = struct.Struct("=QIIII")  # struct seccomp_notif_addfd
_REPLACE = 1  # SECCOMP_ADDFD_FLAG_SETFD


def install(program: bytes) -> int:
    """Put this thread, and all that it starts, under the filter ``program``; return the listener's descriptor.

    Needs no privilege, but there is no way back: no_new_privs is set on this thread.

    Raises:
        OSError: EINVAL before Linux 5.0; EBUSY where a filter with a listener is installed already; EPERM or ENOSYS where
            a filter around forbids it.
    """
    return execution.listen(program)


class Listener:
    """The calls that wait.

    Attributes:
        descriptor: Readable when a call waits.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._buffer = bytearray(_CALL.size)
        try:
            # Linux 6.6: wake the other side on this processor; halves the time of a round trip.
            fcntl.ioctl(descriptor, _SET_FLAGS, _SYNCHRONOUS_WAKE_UP)
        except OSError:
            pass

    def receive(self) -> tuple[int, int, int, tuple[int, ...]]:
        """Wait for a call; return its id, the thread that makes it, its number and its six arguments.

        Raises:
            OSError: ENOENT if the caller was gone before it was seen.
        """
        buffer = self._buffer
        buffer[:] = bytes(len(buffer))
        fcntl.ioctl(self.descriptor, _RECEIVE, buffer, True)
        identity, thread, _, number, _, _, *arguments = _CALL.unpack(buffer)
        return identity, thread, number, tuple(arguments)

    def go_on(self, identity: int) -> None:
        """Let the kernel execute the call."""
        self._send(_ANSWER.pack(identity, 0, 0, _CONTINUE))

    def refuse(self, identity: int, number: int) -> None:
        """Let the call fail with this errno."""
        self._send(_ANSWER.pack(identity, 0, -number, 0))

    def answer(self, identity: int, value: int) -> None:
        """Let the call succeed and return ``value``, without having been executed."""
        self._send(_ANSWER.pack(identity, value, 0, 0))

    def _send(self, answer: bytes) -> None:
        try:
            fcntl.ioctl(self.descriptor, _SEND, answer)
        except FileNotFoundError:
            pass  # the call was interrupted by a signal, or its process killed

    def waits(self, identity: int) -> bool:
        """Whether the call still waits: only then is what was read of its process its own."""
        try:
            fcntl.ioctl(self.descriptor, _ID_VALID, identity.to_bytes(8, "little"))
        except OSError:
            return False
        return True

    def replace(self, identity: int, theirs: int, ours: int, *, close_on_exec: bool) -> None:
        """Make the caller's descriptor ``theirs`` the file that is ``ours`` here (Linux 5.9)."""
        flags = os.O_CLOEXEC if close_on_exec else 0
        fcntl.ioctl(self.descriptor, _ADD_DESCRIPTOR, _DESCRIPTOR.pack(identity, _REPLACE, ours, theirs, flags))
