"""OpenAI's public encodings, byte for byte, without their host: out of a wheel of litellm, which brings three of the six files.

``python -m tests.knowledge.encodings FOLDER`` fills a folder that `origins` can serve as openaipublic.blob.core.windows.net.

- cl100k_base, p50k_base and o200k_base lie in the wheel, under the SHA-1 of their address.
- r50k_base is the first 50256 lines of p50k_base, which adds only runs of spaces.
- vocab.bpe and encoder.json of GPT-2 say the same as r50k_base: the merges, found again in the order of the ranks, and the
  tokens in the order in which its authors had them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from os import environ
from pathlib import Path

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
_FIRST_OF_P50K = 50256
_BYTES = 256


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
    lines = bundled["encodings/p50k_base.tiktoken"].splitlines(keepends=True)[:_FIRST_OF_P50K]
    yield "encodings/r50k_base.tiktoken", b"".join(lines)
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    yield "gpt-2/encodings/main/vocab.bpe", vocabulary(ranks)
    yield "gpt-2/encodings/main/encoder.json", encoder(ranks)


def _bundled(litellm: Path, path: str) -> bytes:
    name = hashlib.sha1(f"https://{HOST}/{path}".encode()).hexdigest()
    for place in ("litellm_core_utils", "llms"):
        if (file := litellm / place / "tokenizers" / name).is_file():
            return file.read_bytes()
    raise ValueError(f"{path} ({name}) is not in {litellm}")


def _letters() -> dict[int, str]:
    """Return the letter that GPT-2's files write for each byte: itself if it can be printed, else one from U+0100 on."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {byte: chr(byte) for byte in printed}
    letters.update({byte: chr(_BYTES + at) for at, byte in enumerate(sorted(set(range(_BYTES)) - set(printed)))})
    return letters


def vocabulary(ranks: Mapping[bytes, int]) -> bytes:
    """Return vocab.bpe: the pair that each token was merged from, one per line, in the order of the ranks."""
    letters = _letters()

    def shown(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    merged = (_parts(token, ranks) for token in sorted(ranks, key=ranks.__getitem__) if len(token) > 1)
    return "".join(["#version: 0.2\n", *(f"{shown(first)} {shown(second)}\n" for first, second in merged)]).encode()


def _parts(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """Merge the bytes of ``token``, the pair of the lowest rank first, until two parts are left."""
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(first + second, sys.maxsize) for first, second in itertools.pairwise(parts)]
        at = pairs.index(min(pairs))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    first, second = parts
    return first, second


def encoder(ranks: Mapping[bytes, int]) -> bytes:
    """Return encoder.json: each token's number, and that of the end of a text."""
    letters = _letters()
    tokens = {"".join(letters[byte] for byte in token): ranks[token] for token in sorted(ranks, key=ranks.__getitem__)}
    return json.dumps({**tokens, "<|endoftext|>": len(tokens)}).encode()


if __name__ == "__main__":
    for made in sorted(make(Path(sys.argv[1])).rglob("*.*")):
        print(made)
