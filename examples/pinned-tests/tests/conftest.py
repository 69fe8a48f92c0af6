"""Letters that the model has not seen, and a registry on the loopback interface."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest


@pytest.fixture
def letters() -> dict[str, str]:
    """Letter to the desk that answers it."""
    return {
        "When do you deliver my boxes?": "orders",
        "Why did I pay tax twice?": "invoices",
        "The chair arrived broken, take it back.": "returns",
    }


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own for tiktoken, where the cache is not what the test is about."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    return tmp_path / "tiktoken"


@pytest.fixture
def registry_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A registry on a free port, which the application uses; path to contents of what it has."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in files else 404)
            self.send_header("Content-Length", str(len(files.get(self.path, b""))))
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("LETTER_ROUTER_REGISTRY", f"127.0.0.1:{server.server_address[1]}")
        yield files
        server.shutdown()
        thread.join()
