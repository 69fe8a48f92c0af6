"""The label of a change, by a model of the hub."""

MODEL = "house/labels"


def pieces(text: str) -> list[str]:
    """Return what the model sees of a text."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(MODEL).tokenize(text)
