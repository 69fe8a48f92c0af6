"""Connections out of an environment whose network is cut, where there is no network namespace to cut it.

"none" and "nxdomain" have no route: an errno at once. "drop" and "refuse" are made real: the caller's socket is replaced
by one that is connected to a place on loopback where nobody answers, or to one that refuses.
"""

from __future__ import annotations

import _socket as socket  # `socket` itself takes 4 ms to import
import _thread
import errno
import os
import struct

from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.rules import is_within
from pytest_envguard.seccomp.caller import AT_FDCWD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_envguard.seccomp.caller import Caller
    from pytest_envguard.seccomp.listener import Listener

_DOMAIN = 53
_PIDFD_GETFD = 438
# TCP_SYNCNT, TCP_USER_TIMEOUT, SO_SNDTIMEO (struct timeval), which end a connect early.
_PATIENCE = ((socket.IPPROTO_TCP, 7, 4), (socket.IPPROTO_TCP, 18, 4), (socket.SOL_SOCKET, 21, 16))
_LONGEST = 128  # struct sockaddr_storage
MESSAGE = 64  # struct mmsghdr
MOST_MESSAGES = 1024  # UIO_MAXIOV: of one call, the kernel sends no more


class Address:
    """A socket address.

    Attributes:
        family: AF_…
        host: Text of the address; the path of AF_UNIX ("" for one without a name, "@…" for an abstract one).
        port: Of the internet families, else 0.
    """

    __slots__ = ("family", "host", "port")

    def __init__(self, family: int, host: str, port: int) -> None:
        self.family = family
        self.host = host
        self.port = port

    @classmethod
    def of(cls, raw: bytes, *, sending: bool = False) -> Address:
        """Return what ``struct sockaddr`` says; an address that is too short is one of AF_UNSPEC.

        Trap: where something is sent there, AF_UNSPEC means AF_INET to UDP; where a socket connects, nothing.
        """
        family = int.from_bytes(raw[:2], "little")
        if sending and family == socket.AF_UNSPEC:
            family = socket.AF_INET
        if family == socket.AF_INET and len(raw) >= 8:
            return cls(family, socket.inet_ntop(family, raw[4:8]), int.from_bytes(raw[2:4], "big"))
        if family == socket.AF_INET6 and len(raw) >= 24:
            return cls(family, socket.inet_ntop(family, raw[8:24]), int.from_bytes(raw[2:4], "big"))
        if family == socket.AF_UNIX:
            name = raw[2:]
            if name[:1] == b"\0":
                return cls(family, "@" + os.fsdecode(name[1:].rstrip(b"\0")), 0)
            return cls(family, os.fsdecode(name.split(b"\0")[0]), 0)
        return cls(0 if family in (socket.AF_INET, socket.AF_INET6) else family, "", 0)

    def __str__(self) -> str:
        if self.family == socket.AF_INET6:
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}" if self.family == socket.AF_INET else self.host

    @property
    def internet(self) -> bool:
        """Whether it's of TCP, UDP and their like."""
        return self.family in (socket.AF_INET, socket.AF_INET6)

    @property
    def loopback(self) -> bool:
        """Whether it's on this machine whatever the network is; the unspecified address means loopback to connect(2)."""
        if self.family == socket.AF_INET:
            return self.host.startswith("127.") or self.host == "0.0.0.0"  # noqa: S104  # compared, not bound
        mapped = self.host.removeprefix("::ffff:")
        return self.host in ("::", "::1") or (mapped != self.host and mapped.startswith(("127.", "0.0.0.0")))  # noqa: S104


def address_at(caller: Caller, pointer: int, size: int, *, sending: bool = False) -> Address:
    """Return the address that a call's arguments point to.

    Raises:
        OSError: EINVAL or EFAULT, as the kernel says.
    """
    if not 2 <= size <= _LONGEST:
        raise OSError(errno.EINVAL, "no address")
    return Address.of(caller.read(pointer, size), sending=sending)


def message_address(caller: Caller, header: int) -> Address | None:
    """Return the address in a ``struct msghdr``; None if the message goes where the socket is connected to."""
    raw = caller.read(header, 12)
    pointer, size = struct.unpack("=QI", raw)
    return address_at(caller, pointer, size, sending=True) if pointer and size else None


def message_length(caller: Caller, header: int) -> int:
    """Return the bytes that a ``struct msghdr`` sends."""
    vectors, count = struct.unpack("=QQ", caller.read(header + 16, 16))
    raw = caller.read(vectors, 16 * min(count, MOST_MESSAGES)) if count else b""
    return sum(length for _, length in struct.iter_unpack("=QQ", raw))


class Outside:
    """What lies beyond the network.

    Attributes:
        mode: "none", "drop", "refuse" or "nxdomain".
    """

    def __init__(self, mode: str, nameservers: list[str], daemons: list[str]) -> None:
        self.mode = mode
        self._nameservers = nameservers
        self._daemons = daemons
        self._holes: dict[tuple[int, int], tuple[str, int]] = {}
        self._kept: list[socket.socket] = []

    def contains(self, caller: Caller, address: Address) -> bool:
        """Whether the environment has no way there."""
        if address.family == socket.AF_UNIX:
            if not self._daemons or not address.host or address.host.startswith("@"):
                return False
            return is_within(os.path.realpath(caller.reach(AT_FDCWD, address.host)), self._daemons)
        if not address.internet:
            return False
        asks_names = address.port == _DOMAIN and address.host in self._nameservers
        return asks_names or not address.loopback

    @property
    def unreachable(self) -> bool:
        """Whether there is no route, so that everything fails at once."""
        return self.mode in ("none", "nxdomain")

    def own_address(self, address: Address) -> bool:
        """Whether a socket can be bound there: only loopback and the unspecified address are this machine's."""
        return not address.internet or address.loopback

    def connect(self, caller: Caller, descriptor: int, address: Address, listener: Listener, identity: int) -> None:
        """Answer a connection to the outside that is dropped or refused."""
        protocol = os.getxattr(caller.descriptor(descriptor), "system.sockprotoname")
        kind = socket.SOCK_DGRAM if protocol.startswith(b"UDP") else socket.SOCK_STREAM
        where = self._hole(address.family, kind)
        flags = caller.flags(descriptor)
        if kind == socket.SOCK_STREAM and not flags & os.O_NONBLOCK:
            ours = socket.socket(address.family, kind)
            _copy_patience(caller, descriptor, ours)
            _thread.start_new_thread(_connect_and_wait, (ours, where, listener, identity))
            return
        ours = socket.socket(address.family, kind)
        ours.setblocking(False)
        result = ours.connect_ex(where)
        ours.setblocking(not flags & os.O_NONBLOCK)
        listener.replace(identity, descriptor, ours.fileno(), close_on_exec=bool(flags & os.O_CLOEXEC))
        ours.close()
        if result:
            listener.refuse(identity, result)
        else:
            listener.answer(identity, 0)

    def _hole(self, family: int, kind: int) -> tuple[str, int]:
        """Return an address on loopback that swallows, or refuses, what is sent to it."""
        key = (family, kind)
        if key not in self._holes:
            hole = socket.socket(family, kind)  # bound, so that nobody else listens there; kept open
            hole.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
            self._kept.append(hole)
            self._holes[key] = hole.getsockname()[:2]
            if kind == socket.SOCK_DGRAM and self.mode == "refuse":
                hole.connect(self._holes[key])  # to itself: what others send there is refused
            if kind == socket.SOCK_STREAM and self.mode == "drop":
                hole.listen(0)
                # One connection fills the queue of a listener that never accepts: the kernel drops all others.
                filler = socket.socket(family, kind)
                filler.connect(self._holes[key])
                self._kept.append(filler)
        return self._holes[key]


def _copy_patience(caller: Caller, descriptor: int, ours: socket.socket) -> None:
    """Let ``ours`` give up when the caller's own socket would, as far as we may look at that."""
    try:
        with open(f"/proc/{caller.thread}/status", "rb") as file:
            process = next(int(line.split()[1]) for line in file if line.startswith(b"Tgid:"))
        holder = os.pidfd_open(process)
        try:
            theirs = socket.socket(fileno=call.syscall("pidfd_getfd", _PIDFD_GETFD, holder, descriptor, 0))
        finally:
            os.close(holder)
        try:
            for level, option, size in _PATIENCE:
                ours.setsockopt(level, option, theirs.getsockopt(level, option, size))
        finally:
            theirs.close()
    except OSError:
        pass  # the kernel's own patience is two minutes


def _connect_and_wait(ours: socket.socket, where: tuple[str, int], listener: Listener, identity: int) -> None:
    """Let a caller whose socket blocks wait as long as the kernel does."""
    result = ours.connect_ex(where)
    ours.close()
    listener.refuse(identity, result or errno.ECONNREFUSED)


def swallow(caller: Caller, header: int, count: int) -> int:
    """Say of ``count`` messages (``struct mmsghdr``) that they were sent; return how many."""
    for index in range(count):
        at = header + index * MESSAGE
        caller.write(at + 56, struct.pack("=I", message_length(caller, at)))
    return count
