"""OpenAI's public encodings, byte for byte, without their host: out of a wheel of litellm, which brings three of the six files.

``python -m tests.knowledge.encodings FOLDER`` fills a folder that `origins` can serve as openaipublic.blob.core.windows.net.

cl100k_base, p50k_base and o200k_base lie in the wheel, under the SHA-1 of their address; the others are made of them.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from os import environ
from pathlib import Path

from pytest_envguard.caches.encodings import ENCODER, P50K, R50K, VOCABULARY
from pytest_envguard.caches.rebuilding import rebuilt
from pytest_envguard.matrix.uv import Uv, find

HOST = "openaipublic.blob.core.windows.net"
LITELLM = "litellm==1.53.9"  # the first three encodings are in every release from 1.40.9 on
# Path below the host to the SHA-256 that tiktoken expects (tiktoken_ext/openai_public.py of tiktoken 0.14.0).
EXPECTED = {
    "encodings/cl100k_base.tiktoken": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "encodings/o200k_base.tiktoken": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "encodings/p50k_base.tiktoken": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    "encodings/r50k_base.tiktoken": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    "gpt-2/encodings/main/encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "gpt-2/encodings/main/vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
_BUNDLED = tuple(path for path in EXPECTED if path.startswith("encodings/") and "r50k" not in path)


def make(folder: Path, litellm: Path | None = None) -> Path:
    """Fill ``folder`` with all six files and return it; what is there already and right is left.

    Args:
        folder: Where to.
        litellm: An installed or unpacked litellm (the package's own folder); None: one is downloaded.

    Raises:
        ValueError: A file came out otherwise than tiktoken expects it.
        UvError: The wheel can't be had.
    """
    if all(_right(folder / path, path) for path in EXPECTED):
        return folder
    if litellm is None:
        with tempfile.TemporaryDirectory() as place:
            Uv(find(), environ, Path(place)).run("pip", "install", "-q", "--no-deps", "--target", place, LITELLM)
            return make(folder, Path(place, "litellm"))
    for path, content in _contents(litellm):
        if hashlib.sha256(content).hexdigest() != EXPECTED[path]:
            raise ValueError(f"{path} is not what tiktoken expects")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def _right(file: Path, path: str) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == EXPECTED[path]


def _contents(litellm: Path) -> Iterator[tuple[str, bytes]]:
    bundled = {path: _bundled(litellm, path) for path in _BUNDLED}
    yield from bundled.items()
    p50k = {P50K.url: bundled["encodings/p50k_base.tiktoken"]}
    for file in (R50K, VOCABULARY, ENCODER):
        content = rebuilt(file, p50k)
        assert content is not None
        yield file.url.removeprefix(f"https://{HOST}/"), content


def _bundled(litellm: Path, path: str) -> bytes:
    name = hashlib.sha1(f"https://{HOST}/{path}".encode()).hexdigest()
    for place in ("litellm_core_utils", "llms"):
        if (file := litellm / place / "tokenizers" / name).is_file():
            return file.read_bytes()
    raise ValueError(f"{path} ({name}) is not in {litellm}")


if __name__ == "__main__":
    for made in sorted(make(Path(sys.argv[1])).rglob("*.*")):
        print(made)
