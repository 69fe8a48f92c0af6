"""The tokenizer of the house: the words of our trade whole, everything else sign by sign."""

import re
from pathlib import Path

from transformers import PreTrainedTokenizer

PIECES = re.compile(r"[^\W\d_]+|\S")


class HouseTokenizer(PreTrainedTokenizer):
    """Looks pieces up in `vocab.txt`, one piece a line; a word that is not there is spelled letter by letter."""

    vocab_files_names = {"vocab_file": "vocab.txt"}  # noqa: RUF012 (transformers reads it as a class attribute)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def __init__(self, vocab_file: str, unk_token: str = "<unk>", **kwargs: object) -> None:
        """Read the vocabulary before the base class starts, for it asks for the vocabulary's size."""
        self.pieces = Path(vocab_file).read_text(encoding="utf-8").split()
        self.numbers = {piece: number for number, piece in enumerate(self.pieces)}
        super().__init__(unk_token=unk_token, **kwargs)

    @property
    def vocab_size(self) -> int:
        """The number of pieces."""
        return len(self.pieces)

    def get_vocab(self) -> dict[str, int]:
        """Return the number of each piece."""
        return {**self.numbers, **self.added_tokens_encoder}

    def _tokenize(self, text: str, **_: object) -> list[str]:
        found = PIECES.findall(text.lower())
        return [part for piece in found for part in ([piece] if piece in self.numbers else piece)]

    def _convert_token_to_id(self, token: str) -> int:
        return self.numbers.get(token, self.numbers[str(self.unk_token)])

    def _convert_id_to_token(self, index: int) -> str:
        return self.pieces[index]

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write the vocabulary where `save_pretrained` wants it."""
        target = Path(save_directory) / f"{filename_prefix + '-' if filename_prefix else ''}vocab.txt"
        target.write_text("\n".join(self.pieces) + "\n", encoding="utf-8")
        return (str(target),)
