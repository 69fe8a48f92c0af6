"""The tokenizer that is deployed with the package: written by `tokenizers`, loaded by `transformers`."""

from prompt_budget import hub


def test_count_by_the_deployed_tokenizer():
    """Words and signs are tokens."""
    assert hub.count(hub.LETTERS, "where is my order?") == 5
