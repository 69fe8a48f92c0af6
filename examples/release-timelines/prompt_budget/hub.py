"""Tokens as a model counts them whose tokenizer lies on the hub, in its cache, or in a folder."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

LETTERS = Path(__file__).parent / "letters"  # a tokenizer that is deployed with the package


def count(name: str | Path, prompt: str, *, cached: bool = False) -> int:
    """Return how many tokens ``prompt`` has for a model.

    Args:
        name: On the hub, such as "acme/letters", or a folder.
        prompt: The text.
        cached: Ask the cache only, not the hub.

    Raises:
        OSError: The hub doesn't have it, or there is no hub.
    """
    tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=cached)
    return len(tokenizer(prompt)["input_ids"])
