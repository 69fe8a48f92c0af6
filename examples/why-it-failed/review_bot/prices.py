"""What a request costs, for the gateway, which counts and does not talk to models."""

import tiktoken

CENTS_PER_MILLION = {"gpt-4": 3000, "gpt-4o": 250}


def price(text: str, model: str) -> float:
    """Return the price of a prompt, in cents."""
    tokens = len(tiktoken.encoding_for_model(model).encode(text, disallowed_special=()))
    return tokens * CENTS_PER_MILLION[model] / 1_000_000
