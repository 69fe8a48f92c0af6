"""The server, by a client that sees each read."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_envguard.streams import unread
from pytest_envguard.streams.server import Server
from pytest_envguard.streams.stream import Stream, Trouble

PARTS = tuple(bytes([65 + number % 26]) * (number % 7 + 1) for number in range(60))
GET = b"GET /any HTTP/1.1\r\nHost: x\r\n\r\n"
Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a stream until the test ends."""
    made: list[Server] = []

    def start(path: str = "", **trouble: float) -> Server:
        made.append(Server(Stream(PARTS, PARTS, "", "text/x", path), Trouble(**trouble)))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for server in made:
        server.close()


def reads(server: Server, request: bytes = GET, *, until: bytes = b"0\r\n\r\n") -> list[bytes]:
    """Return what each read of a client gave."""
    with socket.create_connection(server.server_address) as client:  # type: ignore[arg-type]
        client.settimeout(10)
        client.sendall(request)
        found: list[bytes] = []
        while not found or (found[-1] and not found[-1].endswith(until)):
            found.append(client.recv(1 << 16))
        return found


def test_each_part_is_read_alone(serve: Serve) -> None:
    """Every read of the client gives one chunk, though it asks for much more, as often as it's tried."""
    if unread.asking() is None:
        pytest.skip("this kernel doesn't say what is unread: parts may come together")
    for _ in range(5):
        head, *chunks, end = reads(serve())
        assert head.endswith(b"\r\n\r\n")
        assert chunks == [b"%x\r\n%b\r\n" % (len(part), part) for part in PARTS]
        assert end == b"0\r\n\r\n"


def test_where_the_kernel_says_nothing_all_arrives_as_well(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pauses."""
    monkeypatch.setattr("pytest_envguard.streams.server.asking", lambda: None)
    body = b"".join(reads(serve())).partition(b"\r\n\r\n")[2]
    assert body == b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in PARTS) + b"0\r\n\r\n"


def test_a_client_that_reads_nothing_gets_the_next_part_after_a_while(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be waiting for more; nothing hangs."""
    monkeypatch.setattr("pytest_envguard.streams.server._PATIENCE", 0.01)
    server = serve()
    with socket.create_connection(server.server_address) as client:  # type: ignore[arg-type]
        client.sendall(GET)
        time.sleep(0.3)
        assert client.recv(1 << 16, socket.MSG_PEEK).count(b"\r\n") > 20


def test_the_connection_serves_another_request(serve: Serve) -> None:
    """And every request is remembered, with its body."""
    server = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
    for path in ("/one?a=1", "/two"):
        connection.request("POST", path, body=b'{"inputs": "x"}', headers={"Authorization": "none"})
        assert connection.getresponse().read() == b"".join(PARTS)
    connection.close()
    assert [(asked.method, asked.path, asked.body) for asked in server.requests] == [
        ("POST", "/one?a=1", b'{"inputs": "x"}'),
        ("POST", "/two", b'{"inputs": "x"}'),
    ]
    assert server.requests[0].headers["authorization"] == "none"


def test_an_old_client_gets_no_chunks(serve: Serve) -> None:
    """HTTP/1.0 knows none: the end of the connection is the end of the body."""
    *_, last = found = reads(serve(), b"GET / HTTP/1.0\r\n\r\n", until=b"none")
    assert last == b""
    assert b"".join(found).partition(b"\r\n\r\n")[2] == b"".join(PARTS)


def test_another_path_is_refused_with_the_one_that_is_meant(serve: Serve) -> None:
    """And so is another method: a client that doesn't stream finds out."""
    server = serve("/invocations-response-stream")
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
    for method, path in (("POST", "/endpoints/x/invocations"), ("GET", "/endpoints/x/invocations-response-stream")):
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == 404
        assert json.loads(answer.read())["message"].startswith("POST …/invocations-response-stream is what")
    connection.request("POST", "/endpoints/x/invocations-response-stream?a")
    assert connection.getresponse().read() == b"".join(PARTS)
    connection.close()


@pytest.mark.parametrize("truncated", [0, 3, len(PARTS)])
def test_a_truncated_stream_ends_within_a_part(serve: Serve, truncated: int) -> None:
    """Or, after the last one, without the end of the body: a client can tell."""
    connection = http.client.HTTPConnection("127.0.0.1", serve(truncated=truncated).server_address[1])
    connection.request("GET", "/")
    with pytest.raises(http.client.IncompleteRead) as caught:
        connection.getresponse().read()
    assert caught.value.partial == b"".join(PARTS[:truncated])
    connection.close()


def test_a_stalled_stream_goes_on_after_its_time(serve: Serve) -> None:
    """All of it arrives."""
    start = time.monotonic()
    found = reads(serve(stalled=3, seconds=0.2))
    assert time.monotonic() - start >= 0.2
    assert found[-1] == b"0\r\n\r\n"


def test_the_end_of_a_test_ends_what_stalls(serve: Serve) -> None:
    """At once: its connections and its thread are gone."""
    server = serve(stalled=1, seconds=60)
    client = socket.create_connection(server.server_address)  # type: ignore[arg-type]
    client.settimeout(10)
    client.sendall(GET)
    assert client.recv(1 << 16)
    start = time.monotonic()
    server.close()
    while client.recv(1 << 16):
        pass
    assert time.monotonic() - start < 5
    client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.server_address)  # type: ignore[arg-type]
    deadline = time.monotonic() + 5
    while any(thread.name == "envguard-stream" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_that_leaves_is_nothing_to_talk_about(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed, and the next one is served."""
    server = serve()
    with socket.create_connection(server.server_address) as client:  # type: ignore[arg-type]
        client.sendall(GET)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert reads(server)[-1] == b"0\r\n\r\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("length", ["x", "99999999999"])
def test_a_request_that_is_none_does_no_harm(serve: Serve, length: str) -> None:
    """It's answered, and the connection ends."""
    found = reads(serve(), b"POST / HTTP/1.1\r\nContent-Length: %b\r\n\r\n" % length.encode())
    assert found[-1] == b"0\r\n\r\n"
