"""The house's own tokenizer, a slow one of transformers."""

import pytest

from prompt_budget.house import HouseTokenizer, MendedTokenizer

PROMPT = "Where is my order?"
NUMBERS = [86, 117, 62, 87, 42, 43, 30, 112]


@pytest.mark.parametrize("tokenizer", [HouseTokenizer, MendedTokenizer], ids=["as_written", "mended"])
def test_prompt_and_back(tokenizer):
    """A prompt is turned into the model's numbers, and the numbers into the prompt."""
    house = tokenizer()
    assert house.encode(PROMPT) == NUMBERS
    assert house.decode(NUMBERS) == PROMPT
