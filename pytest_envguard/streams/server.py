"""A server on loopback, in a thread: it answers with a stream, each part in a write of its own that the client reads alone."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from pytest_envguard.streams.stream import Stream, Trouble
from pytest_envguard.streams.unread import asking

_PATIENCE = 5.0  # seconds in which a client reads a part; one that doesn't gets the next one as well
_LOOK = 0.0002  # seconds between two looks at what is unread
_PAUSE = 0.002  # seconds after a part, where the kernel can't be asked
_POLL = 0.02  # seconds until a server notices that it's to end
_MOST_BODY = 1 << 24  # bytes of a request


class Asked(NamedTuple):
    """A request that came.

    Attributes:
        method: Such as "POST".
        path: With the query.
        headers: Name in small letters to value.
        body: All of it.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Server(socketserver.ThreadingTCPServer):
    """Answers every request with the same stream.

    Attributes:
        requests: What came, in this order.
        ended: Set when it's to end: whatever waits goes on.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, stream: Stream, trouble: Trouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stream, self.trouble = stream, trouble
        self.requests: list[Asked] = []
        self.ended = threading.Event()
        self._connections: set[socket.socket] = set()
        self._asking = asking()
        self._kernel = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(_POLL,), name="envguard-stream", daemon=True).start()

    @property
    def base_url(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """Take no more requests, and end the connections that there are."""
        self.ended.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with self._kernel:
            if self._asking is not None:
                self._asking.close()
            self._asking = None

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection, so that it can be ended."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has left."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def wait_until_read(self, connection: socket.socket, sent: int) -> None:
        """Wait until the client has read all that was sent to it, so that it reads each part alone."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            unread = self._unread(connection, sent)
            if unread is None:
                self.ended.wait(_PAUSE)
                return
            if not unread or self.ended.wait(_LOOK):
                return

    def _unread(self, connection: socket.socket, sent: int) -> int | None:
        with self._kernel:
            try:
                return None if self._asking is None else self._asking.unread(connection, sent)
            except OSError:
                return None


class _Counted(io.BufferedIOBase):
    """Where a handler writes; each write is sent at once.

    Attributes:
        sent: Bytes.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sent = 0

    def write(self, data: Any) -> int:
        """Send bytes."""
        self._connection.sendall(data)
        self.sent += len(data)
        return len(data)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    wfile: _Counted
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Count what is sent."""
        super().setup()
        self.wfile = _Counted(self.connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as the base class has it
        """Print nothing: the output belongs to the test."""

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer."""
        self._answer()

    def _answer(self) -> None:
        stream = self.server.stream
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Asked(self.command, self.path, headers, self._read(headers)))
        if not self.path.partition("?")[0].endswith(stream.path) or (stream.path and self.command != "POST"):
            self._refuse(stream)
            return
        chunked = self.request_version != "HTTP/1.0"
        self.send_response(200)
        for name, value in (("Content-Type", stream.content_type), *stream.headers):
            self.send_header(name, value)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")))
        self.end_headers()
        self.server.wait_until_read(self.connection, self.wfile.sent)
        if self._write(stream.chunks, chunked=chunked):
            self.wfile.write(b"0\r\n\r\n" if chunked else b"")
        else:
            self.close_connection = True

    def _read(self, headers: dict[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if headers.get("transfer-encoding") or not length.isdigit() or int(length) > _MOST_BODY:
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))

    def _refuse(self, stream: Stream) -> None:
        text = f"POST …{stream.path} is what this server answers, not {self.command} {self.path}"
        body = json.dumps({"message": text}, ensure_ascii=False).encode()
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _write(self, chunks: tuple[bytes, ...], *, chunked: bool) -> bool:
        """Write each chunk when the one before has been read; return whether all were."""
        trouble = self.server.trouble
        for number, chunk in enumerate(chunks):
            if number == trouble.stalled:
                self.server.ended.wait(min(trouble.seconds, threading.TIMEOUT_MAX))
            data = b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk
            if number == trouble.truncated:
                self.wfile.write(data[: len(data) // 2])
                return False
            self.wfile.write(data)
            self.server.wait_until_read(self.connection, self.wfile.sent)
            if self.server.ended.is_set():
                return False
        return trouble.truncated is None
