"""Tokens as vendors count them, by LiteLLM and the encodings that come with it."""

import pytest

from prompt_budget import chat

PROMPT = "मेरा ऑर्डर कहाँ है?"  # Hindi, "where is my order?": the newer encoding has words for it


@pytest.mark.parametrize(("model", "tokens"), [("gpt-3.5-turbo", 18), ("gpt-4o", 8)])
def test_tokens_of(model, tokens):
    """Two encodings, cl100k_base and o200k_base, neither of which needs a download."""
    assert chat.count(model, PROMPT) == tokens
