"""What a network that is cut refuses, by audit event."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from pytest_envguard.audit.place import comparable, locate
from pytest_envguard.audit.refusing import Refused, as_text, loaded, refused
from pytest_envguard.model.rules import is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE = 10.0  # seconds that a connection without a time-out waits; Linux would give up after 127
NAME_SECONDS = 10.0  # two tries of 5 s: what the C library waits for one silent name server
_SYSTEM_PATIENCE = 127.0
_DNS = 53
_DATAGRAM = 2  # SOCK_DGRAM, on every system
_LOCALHOST = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback")
_BROADCAST = ("<broadcast>", "255.255.255.255")
# What getaddrinfo says. Each C library has words of its own, which can only be had by failing.
_TEXTS = {
    "linux": ("Temporary failure in name resolution", "Name or service not known"),
    "darwin": ("Temporary failure in name resolution", "nodename nor servname provided, or not known"),
    "win32": ("getaddrinfo failed", "getaddrinfo failed"),
}
# What gethostbyaddr says of an address without a name: numbers of netdb.h.
_ADDRESS_ANSWERS = {"TRY_AGAIN": (2, "Host name lookup failure"), "HOST_NOT_FOUND": (1, "Unknown host")}


class Network:
    """The checks of one environment.

    Attributes:
        mode: "none", "drop", "refuse" or "nxdomain"; None where the network is open.
    """

    def __init__(
        self, mode: str | None, nameservers: Iterable[str], daemons: Iterable[str], absent: frozenset[str]
    ) -> None:
        self.mode = mode
        self._nameservers = frozenset(nameservers)
        self._daemons = [comparable(os.path.realpath(path)) for path in daemons] if mode else []
        self._absent = absent
        self._known = _known_names() if mode else {}

    def checks(self) -> dict[str, Callable[..., Refused | None]]:
        """Return audit event to the check of its arguments."""
        if self.mode is None:
            return {"socket.connect": self.connect} if self._absent else {}
        return {
            "socket.connect": self.connect,
            "socket.sendto": self.send,
            "socket.sendmsg": self.send,
            "socket.getaddrinfo": lambda host, *_: self._name(host),
            "socket.gethostbyname": self._name,
            "socket.gethostbyaddr": self.address,
            "socket.getnameinfo": self.name_of,
        }

    def connect(self, client: Any, address: Any) -> Refused | None:
        """``connect(2)``."""
        if isinstance(address, (str, bytes)):
            return self._daemon(client, address)
        if not self._outside(client, address):
            return None
        if found := self._name(address[0]):  # it has been looked up already, but there it couldn't have been
            return found
        if client.type == _DATAGRAM:
            return self.send(client, address)
        if self.mode == "refuse":
            return self._unnamed(errno.ECONNREFUSED, address)
        if self.mode != "drop":
            return self._unnamed(errno.ENETUNREACH, address)
        patience = client.gettimeout()
        if patience == 0:
            return self._unnamed(errno.EINPROGRESS, address)
        if patience is None or patience > _SYSTEM_PATIENCE:
            time.sleep(PATIENCE)
            return self._unnamed(errno.ETIMEDOUT, address)
        time.sleep(patience)
        return Refused(as_text(address), "ETIMEDOUT", TimeoutError("timed out"))

    def send(self, client: Any, address: Any) -> Refused | None:
        """``sendto(2)`` and ``sendmsg(2)``.

        A hook can't swallow what is to be sent. Where it would vanish on the way, it gets a local firewall's answer.
        """
        if isinstance(address, (str, bytes)):
            return self._daemon(client, address)
        if not self._outside(client, address):
            return None
        if found := self._name(address[0]):  # it has been looked up already, but there it couldn't have been
            return found
        return self._unnamed(errno.EPERM if self.mode in ("drop", "refuse") else errno.ENETUNREACH, address)

    def address(self, host: Any) -> Refused | None:
        """``gethostbyaddr(3)``, of a name or an address."""
        text = _host(host)
        if not _literal(text):
            return self._name(host)
        return None if _is_loopback(text) else self._nobody(text)

    def name_of(self, address: Any) -> Refused | None:
        """``getnameinfo(3)``, whose flags the event leaves out."""
        text = _host(address[0])
        return None if not _literal(text) or _is_loopback(text) else self._unresolved(text)

    def _nobody(self, text: str) -> Refused:
        if self.mode == "drop":
            time.sleep(NAME_SECONDS)
        name = "HOST_NOT_FOUND" if self.mode == "nxdomain" else "TRY_AGAIN"
        return Refused(text, name, loaded("_socket", "herror")(*_ADDRESS_ANSWERS[name]))

    def _name(self, host: Any) -> Refused | None:
        """Ask for ``host``: literal addresses and the names of this machine are known without a network."""
        text = _host(host)
        if not text or _literal(text) or text in _BROADCAST or text.lower().rstrip(".") in self._known:
            return None
        return self._unresolved(text)

    def _unresolved(self, text: str) -> Refused:
        if self.mode == "drop":
            time.sleep(NAME_SECONDS)
        again, unknown = _TEXTS.get(sys.platform, _TEXTS["linux"])
        name, words = ("EAI_NONAME", unknown) if self.mode == "nxdomain" else ("EAI_AGAIN", again)
        return Refused(text, name, loaded("_socket", "gaierror")(loaded("_socket", name), words))

    def _outside(self, client: Any, address: Any) -> bool:
        """Whether ``address`` is one of the internet's that isn't this machine's own."""
        families = (loaded("_socket", "AF_INET"), loaded("_socket", "AF_INET6"))
        if not isinstance(address, tuple) or len(address) < 2 or client.family not in families:
            return False
        host = _host(address[0])
        host = self._known.get(host.lower(), host)
        if address[1] == _DNS and host in self._nameservers:
            return True
        return host != "" and not _is_loopback(host)

    def _daemon(self, client: Any, path: str | bytes) -> Refused | None:
        """Ask for an AF_UNIX address."""
        if client.family != loaded("_socket", "AF_UNIX") or not path or path[:1] in ("\0", b"\0"):
            return None
        place = locate(path, self._absent)
        if place is None:
            return None
        if place.absent:
            return self._unnamed(errno.ENOENT, path)
        if place.status is not None and is_within(comparable(place.path), self._daemons):
            return self._unnamed(errno.ECONNREFUSED, path)
        return None

    @staticmethod
    def _unnamed(number: int, address: Any) -> Refused:
        return refused(number, address, named=False)


def _host(host: Any) -> str:
    if host is None:
        return ""
    return bytes(host).decode("latin-1") if isinstance(host, (bytes, bytearray)) else str(host)


def _literal(host: Any) -> bool:
    """Whether ``host`` is an address and no name."""
    return _packed(_host(host)) is not None


def _packed(text: str) -> bytes | None:
    try:
        found: bytes = loaded("_socket", "inet_aton")(text)
    except (OSError, ValueError):
        pass
    else:
        # inet_aton takes what follows a space for a comment.
        return found if " " not in text else None
    try:
        found = loaded("_socket", "inet_pton")(loaded("_socket", "AF_INET6"), text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return found


def _is_loopback(text: str) -> bool:
    """Whether it leads to this machine: to connect to 0.0.0.0 is to connect to oneself."""
    if text.lower().rstrip(".") in _LOCALHOST:
        return True
    packed = _packed(text)
    if packed is None:
        return False
    if len(packed) == 4:
        return packed[0] == 127 or not any(packed)
    mapped = packed[:12] == bytes(10) + b"\xff\xff" and packed[12] == 127
    return mapped or (packed[:15] == bytes(15) and packed[15] in (0, 1))


def _known_names() -> dict[str, str]:
    """Return the names that are known without asking anybody, and their addresses: those of the file of hosts.

    An address may well be another machine's.
    """
    folder = os.path.join(os.environ.get("SYSTEMROOT", ""), "System32", "drivers") if sys.platform == "win32" else ""  # noqa: PTH118
    names = dict.fromkeys(_LOCALHOST, "127.0.0.1")
    try:
        with open(f"{folder}/etc/hosts", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for line in file:
                address, *others = line.partition("#")[0].lower().split() or [""]
                for name in others:
                    names.setdefault(name, address)
    except OSError:
        pass
    return names
