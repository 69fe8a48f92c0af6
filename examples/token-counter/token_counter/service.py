"""A service for the other machines of the office: post a text, get its number of tokens."""

import json
import socket
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from token_counter.counting import Count


def own_address() -> str:
    """Return the address other machines reach this one at.

    Connecting a datagram socket sends nothing; it makes the kernel choose the address it would send from.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 1))
        return probe.getsockname()[0]


class Service(ThreadingTCPServer):
    """An HTTP server on every interface that counts what is posted to it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, count: Count, port: int = 0) -> None:
        """Listen on `port`, or on a free one."""
        self.count = count
        super().__init__(("0.0.0.0", port), Handler)

    @property
    def address(self) -> tuple[str, int]:
        """The address to tell the others."""
        return own_address(), self.server_address[1]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Service

    def do_POST(self) -> None:
        """Answer a text with the number of its tokens."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")
        body = json.dumps({"tokens": self.server.count(text)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet: the log of the office's proxy is enough."""
