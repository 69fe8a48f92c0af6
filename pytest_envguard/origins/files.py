"""A folder's files under their own paths, as a blob store or a static server answers."""

from __future__ import annotations

import hashlib
import os
import re
import time
from functools import lru_cache

from pytest_envguard.origins.wire import Answer, Request, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCK = 1 << 20
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TYPES = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
# What Azure's blob service answers for a path that it doesn't have.
_NO_BLOB = (
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code>'
    b"<Message>The specified blob does not exist.</Message></Error>"
)


def respond(request: Request, folder: str, host: str = "") -> Answer:
    """Return what ``host``, whose files lie in ``folder``, answers."""
    if request.method not in ("GET", "HEAD"):
        return plain(405, "", ("Allow", "GET, HEAD"))
    names = request.segments()
    path = within(folder, names) if names else ""
    if not path:
        return _missing(host)
    return file_answer(request, path, f'"{digest(path, "sha256")[:32]}"', media_type(path))


def _missing(host: str) -> Answer:
    if host.endswith(".blob.core.windows.net"):
        return Answer(404, (("Content-Type", "application/xml"), ("x-ms-error-code", "BlobNotFound")), _NO_BLOB)
    return plain(404)


def within(folder: str, names: Sequence[str]) -> str:
    """Return the file that ``names`` lead to, "" if there is none in ``folder``.

    A symbolic link may lead to another place in the folder, and not out of it.
    """
    if any(name in ("", ".", "..") or "/" in name or "\0" in name for name in names):
        return ""
    root, path = os.path.realpath(folder), os.path.realpath(os.path.join(folder, *names))
    return path if path.startswith(root.rstrip("/") + "/") and os.path.isfile(path) else ""


def media_type(path: str) -> str:
    """Return the kind of content that the name of a file says."""
    return _TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")


def digest(path: str, kind: str) -> str:
    """Return the hash of a file: "sha256", or "git" for the SHA-1 that git names its content by."""
    status = os.stat(path)
    return _digest(path, kind, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=10_000)
def _digest(path: str, kind: str, size: int, _changed: int, _file: int) -> str:
    made = hashlib.sha256() if kind == "sha256" else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            made.update(block)
    return made.hexdigest()


def file_answer(request: Request, path: str, tag: str, kind: str, *further: tuple[str, str]) -> Answer:
    """Return the file, a range of it, or that it hasn't changed; with ``tag`` in quotes as its ETag."""
    status = os.stat(path)
    changed = http_date(status.st_mtime)
    headers = (
        ("Content-Type", kind),
        ("ETag", tag),
        ("Last-Modified", changed),
        ("Accept-Ranges", "bytes"),
        *further,
    )
    if _unchanged(request, tag, changed):
        return Answer(304, headers)
    wanted = _range(request, status.st_size, tag)
    if wanted is None:
        return Answer(200, headers, file=path, length=status.st_size)
    start, end = wanted
    if start >= end:
        return plain(416, "", ("Content-Range", f"bytes */{status.st_size}"), *headers[1:])
    headers += (("Content-Range", f"bytes {start}-{end - 1}/{status.st_size}"),)
    return Answer(206, headers, file=path, start=start, length=end - start)


def http_date(seconds: float) -> str:
    """Return a time as HTTP writes it, in English whatever the locale is (`email.utils` takes 5 ms to import)."""
    at = time.gmtime(seconds)
    return f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year} {time.strftime('%H:%M:%S', at)} GMT"


def _unchanged(request: Request, tag: str, changed: str) -> bool:
    asked = request.headers.get("if-none-match")
    if asked is not None:
        return asked.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in asked.split(",")]
    return request.headers.get("if-modified-since") == changed  # as nginx does it, without reading the date


def _range(request: Request, size: int, tag: str) -> tuple[int, int] | None:
    """Return first byte and end of what is asked for, clipped to the file; None for all (several ranges are all too)."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "").replace(" ", ""))
    condition = request.headers.get("if-range", tag)
    if not match or match[0] == "bytes=-" or condition != tag:
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    if match[2] and int(match[2]) < int(match[1]):
        return None
    return int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
