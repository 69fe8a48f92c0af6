"""A network namespace in one of four states; loopback (127.0.0.1, ::1) and AF_UNIX work in all of them.

=========  ==========================================================================================
none       only ``lo``: every other address is ENETUNREACH at once
drop       a default route through ``lo``: packets to foreign addresses vanish there, as behind a
           dropping firewall, so connects hang until the caller's or the kernel's time-out
refuse     every address is local: nobody listens, so TCP answers ECONNREFUSED
nxdomain   as none, and a resolver on 127.0.0.53 that knows no name
=========  ==========================================================================================
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

_AF_INET, _AF_INET6 = 2, 10
_NETLINK_ROUTE = 0
_RTM_NEWLINK = 16
_RTM_NEWROUTE = 24
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_NLM_F_CREATE = 0x400
_IFF_UP = 0x1
_RTA_OIF = 4
_RT_TABLE_MAIN = 254
_RTPROT_BOOT = 3
_RT_SCOPE_UNIVERSE = 0
_RT_SCOPE_HOST = 254
_RTN_UNICAST = 1
_RTN_LOCAL = 2

RESOLVER = "127.0.0.53"


def configure(mode: str) -> None:
    """Bring the fresh network namespace of this process into the state ``mode`` (see the table above)."""
    import socket  # here, because it costs 3 ms and most environments leave the network open

    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as netlink:
        loopback = socket.if_nametoindex("lo")
        # In a fresh namespace `lo` is down, and even 127.0.0.1 answers ENETUNREACH.
        _ask(netlink, _RTM_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, loopback, _IFF_UP, _IFF_UP))
        if mode in ("drop", "refuse"):
            kind, scope = (_RTN_LOCAL, _RT_SCOPE_HOST) if mode == "refuse" else (_RTN_UNICAST, _RT_SCOPE_UNIVERSE)
            for family in (_AF_INET, _AF_INET6):
                _default_route(netlink, family, loopback, kind, scope)


def _default_route(netlink: socket.socket, family: int, device: int, kind: int, scope: int) -> None:
    if family == _AF_INET6:
        scope = _RT_SCOPE_UNIVERSE
        if not os.path.exists("/proc/net/if_inet6"):
            return
    route = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, scope, kind, 0)
    _ask(netlink, _RTM_NEWROUTE, _NLM_F_CREATE, route + struct.pack("=HHi", 8, _RTA_OIF, device))


def _ask(netlink: socket.socket, kind: int, flags: int, body: bytes) -> None:
    """Send one request and raise `OSError` if the kernel's answer is not an acknowledgement."""
    header = struct.pack("=IHHII", 16 + len(body), kind, flags | _NLM_F_REQUEST | _NLM_F_ACK, 1, 0)
    netlink.send(header + body)
    answer = netlink.recv(4096)
    (error,) = struct.unpack_from("=i", answer, 16)
    if error:
        raise OSError(-error, f"netlink request {kind}: {os.strerror(-error)}")


def serve_nxdomain() -> None:
    """Answer every DNS question on `RESOLVER` with NXDOMAIN, for as long as this process lives."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((RESOLVER, 53))
        while True:
            question, asker = server.recvfrom(4096)
            if len(question) >= 12:
                server.sendto(_nxdomain(question), asker)


def _nxdomain(question: bytes) -> bytes:
    """Turn a DNS question into its answer: same id and question, QR and RA set, RCODE 3, no records (RFC 1035 §4.1)."""
    end = 12
    while end < len(question) and question[end]:
        end += 1 + question[end]
    opcode_and_rd = question[2] & 0x79
    header = question[:2] + bytes([0x80 | opcode_and_rd, 0x83]) + b"\0\1\0\0\0\0\0\0"
    return header + question[12 : end + 5]
