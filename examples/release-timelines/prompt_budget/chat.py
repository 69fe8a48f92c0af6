"""Tokens as a chat model's vendor would count them, by LiteLLM."""

from __future__ import annotations

import os


def count(model: str, prompt: str) -> int:
    """Return how many tokens ``prompt`` has for ``model``, such as "gpt-4o"."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # prices are not asked for: fetch no list of them
    import litellm  # seconds, and not every user's choice

    return litellm.token_counter(model=model, text=prompt)
