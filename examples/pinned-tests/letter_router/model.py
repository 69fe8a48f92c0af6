"""The model: for each piece of a letter, how much it speaks for each desk."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load as load_tensors

from letter_router import MODELS, tokenizer

WEIGHTS = MODELS / "letters" / "model.safetensors"
DESKS = ("orders", "invoices", "returns")


class Model:
    """Weights and the tokenizer that they belong to."""

    def __init__(self, weights: bytes) -> None:
        """Take the weights as they stand in a file of safetensors."""
        self.tokenizer = tokenizer.load()
        self.weights = load_tensors(weights)["weights"]  # one row for each piece, one column for each desk

    def desk(self, letter: str) -> str:
        """Return the desk that answers a letter."""
        pieces = self.tokenizer.encode(letter).ids
        return DESKS[int(np.argmax(self.weights[pieces].sum(axis=0)))]


def load(path: Path = WEIGHTS) -> Model:
    """Return the model that lies in the package."""
    return Model(path.read_bytes())
