"""A mirror of OpenAI's encodings on the loopback interface, made from what LiteLLM's wheel carries."""

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from token_counter import CACHE, PROJECT, encodings
from token_counter.folders import package_folder

P50K = "ec7223a39ce59f226a68acc30dc1af2788490e15"  # the name tiktoken gives the blob of p50k_base in a cache
BUNDLED = package_folder("litellm") / "llms" / "tokenizers"
CACHES = (CACHE / "tiktoken", BUNDLED, Path("/tmp/tiktoken"), Path(tempfile.gettempdir()) / "data-gym-cache")


@dataclass
class Mirror:
    """A running mirror: where it is, what it serves by path, and what it was asked for."""

    url: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def cache_name(self, name: str) -> str:
        """Return the name tiktoken gives the blob of an encoding in a cache folder."""
        return hashlib.sha1(encodings.url(name, self.url).encode()).hexdigest()


@pytest.fixture(scope="session")
def blobs() -> dict[str, bytes]:
    """The blobs of two encodings: r50k_base is exactly the first 50256 lines of p50k_base."""
    p50k = (BUNDLED / P50K).read_bytes()
    r50k = b"".join(p50k.splitlines(keepends=True)[:50256])
    return {"/encodings/p50k_base.tiktoken": p50k, "/encodings/r50k_base.tiktoken": r50k}


@pytest.fixture
def mirror(blobs: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror the application uses, on a free port, so that nothing in any cache is from this address."""
    this = Mirror(blobs=dict(blobs))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            this.asked.append(self.path)
            body = this.blobs.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        this.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("TOKEN_COUNTER_MIRROR", this.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield this
        server.shutdown()
        thread.join()
    # Nobody will ever ask for this port again: take away what was kept of it, in whichever cache it is.
    for folder in CACHES:
        for name in encodings.SHA256:
            for kept in folder.glob(f"{this.cache_name(name)}*"):
                kept.unlink()
    # On a machine that several people share, an empty folder of one's own would still be in the way of the others.
    for folder in CACHES[2:]:
        if folder.is_dir() and folder.stat().st_uid == os.getuid() and not any(folder.iterdir()):
            folder.rmdir()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own for tiktoken, where the cache is not what the test is about."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    return tmp_path / "tiktoken"


@pytest.fixture
def letters(tmp_path: Path) -> list[Path]:
    """Three small files."""
    paths = [tmp_path / f"{name}.txt" for name in ("one", "two", "three")]
    for path, text in zip(paths, ("hello world", "the order and the invoice", "你好"), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


@pytest.fixture
def run_cli() -> Callable[..., str]:
    """Run the command in a process of its own and return what it prints; its errors go where the test's go."""

    def run(*arguments: object, **environment: str) -> str:
        command = [sys.executable, "-m", "token_counter", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    return run
