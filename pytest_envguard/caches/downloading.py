"""Downloading a file from its address, with limits of time and size that tiktoken's own download doesn't have."""

from __future__ import annotations

import http.client
import importlib
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from pytest_envguard.caches.candidates import MOST
from pytest_envguard.caches.encodings import EncodingFile

CONNECTING = 10.0  # seconds until a host must answer
_LONGEST = 300.0  # seconds for one file
_PIECE = 1 << 16


def download(file: EncodingFile) -> bytes:
    """Return what is at the address of ``file``.

    By requests, which tiktoken uses, so that proxies and certificates are the ones that work there; where that isn't
    installed, by the standard library.

    Raises:
        OSError: With the reason, in one line.
    """
    if not file.url.startswith(("http://", "https://")):
        raise OSError("no address that can be downloaded by HTTP")
    pieces = _by_requests(file.url) if find_spec("requests") is not None else _by_urllib(file.url)
    return _bounded(pieces)


def _bounded(pieces: Iterator[bytes]) -> bytes:
    content, until = bytearray(), time.monotonic() + _LONGEST
    try:
        for piece in pieces:
            content += piece
            _check(len(content), until)
    except (OSError, http.client.HTTPException) as error:
        raise OSError(_reason(error)) from None
    return bytes(content)


def _check(size: int, until: float) -> None:
    if size > MOST:
        raise OSError(f"more than {MOST} bytes, which no encoding has")
    if time.monotonic() > until:
        raise OSError(f"not there after {_LONGEST:g} s")


def _by_requests(url: str) -> Iterator[bytes]:
    requests: Any = importlib.import_module("requests")
    with requests.get(url, timeout=CONNECTING, stream=True) as answer:
        if answer.status_code != 200:
            raise OSError(f"HTTP status {answer.status_code}")
        yield from answer.iter_content(_PIECE)


def _by_urllib(url: str) -> Iterator[bytes]:
    with urllib.request.urlopen(url, timeout=CONNECTING) as answer:  # noqa: S310  # http and https only
        while piece := answer.read(_PIECE):
            yield piece


def _reason(error: BaseException) -> str:
    """Return what lies at the bottom of an error: clients wrap it several times."""
    seen: set[int] = set()
    deepest: BaseException = error
    while id(deepest) not in seen:
        seen.add(id(deepest))
        inner = getattr(deepest, "reason", None)
        inner = inner if isinstance(inner, BaseException) else deepest.__cause__ or deepest.__context__
        deepest = inner if isinstance(inner, BaseException) else deepest
    text = " ".join(str(deepest).split()) or type(deepest).__name__
    return text[:200]
