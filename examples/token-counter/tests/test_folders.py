"""Tokenizer folders, loaded by transformers."""

import pytest

from token_counter import counting, folders


def test_folder_from_a_wheel():
    """DeepSeek's tokenizer takes two Chinese signs as one token and gives the text back unchanged."""
    tokenizer = folders.load("deepseek")
    assert len(tokenizer.encode("你好")) == 1
    assert tokenizer.decode(tokenizer.encode("hello 你好")) == "hello 你好"


def test_folder_with_code_of_its_own():
    """The house tokenizer keeps the words of the trade whole and spells the others."""
    assert folders.load("house").tokenize("The order: EUR 12") == ["the", "order", ":", "e", "u", "r", "1", "2"]


def test_unknown_folder():
    """A name nobody knows is an error that says which names there are."""
    with pytest.raises(LookupError, match="house and deepseek"):
        counting.resolve("tokenizer:mine")
