"""The house's tokenizer: a SentencePiece model behind transformers' slow tokenizer, twice.

`HouseTokenizer` is written as many model folders of 2023 had it, in their own `tokenization_….py`. `MendedTokenizer`
differs in the order of two lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import sentencepiece
from transformers import PreTrainedTokenizer

MODEL = Path(__file__).with_name("house.model")  # made by train.py


def pieces(vocab_file: str) -> sentencepiece.SentencePieceProcessor:
    """Load a SentencePiece model."""
    processor = sentencepiece.SentencePieceProcessor()
    processor.Load(vocab_file)
    return processor


class _Pieces(PreTrainedTokenizer):
    """What a slow tokenizer has to say: all of it asks ``self.sp_model``."""

    vocab_files_names: ClassVar = {"vocab_file": MODEL.name}
    model_input_names: ClassVar = ["input_ids", "attention_mask"]

    @property
    def vocab_size(self) -> int:
        return self.sp_model.get_piece_size()

    def get_vocab(self) -> dict[str, int]:
        return {self._convert_id_to_token(number): number for number in range(self.vocab_size)}

    def _tokenize(self, text: str, **_: object) -> list[str]:
        return self.sp_model.encode(text, out_type=str)

    def _convert_token_to_id(self, token: str) -> int:
        return self.sp_model.piece_to_id(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self.sp_model.id_to_piece(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return self.sp_model.decode(tokens)


class HouseTokenizer(_Pieces):
    """As it was written: transformers first, then the model."""

    def __init__(self, vocab_file: str = str(MODEL), **others: object) -> None:
        super().__init__(unk_token="<unk>", bos_token="<s>", eos_token="</s>", **others)
        self.sp_model = pieces(vocab_file)


class MendedTokenizer(_Pieces):
    """The remedy: since 4.34 transformers asks for the vocabulary before its own ``__init__`` is through."""

    def __init__(self, vocab_file: str = str(MODEL), **others: object) -> None:
        self.sp_model = pieces(vocab_file)
        super().__init__(unk_token="<unk>", bos_token="<s>", eos_token="</s>", **others)
