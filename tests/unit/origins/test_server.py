"""Connections, with real sockets: what a client sees, and what is noted of it. The environment is missing, nothing else."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.origins.server import Server, Site

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server of one host."""
    (tmp_path / "large.bin").write_bytes(CONTENT)
    sites = [{"host": "a.org", "folder": str(tmp_path), "kind": "files", "hub": "", "faults": []}]
    return Server(sites, None)  # type: ignore[arg-type]  # nothing is encrypted here


class Client(http.client.HTTPConnection):
    """A client at the other end of a pair of sockets; the server's end is served by a thread."""

    def __init__(self, server: Server, *, encrypted: bool = True) -> None:
        super().__init__("a.org")
        self.sock, other = socket.socketpair()
        site = server.sites[0]
        # TLS is taken away before this.
        arguments = (other, site)
        kind = {"encrypted": encrypted}
        self.thread = threading.Thread(target=_converse, args=(server, *arguments), kwargs=kind, daemon=True)
        self.thread.start()

    def get(self, path: str, method: str = "GET") -> http.client.HTTPResponse:
        """Ask for a path."""
        self.request(method, path)
        return self.getresponse()


def _converse(server: Server, connection: socket.socket, site: Site, *, encrypted: bool) -> None:
    with connection, contextlib.suppress(OSError):
        server._converse(connection, site, encrypted=encrypted)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A connection."""
    made = Client(server)
    yield made
    made.close()
    made.thread.join(5)


def test_several_requests_in_one_connection(server: Server, client: Client) -> None:
    """It's kept, and each request is noted in its turn."""
    assert client.get("/large.bin?x=1").read() == CONTENT
    head = client.get("/large.bin", "HEAD")
    assert (head.read(), head.headers["Content-Length"]) == (b"", "256000")
    missing = client.get("/missing")
    assert (missing.status, missing.read()) == (404, b"Not Found\n")
    assert server.log == [
        ["GET", "a.org", "/large.bin?x=1", 200, 256_000],
        ["HEAD", "a.org", "/large.bin", 200, 0],
        ["GET", "a.org", "/missing", 404, 10],
    ]


def test_what_is_not_encrypted_is_sent_to_what_is(server: Server) -> None:
    """Port 80 has nothing but a redirect, with path and query."""
    client = Client(server, encrypted=False)
    answer = client.get("/large.bin?x=1")
    assert (answer.status, answer.headers["Location"]) == (301, "https://a.org/large.bin?x=1")
    client.close()


def test_nonsense(server: Server) -> None:
    """It's answered, and the connection is over."""
    client = Client(server)
    client.sock.sendall(b"nonsense\r\n\r\n")
    assert client.sock.makefile("rb").read().startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_body_that_is_cut(server: Server, client: Client) -> None:
    """The length says more than comes; a request without a body doesn't count."""
    server.faults.add("a.org", "cut=70000:1")
    client.get("/large.bin", "HEAD").read()
    with pytest.raises(http.client.IncompleteRead) as cut:
        client.get("/large.bin").read()
    assert cut.value.partial == CONTENT[:70_000]
    assert server.log[-1][3:] == [200, 70_000]
    assert Client(server).get("/large.bin").read() == CONTENT


def test_a_status_and_a_change(server: Server, client: Client) -> None:
    """A status comes with the time after which to try again; a changed file has the tag of the right one."""
    server.faults.add("a.org", "status=429:1")
    answer = client.get("/large.bin")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    answer.read()
    server.faults.add("a.org", "corrupt:1")
    changed, whole = client.get("/large.bin"), None
    spoilt = changed.read()
    whole = client.get("/large.bin")
    assert changed.headers["ETag"] == whole.headers["ETag"]
    assert sum(a != b for a, b in zip(spoilt, whole.read(), strict=True)) == 1


def test_a_delay_and_a_hang(server: Server, client: Client) -> None:
    """One answers later, the other doesn't until the faults are gone, and then ends the connection."""
    server.faults.add("a.org", "delay=0.1:1")
    began = time.monotonic()
    assert client.get("/large.bin").read() == CONTENT and time.monotonic() - began >= 0.1
    server.faults.add("a.org", "tarpit")
    client.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.get("/large.bin")
    server.faults.clear()
    client.thread.join(5)
    assert not client.thread.is_alive()
    assert server.log[-1] == ["GET", "a.org", "/large.bin", 0, 0]


def test_an_error_of_our_own(server: Server, client: Client, tmp_path: Path) -> None:
    """It's an answer too, and the server goes on."""
    (tmp_path / "large.bin").unlink()
    (tmp_path / "large.bin").mkdir()
    assert client.get("/large.bin").read() == b"Not Found\n"
    server.sites[0] = server.sites[0]._replace(kind="hub")
    other = Client(server)
    other.request("POST", "/api/models/x/y/paths-info/main", b"{", {"Content-Type": "application/json"})
    assert other.getresponse().status in (401, 500)
    other.close()


def order(connection: socket.socket, *words: str) -> Any:
    """Give an order and return the answer."""
    connection.sendall(json.dumps(words).encode() + b"\n")
    return json.loads(connection.makefile("r").readline())


@pytest.mark.parametrize("ends", ["end", "dies"])
def test_orders_of_a_test(server: Server, client: Client, ends: str) -> None:
    """It sees what came since it began; when it leaves, the faults are those from before."""
    server.faults.add("a.org", "delay=0")
    client.get("/before").read()
    near, far = socket.socketpair()
    thread = threading.Thread(target=server.obey, args=(far,))
    thread.start()
    assert order(near, "begin") is None and order(near, "requests") == []
    client.get("/after").read()
    assert order(near, "requests") == [["GET", "a.org", "/after", 404, 10]]
    assert order(near, "fault", "a.org", "status=503", "*") is None
    assert "did you mean `reset`" in order(near, "fault", "a.org", "resett", "*")
    assert client.get("/large.bin").status == 503
    client.close()
    assert order(near, "clear") is None and server.faults.kept() == []
    if ends == "end":
        assert order(near, "end") is None
        assert [asked.fault.name for asked in server.faults.kept()] == ["delay"]  # at once: the next test may begin
    near.close()
    thread.join(5)
    assert [asked.fault.name for asked in server.faults.kept()] == ["delay"]
