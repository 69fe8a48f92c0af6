"""Files of OpenAI's encodings made from others, byte for byte.

- r50k_base is the first 50256 lines of p50k_base, which adds only runs of spaces.
- vocab.bpe and encoder.json of GPT-2 say the same as r50k_base: the merges, found again in the order of the ranks, and the
  tokens in the order in which its authors had them.

What comes out is right if its hash is the one that tiktoken expects: whoever uses it compares.
"""

from __future__ import annotations

import binascii
import itertools
import json
import sys
from collections.abc import Mapping

from pytest_envguard.caches.encodings import ENCODER, P50K, R50K, VOCABULARY, EncodingFile

MADE_OF = (P50K, R50K)
MAKEABLE = frozenset((R50K, VOCABULARY, ENCODER))
_FIRST_OF_P50K = 50256
_BYTES = 256


def rebuilt(file: EncodingFile, others: Mapping[str, bytes]) -> bytes | None:
    """Return the content of ``file`` made from other files, None where it can't be.

    Args:
        file: What is wanted.
        others: Address to content, of files whose hash is right.
    """
    if file == R50K:
        return _r50k(others)
    if file in (VOCABULARY, ENCODER) and (r50k := others.get(R50K.url) or _r50k(others)) is not None:
        return vocabulary(_ranks(r50k)) if file == VOCABULARY else encoder(_ranks(r50k))
    return None


def _r50k(others: Mapping[str, bytes]) -> bytes | None:
    p50k = others.get(P50K.url)
    return None if p50k is None else b"".join(p50k.splitlines(keepends=True)[:_FIRST_OF_P50K])


def _ranks(content: bytes) -> dict[bytes, int]:
    return {binascii.a2b_base64(token): int(rank) for token, rank in map(bytes.split, content.splitlines())}


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
