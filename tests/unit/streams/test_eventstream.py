"""Frames, taken apart by a decoder of these tests' own; botocore's does it in tests/acceptance/test_streams.py."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import eventstream


def take_apart(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Return headers and payload of each frame; every length and checksum must be right."""
    found = []
    while data:
        total, length, checksum = struct.unpack("!III", data[:12])
        assert zlib.crc32(data[:8]) == checksum
        assert struct.unpack("!I", data[total - 4 : total])[0] == zlib.crc32(data[: total - 4])
        block, headers = data[12 : 12 + length], {}
        while block:
            name, block = block[1 : 1 + block[0]].decode(), block[1 + block[0] :]
            kind, size = struct.unpack("!BH", block[:3])
            assert kind == 7
            headers[name], block = block[3 : 3 + size].decode(), block[3 + size :]
        found.append((headers, data[12 + length : total - 4]))
        data = data[total:]
    return found


def test_an_event_carries_its_bytes_and_says_what_it_is() -> None:
    """The three headers that AWS sends; the payload isn't touched."""
    ((headers, payload),) = take_apart(eventstream.event("PayloadPart", b"\xe9\x95\x00"))
    assert payload == b"\xe9\x95\x00"
    assert headers == {
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }


def test_an_exception_has_its_name_in_a_header_and_json_as_payload() -> None:
    """As the service declares it."""
    ((headers, payload),) = take_apart(eventstream.exception("ModelStreamError", {"ErrorCode": "StreamBroken"}))
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", "ModelStreamError")
    assert json.loads(payload) == {"ErrorCode": "StreamBroken"}


def test_the_frames_of_a_stream_are_found_by_their_lengths() -> None:
    """Where prelude, payload and checksum of each lie; what isn't a whole frame ends it."""
    one, two = eventstream.event("PayloadPart", b"abc"), eventstream.frame({}, b"")
    found = list(eventstream.frames(one + two + one[:-1]))
    assert [(each.start, each.end) for each in found] == [(0, len(one)), (len(one), len(one) + 16)]
    assert (one + two)[found[0].payload : found[0].checksum] == b"abc"
    assert found[1].payload == found[1].checksum == len(one) + eventstream.PRELUDE


@pytest.mark.parametrize("data", [b"", b"data: {}\n\n", b"\0" * 40, b"\xff" * 40])
def test_other_bytes_have_no_frames(data: bytes) -> None:
    """Not even zeros, whose lengths would fit."""
    assert list(eventstream.frames(data)) == []


@pytest.mark.parametrize(
    ("headers", "payload"),
    [({"": "x"}, b""), ({"n" * 256: "x"}, b""), ({"n": "x" * 32768}, b""), ({}, bytes(24 * 1024 * 1024 + 1))],
    ids=["no name", "long name", "long value", "large payload"],
)
def test_what_no_client_would_accept_is_not_made(headers: dict[str, str], payload: bytes) -> None:
    """One error that has the figures."""
    with pytest.raises(EnvguardError, match=r"\d"):
        eventstream.frame(headers, payload)
