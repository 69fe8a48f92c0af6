"""AWS's event stream: frames with headers, a payload and two checksums.

A frame is its own length and that of its headers (big-endian, 4 bytes each), the CRC-32 of these eight bytes, the
headers, the payload, and the CRC-32 of all before. Source: botocore/eventstream.py, which has a decoder and no encoder.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError

PRELUDE = 12  # bytes
_CHECKSUM = 4  # bytes
_STRING = 7  # type of a header's value: two bytes of length, then UTF-8
# botocore 1.44 refuses more with InvalidHeadersLength and InvalidPayloadLength.
_MOST_HEADERS = 128 * 1024
_MOST_PAYLOAD = 24 * 1024 * 1024


def frame(headers: Mapping[str, str], payload: bytes = b"") -> bytes:
    """Return one frame.

    Raises:
        EnvguardError: Headers or payload are larger than clients accept.
    """
    block = b"".join(_header(name, value) for name, value in headers.items())
    if len(block) > _MOST_HEADERS or len(payload) > _MOST_PAYLOAD:
        raise EnvguardError(
            f"a frame has headers of {len(block):,} bytes and a payload of {len(payload):,}; "
            f"clients accept {_MOST_HEADERS:,} and {_MOST_PAYLOAD:,}",
            "cut it into smaller parts",
        )
    prelude = struct.pack("!II", PRELUDE + len(block) + len(payload) + _CHECKSUM, len(block))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + block + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    if not 0 < len(key) < 1 << 8 or len(text) >= 1 << 15:
        raise EnvguardError(
            f"header {name[:40]!r}: expected a name of 1 to 255 bytes and a value below 32,768, got {len(key)} and {len(text)}"
        )
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text


def event(kind: str, payload: bytes) -> bytes:
    """Return the frame of an event, such as a `PayloadPart` of SageMaker with its bytes."""
    return frame({":event-type": kind, ":content-type": "application/octet-stream", ":message-type": "event"}, payload)


def exception(kind: str, fields: Mapping[str, str]) -> bytes:
    """Return the frame of an error that the service declares, such as `ModelStreamError`."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps(fields, ensure_ascii=False).encode())


class Frame(NamedTuple):
    """Where the parts of a frame lie in the bytes of a stream.

    Attributes:
        start: First byte of the prelude; the headers begin 12 bytes on.
        payload: First byte of the payload.
        checksum: First byte of the checksum at the end.
        end: First byte behind it.
    """

    start: int
    payload: int
    checksum: int
    end: int


def frames(data: bytes) -> Iterator[Frame]:
    """Return the frames at the beginning of ``data``, up to what isn't a whole one; none if it's something else."""
    start = 0
    while len(data) - start >= PRELUDE + _CHECKSUM:
        total, headers, checksum = struct.unpack_from("!III", data, start)
        end = start + total
        fits = PRELUDE + headers + _CHECKSUM <= total <= len(data) - start
        if not fits or zlib.crc32(data[start : start + 8]) != checksum:
            return
        yield Frame(start, start + PRELUDE + headers, end - _CHECKSUM, end)
        start = end
