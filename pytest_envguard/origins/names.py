"""DNS for the hosts that are served: some clients (hickory-dns in Rust) never look into ``/etc/hosts``.

What isn't served fails as the profile's network lets it fail.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

_A, _ANY, _INTERNET = 1, 255, 1
_SERVFAIL, _NXDOMAIN = 2, 3
_SECONDS_TO_LIVE = 60


def serve(server: socket.socket, addresses: Mapping[str, str], mode: str) -> None:
    """Answer questions for as long as this process lives.

    Args:
        server: A bound UDP socket.
        addresses: Name of a host to its address.
        mode: The dimension `network`, for all other names.
    """
    while True:
        try:
            question, asker = server.recvfrom(4096)
            reply = answer(question, addresses, mode)
            if reply:
                server.sendto(reply, asker)
        except OSError:  # the asker is gone
            continue


def answer(question: bytes, addresses: Mapping[str, str], mode: str) -> bytes:
    """Return the reply to a question (RFC 1035, section 4), nothing where the network drops what is sent.

    A host that is served has an address and no IPv6 one. Other names don't exist (nxdomain), or nobody is there who knows
    them: SERVFAIL becomes EAI_AGAIN, as the unreachable name server of a network `none` does.
    """
    end = 12
    labels = []
    while end < len(question) and question[end]:
        labels.append(question[end + 1 : end + 1 + question[end]])
        end += 1 + question[end]
    if len(question) < end + 5:
        return b""
    kind, family = struct.unpack_from("!HH", question, end + 1)
    address = addresses.get(b".".join(labels).decode("latin-1").lower())
    if address is None and mode == "drop":
        return b""
    records = b""
    if address and kind in (_A, _ANY) and family == _INTERNET:
        parts = bytes(int(part) for part in address.split("."))
        # The name is a pointer to the question's, which begins behind the header.
        records = struct.pack("!HHHIH", 0xC00C, _A, _INTERNET, _SECONDS_TO_LIVE, 4) + parts
    code = 0 if address else _NXDOMAIN if mode == "nxdomain" else _SERVFAIL
    flags = 0x8080 | (struct.unpack_from("!H", question, 2)[0] & 0x7900) | code
    header = question[:2] + struct.pack("!HHHHH", flags, 1, bool(records), 0, 0)
    return header + question[12 : end + 5] + records
