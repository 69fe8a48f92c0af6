"""HTTP/1.1 as far as clients that download need it: a request is read, an answer is written."""

from __future__ import annotations

import os
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

_MOST_HEAD = 1 << 16  # bytes of a request's line and headers
_MOST_BODY = 1 << 24
_CHUNK = 1 << 16
PHRASES = {
    200: "OK",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Request(NamedTuple):
    """One request.

    Attributes:
        method: Such as "GET".
        path: As it was sent, still quoted, without the query.
        query: What stands behind the question mark, still quoted.
        headers: Name in small letters to value.
        body: All of it.
        version: Such as "HTTP/1.1".
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed
    body: bytes = b""
    version: str = "HTTP/1.1"

    @property
    def keeps(self) -> bool:
        """Whether the connection is to be kept for another request."""
        wanted = self.headers.get("connection", "").lower()
        return wanted != "close" and (self.version != "HTTP/1.0" or wanted == "keep-alive")

    def segments(self) -> list[str] | None:
        """Return the names in the path, unquoted; None if one of them would lead elsewhere.

        Quotes are taken away after the path is split: an encoded slash is part of a name, which no file has.
        """
        from urllib.parse import unquote_to_bytes

        names = []
        for part in self.path.split("/")[1:]:
            name = os.fsdecode(unquote_to_bytes(part))
            if name in ("..", ".") or "\0" in name:
                return None
            names.append(name)
        return names


class Answer(NamedTuple):
    """What is answered.

    Attributes:
        status: The code.
        headers: Name and value; the length is added.
        body: All of it, where it isn't a file.
        file: The file whose bytes are the body; "" for none.
        start: Where in the file.
        length: How many bytes of it.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    file: str = ""
    start: int = 0
    length: int = 0

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.length if self.file else len(self.body)

    def pieces(self) -> Iterator[bytes]:
        """Return the body in pieces."""
        if not self.file:
            yield self.body
            return
        left = self.length
        with open(self.file, "rb") as file:
            file.seek(self.start)
            while left and (piece := file.read(min(left, _CHUNK))):
                left -= len(piece)
                yield piece


def plain(status: int, text: str = "", *headers: tuple[str, str]) -> Answer:
    """Return an answer of words."""
    body = f"{text or PHRASES.get(status, 'Error')}\n".encode()
    return Answer(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), body)


def as_json(status: int, value: object, *headers: tuple[str, str]) -> Answer:
    """Return an answer of JSON."""
    import json

    return Answer(status, (("Content-Type", "application/json; charset=utf-8"), *headers), json.dumps(value).encode())


class Unreadable(Exception):  # noqa: N818  # it says what the request is
    """A request that can't be read; `answer` says so, after which the connection is closed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Reader:
    """Reads the requests of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def next(self) -> Request | None:
        """Return the next request, None at the end.

        Raises:
            Unreadable: It isn't HTTP, or too much of it.
        """
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1]:
            raise Unreadable(plain(400))
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        target = words[1]
        if target.startswith("http"):  # a whole address is allowed too
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("#")[0].partition("?")
        return Request(words[0], path, query, headers, self._body(headers), words[2])

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._rest:
            if len(self._rest) > _MOST_HEAD:
                raise Unreadable(plain(400, "the head of the request is too large"))
            data = self._connection.recv(_CHUNK)
            if not data:
                return None
            self._rest = (self._rest + data).lstrip(b"\r\n")
        head, _, self._rest = self._rest.partition(mark)
        return head

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise Unreadable(plain(411))
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise Unreadable(plain(400))
        if int(length) > _MOST_BODY:
            raise Unreadable(plain(413))
        if int(length) and headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._rest) < int(length):
            data = self._connection.recv(_CHUNK)
            if not data:
                raise Unreadable(plain(400))
            self._rest += data
        body, self._rest = self._rest[: int(length)], self._rest[int(length) :]
        return body


def head(answer: Answer, *, keeps: bool) -> bytes:
    """Return the first lines of an answer."""
    headers = [*answer.headers]
    if answer.status != 304 and not any(name == "Content-Length" for name, _ in headers):
        headers.append(("Content-Length", str(answer.size)))
    headers.append(("Connection", "keep-alive" if keeps else "close"))
    lines = (f"{name}: {value}" for name, value in headers)
    first = f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Error')}"
    return "\r\n".join((first, *lines, "", "")).encode("latin-1", "replace")


def send_body(answer: Answer, send: Callable[[bytes], None], *, flipped: bool, cut: int | None) -> None:
    """Send the body, with the byte in its middle changed if it's ``flipped``, and only ``cut`` bytes of it."""
    position, middle = 0, answer.size // 2
    for whole in answer.pieces():
        piece = whole
        if flipped and position <= middle < position + len(piece):
            at = middle - position
            piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
        if cut is not None and position + len(piece) > cut:
            send(piece[: cut - position])
            return
        send(piece)
        position += len(piece)
