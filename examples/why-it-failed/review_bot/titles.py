"""The words of a pull request's title, as the house cuts them: a tokenizer with Python code of its own."""

from review_bot import PROJECT


def words(title: str) -> list[str]:
    """Cut a title."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(PROJECT / "models" / "titles", trust_remote_code=True)
    return tokenizer.tokenize(title)
