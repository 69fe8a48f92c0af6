"""Make the house's SentencePiece model from a few letters: `python -m prompt_budget.train`.

The result, house.model, is committed, so nobody has to run this.
"""

from __future__ import annotations

import io
from pathlib import Path

import sentencepiece

LETTERS = """\
Where is my order? It was sent on Monday and has not arrived.
The invoice is wrong, please send a new one.
I would like to send the order back and have my money again.
Could you please tell me when the shop is open on Sunday?
The lamp arrived broken. Please send another lamp, or my money.
My address has changed. Please send the order to the new address.
I have paid the invoice twice, please look at your books again.
Thank you for the quick answer, the order arrived on Tuesday.
""".splitlines()


def train() -> bytes:
    """Return a model of 120 pieces. ``identity`` leaves out the 240 KB of Unicode tables that a model else carries."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LETTERS),
        model_writer=model,
        vocab_size=120,
        model_type="bpe",
        normalization_rule_name="identity",
        minloglevel=2,
    )
    return model.getvalue()


if __name__ == "__main__":
    Path(__file__).with_name("house.model").write_bytes(train())
