"""What the kernel says of the other end of a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pytest_envguard.streams import unread


@pytest.fixture
def asked() -> Iterator[unread.Asking]:
    """A connection to the kernel."""
    made = unread.asking()
    if made is None:
        pytest.skip("this kernel doesn't say what is unread")
    yield made
    made.close()


def test_what_a_client_has_not_read_is_counted_until_it_is(asked: unread.Asking) -> None:
    """Byte by byte; nothing is unread where nobody reads any more."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"12345")
            assert asked.unread(connection, 5) == 5
            assert client.recv(2) == b"12"
            assert asked.unread(connection, 5) == 3
            assert client.recv(9) == b"345"
            assert asked.unread(connection, 5) == 0
            assert asked.unread(connection, 7) == 2  # still on its way


def test_a_connection_that_is_over_has_nothing_unread(asked: unread.Asking) -> None:
    """The kernel knows no such socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        connection, _ = server.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with connection:
            name = connection.getsockname(), connection.getpeername()
            client.close()

            class Gone(socket.socket):
                """Says what it was called before the other end left."""

                def getsockname(self) -> object:
                    return name[0]

                def getpeername(self) -> object:
                    return name[1]

            with Gone() as gone:
                assert asked.unread(gone, 5) == 0


def test_without_such_an_interface_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: servers pause instead."""
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert unread.asking() is None
