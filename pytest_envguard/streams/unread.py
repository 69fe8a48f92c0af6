"""How much of what was sent a client on this machine hasn't read: the kernel is asked about the other end's socket.

Without it, parts that follow each other quickly reach a client as one. Linux only, sock_diag(7); some 10 µs.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG of linux/netlink.h
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY of linux/sock_diag.h
_REQUEST = 1  # NLM_F_REQUEST
_ERROR = 2  # NLMSG_ERROR
_INFO = 2  # INET_DIAG_INFO of linux/inet_diag.h: with struct tcp_info
_ANY = 0xFFFFFFFF  # all states; no cookie
_ROOM = 1 << 16
_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_MESSAGE = 72  # bytes of inet_diag_msg; behind the socket's name and `idiag_expires` are the bytes in its queue
_QUEUE = 4 + 48 + 4
_RECEIVED = 128  # offset of `tcpi_bytes_received` in tcp_info of linux/tcp.h


class Asking:
    """A connection to the kernel."""

    def __init__(self) -> None:
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)

    def close(self) -> None:
        """Ask nothing more."""
        self._kernel.close()

    def unread(self, connection: socket.socket, sent: int) -> int:
        """Return how many bytes the other end of an IPv4 connection hasn't read; 0 where it isn't there any more.

        Args:
            connection: This end.
            sent: How many bytes were sent since it began.

        Raises:
            OSError: The kernel can't say.
        """
        (here, port), (there, other) = connection.getsockname(), connection.getpeername()
        name = struct.pack("!HH4s12x4s12x", other, port, socket.inet_aton(there), socket.inet_aton(here))
        head = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ANY)
        body = head + name + struct.pack("=III", 0, _ANY, _ANY)
        self._kernel.send(_HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 0, 0) + body)
        answer = self._kernel.recv(_ROOM)
        if _HEADER.unpack_from(answer)[1] == _ERROR:
            (number,) = struct.unpack_from("=i", answer, _HEADER.size)
            if -number == errno.ENOENT:
                return 0
            raise OSError(-number, os.strerror(-number))
        (waiting,) = struct.unpack_from("=I", answer, _HEADER.size + _QUEUE)
        # What arrives while the other end is reading isn't in its queue yet.
        return int(sent - _received(answer) + waiting)


def _received(answer: bytes) -> int:
    at = _HEADER.size + _MESSAGE
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if kind == _INFO and length >= 4 + _RECEIVED + 8:
            return int(struct.unpack_from("=Q", answer, at + 4 + _RECEIVED)[0])
        at += max(4, (length + 3) & ~3)
    raise OSError(errno.ENOTSUP, "the kernel doesn't count received bytes")


def asking() -> Asking | None:
    """Return a connection to the kernel; None where it has no such interface (macOS, gVisor, a filter)."""
    try:
        asked = Asking()
    except (AttributeError, OSError):
        return None
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"12")
            try:
                before, read, after = asked.unread(connection, 2), client.recv(2), asked.unread(connection, 2)
            except OSError:
                before, read, after = 0, b"", 0
    if (before, read, after) == (2, b"12", 0):
        return asked
    asked.close()
    return None
