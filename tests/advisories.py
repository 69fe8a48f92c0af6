"""A small advisory service of OSV's shape on loopback: ``POST /v1/query`` and ``GET /v1/vulns/ID``.

As OSV, it answers ``{}`` about a package without advisories and about one that it doesn't know.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Advisory(NamedTuple):
    """What the service knows.

    Attributes:
        id: Its name.
        package: Normalised name of the package.
        versions: The versions that have it.
        fixed: The first one without it, "" if there is none.
        aliases: Its other names.
        summary: What it is about.
    """

    id: str
    package: str
    versions: tuple[str, ...]
    fixed: str = ""
    aliases: tuple[str, ...] = ()
    summary: str = ""

    def record(self) -> dict[str, Any]:
        """Return it in OSV's schema."""
        events = [{"introduced": "0"}, *([{"fixed": self.fixed}] if self.fixed else [])]
        affected = {
            "package": {"ecosystem": "PyPI", "name": self.package},
            "ranges": [{"type": "ECOSYSTEM", "events": events}],
            "versions": list(self.versions),
        }
        told = {"summary": self.summary} if self.summary else {}
        aliases = {"aliases": list(self.aliases)}
        return {"schema_version": "1.6.0", "id": self.id, **aliases, **told, "affected": [affected]}


class Advisories:
    """The service while it runs.

    Attributes:
        url: Where it answers queries.
        asked: Name and version of each query so far, those that wait included.
        status: HTTP status of its answers; anything but 200 has no content.
        body: What it answers instead of the truth; None for the truth.
        open: Until this is set, queries wait; set from the beginning.
    """

    def __init__(self, advisories: tuple[Advisory, ...]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        self.body: bytes | None = None
        self.open = threading.Event()
        self.open.set()
        self._advisories = advisories
        self.url = ""

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        """Return what is known about the package and version of ``query``."""
        name, version = query["package"]["name"], query["version"]
        self.asked.append((name, version))
        self.open.wait(30)
        found = [one.record() for one in self._advisories if one.package == name and version in one.versions]
        return {"vulns": found} if found else {}

    def one(self, name: str) -> dict[str, Any] | None:
        """Return the advisory of that name."""
        return next((one.record() for one in self._advisories if one.id == name), None)


@contextlib.contextmanager
def serving(*advisories: Advisory) -> Iterator[Advisories]:
    """Serve ``advisories`` on a free port of loopback."""
    service = Advisories(advisories)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._say(service.answer(query) if self.path == "/v1/query" else None)

        def do_GET(self) -> None:
            folder, _, name = self.path.rpartition("/")
            self._say(service.one(name) if folder == "/v1/vulns" else None)

        def _say(self, answer: dict[str, Any] | None) -> None:
            body = json.dumps(answer).encode() if service.body is None else service.body
            self.send_response(404 if answer is None else service.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who asked was killed
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/v1/query"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        service.open.set()
        server.shutdown()
        server.server_close()
