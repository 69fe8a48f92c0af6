"""DNS, as far as the served hosts need it."""

from __future__ import annotations

import struct

import pytest

from pytest_envguard.origins.names import answer

ADDRESSES = {"a.example.org": "127.71.0.9"}
A, AAAA, MX = 1, 28, 15


def ask(name: str, kind: int = A) -> bytes:
    """Return a question as the C library writes it."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0" + labels + b"\0" + struct.pack("!HH", kind, 1)


def parsed(reply: bytes) -> tuple[bytes, int, int, int]:
    """Return id, whether it's a reply, code, and number of records."""
    return reply[:2], reply[2] >> 7, reply[3] & 15, struct.unpack_from("!H", reply, 6)[0]


@pytest.mark.parametrize("mode", ["none", "drop", "refuse", "nxdomain"])
def test_a_served_host(mode: str) -> None:
    """It has an address, in any spelling; and no IPv6 address, which is an answer too."""
    reply = answer(ask("A.example.ORG"), ADDRESSES, mode)
    assert parsed(reply) == (b"\x12\x34", 1, 0, 1)
    assert reply[-6:] == b"\0\4" + bytes([127, 71, 0, 9])
    assert reply[12:].startswith(ask("A.example.ORG")[12:])
    for kind in (AAAA, MX):
        assert parsed(answer(ask("a.example.org", kind), ADDRESSES, mode)) == (b"\x12\x34", 1, 0, 0)


@pytest.mark.parametrize(("mode", "code"), [("none", 2), ("refuse", 2), ("nxdomain", 3)])
def test_other_names(mode: str, code: int) -> None:
    """Nobody knows them, or they don't exist."""
    assert parsed(answer(ask("example.org"), ADDRESSES, mode))[2:] == (code, 0)


def test_a_network_that_drops() -> None:
    """Nothing comes back."""
    assert answer(ask("example.org"), ADDRESSES, "drop") == b""


@pytest.mark.parametrize(
    "question", [b"", b"\0" * 12, b"\0" * 13, ask("a.example.org")[:-1], b"\0" * 12 + b"\xff" * 40]
)
def test_no_question(question: bytes) -> None:
    """It's left alone."""
    assert answer(question, ADDRESSES, "none") == b""
