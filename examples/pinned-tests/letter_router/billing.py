"""What an answer by a language model would cost: its tokens, counted with the vendor's encoding."""

from pathlib import Path

import tiktoken
from tiktoken.load import load_tiktoken_bpe

from letter_router import MODELS

BLOB = MODELS / "vendor.tiktoken"
SHA256 = "1c76199d980f59372a5e7fa679843a21ca27e4dc0dc300e494482d7555dde912"
WORDS = r"[a-zA-Z]+|[0-9]{1,3}|\s+|[^\sa-zA-Z0-9]+"


def encoding(blob: Path = BLOB) -> tiktoken.Encoding:
    """Return the vendor's encoding; tiktoken checks the blob, and keeps a copy in TIKTOKEN_CACHE_DIR."""
    ranks = load_tiktoken_bpe(str(blob), SHA256)
    return tiktoken.Encoding("vendor", pat_str=WORDS, mergeable_ranks=ranks, special_tokens={})


def tokens(letter: str, blob: Path = BLOB) -> int:
    """Return how many tokens a letter has."""
    return len(encoding(blob).encode(letter))
