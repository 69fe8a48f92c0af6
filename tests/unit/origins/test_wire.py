"""Requests as clients write them, answers as they read them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pytest_envguard.origins.wire import Answer, Reader, Request, Unreadable, head, plain, send_body


def read(sent: bytes) -> list[Request]:
    """Return the requests that a client has sent before it left."""
    client, server = socket.socketpair()
    with client, server:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        reader = Reader(server)
        return list(iter(reader.next, None))


def test_requests_of_one_connection() -> None:
    """Line, headers (in small letters) and body; the query stands apart; several follow each other."""
    first, second = read(
        b"POST /a%2Fb/c?x=1&y HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\nConnection: close\r\n\r\n"
    )
    assert first == Request("POST", "/a%2Fb/c", "x=1&y", {"host": "h", "content-length": "3"}, b"abc")
    assert (second.method, second.path, second.version, second.body) == ("GET", "/", "HTTP/1.0", b"")


@pytest.mark.parametrize(
    ("request_", "keeps"),
    [
        (Request("GET", "/"), True),
        (Request("GET", "/", headers={"connection": "Close"}), False),
        (Request("GET", "/", version="HTTP/1.0"), False),
        (Request("GET", "/", version="HTTP/1.0", headers={"connection": "keep-alive"}), True),
    ],
)
def test_which_connections_are_kept(request_: Request, keeps: bool) -> None:
    """All of HTTP/1.1's, unless the client says otherwise."""
    assert request_.keeps is keeps


def test_a_whole_address_and_a_fragment() -> None:
    """As a proxy is asked; what stands behind `#` is nobody's."""
    (request,) = read(b"GET https://h/a/b?c#d HTTP/1.1\r\n\r\n")
    assert (request.path, request.query) == ("/a/b", "c")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 200_000, 400),
    ],
)
def test_what_cannot_be_read(sent: bytes, status: int) -> None:
    """It's answered with a code, and the connection is over."""
    with pytest.raises(Unreadable) as refused:
        read(sent)
    assert refused.value.answer.status == status


def test_a_client_that_waits_before_it_sends_a_body() -> None:
    """It's told to go on."""
    client, server = socket.socketpair()
    with client, server:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab")
        request = Reader(server).next()
        assert request is not None and request.body == b"ab"
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/a/b", ["a", "b"]),
        ("/a%20b/%C3%A9", ["a b", "é"]),
        ("/a%2Fb/c", ["a/b", "c"]),
        ("/", [""]),
        ("/a//b/", ["a", "", "b", ""]),
        ("/a/../b", None),
        ("/%2e%2e/b", None),
        ("/./b", None),
        ("/a%00b", None),
    ],
)
def test_names_in_a_path(path: str, names: list[str] | None) -> None:
    """An encoded slash is part of a name; what leads elsewhere isn't followed."""
    assert Request("GET", path).segments() == names


def test_an_answer_s_head() -> None:
    """Status, headers, the length of the body, and whether the connection goes on."""
    assert head(Answer(206, (("ETag", '"x"'),), b"abc"), keeps=True) == (
        b'HTTP/1.1 206 Partial Content\r\nETag: "x"\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n'
    )
    assert b"Content-Length" not in head(Answer(304), keeps=False)
    assert head(plain(418), keeps=False).startswith(b"HTTP/1.1 418 Error\r\n")


def sent(answer: Answer, **spoilt: object) -> bytes:
    """Return the body as a client gets it."""
    pieces: list[bytes] = []
    send_body(answer, pieces.append, **{"flipped": False, "cut": None, **spoilt})
    return b"".join(pieces)


def test_bodies(tmp_path: Path) -> None:
    """Text, a file in several pieces, a part of a file; cut or changed where it's asked for."""
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    whole = Answer(200, file=str(tmp_path / "file"), length=len(content))
    assert sent(whole) == content
    assert sent(whole._replace(start=70_000, length=10)) == content[70_000:70_010]
    assert sent(whole, cut=100_001) == content[:100_001]
    assert sent(whole, cut=0) == b""
    changed = sent(whole, flipped=True)
    assert [at for at in range(len(content)) if changed[at] != content[at]] == [128_000]
    assert sent(Answer(200, body=b"abc"), flipped=True, cut=2) == b"ac"
