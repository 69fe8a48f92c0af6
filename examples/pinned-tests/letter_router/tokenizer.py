"""The tokenizers, each a folder on the disk."""

from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from letter_router import MODELS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LETTERS = MODELS / "letters"
HOUSE = MODELS / "house-tokenizer"


def load() -> Tokenizer:
    """Return the tokenizer of the model, without transformers, which would take a second of each start."""
    return Tokenizer.from_file(str(LETTERS / "tokenizer.json"))


def load_with_transformers() -> "PreTrainedTokenizerBase":
    """Return the same tokenizer for programs that expect one of transformers."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(LETTERS)


def load_house() -> "PreTrainedTokenizerBase":
    """Return the tokenizer that the archive's index was made with: it comes with Python code of its own."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(HOUSE, trust_remote_code=True)
