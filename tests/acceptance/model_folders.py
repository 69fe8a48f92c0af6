"""Makes model folders with real tokenizers: ``python model_folders.py FOLDER``, by an interpreter that has them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "pack my box with five dozen liquor jugs",
    "我们正在测试中文分词",
    "Größere Übermaße",
] * 50
SIZES = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 64}
OWN = """
import socket
open({marker!r}, "a").close() if {writes} else None
try:
    socket.getaddrinfo("own-code.example", 443)
except OSError:
    pass
from transformers import PreTrainedTokenizerFast


class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""


def main(root: Path) -> None:
    """Make all of them in ``root``."""
    root.mkdir(exist_ok=True)
    make_bpe(root)
    make_losing(root)
    make_large(root)
    make_sentencepiece(root / "agreeing", normalization_rule_name="identity", remove_extra_whitespaces=False)
    make_sentencepiece(root / "disagreeing")
    make_own_code(root)
    make_hostile(root)


def write(folder: Path, name: str, value: object) -> None:
    """Write a JSON file."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(value))


def save(folder: Path, tokenizer: Tokenizer, kind: str, room: int = 0, **settings: object) -> Path:
    """Write a tokenizer and what belongs to it."""
    settings.setdefault("clean_up_tokenization_spaces", False)
    write(folder, "tokenizer_config.json", {"tokenizer_class": kind, **settings})
    write(folder, "config.json", {"model_type": "gpt2", "vocab_size": room or tokenizer.get_vocab_size(), **SIZES})
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def byte_level() -> Tokenizer:
    """A tokenizer that loses nothing."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def make_bpe(root: Path) -> None:
    """Byte-level, with the files of the slow tokenizer as well."""
    tokenizer = byte_level()
    folder = save(
        root / "bpe", tokenizer, "GPT2Tokenizer", **dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<|end|>")
    )
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    write(folder, "vocab.json", model["vocab"])
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")


def make_losing(root: Path) -> None:
    """Letters of the training texts alone, no token for others: they are dropped without a word."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=200, show_progress=False))
    save(root / "losing", tokenizer, "PreTrainedTokenizerFast")


def make_large(root: Path) -> None:
    """More tokens than the model has room for, and one that isn't cut as a whole."""
    save(root / "large", byte_level(), "PreTrainedTokenizerFast", room=100, eos_token="<|end|>")


def make_sentencepiece(folder: Path, **options: object) -> None:
    """SentencePiece's model alone, of the kind that Llama has; by default it normalises, which Llama's class doesn't."""
    write(
        folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": False}
    )
    write(folder, "config.json", {"model_type": "llama", "vocab_size": 600})
    texts = folder / "texts.txt"
    texts.write_text("\n".join(TEXTS))
    sentencepiece.SentencePieceTrainer.train(
        input=str(texts),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=500,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    texts.unlink()
    (folder / "tokenizer.vocab").unlink()


def make_own_code(root: Path) -> None:
    """A tokenizer with a class of its own, whose code asks for a host; another leaves a mark when it's executed."""
    for name, writes in (("own", False), ("marking", True)):
        auto_map = {"AutoTokenizer": [None, "tokenization_own.OwnTokenizer"]}
        folder = save(root / name, byte_level(), "OwnTokenizer", auto_map=auto_map)
        source = OWN.format(marker=str(root / "executed"), writes=writes)
        (folder / "tokenization_own.py").write_text(source)


def make_hostile(root: Path) -> None:
    """Modules with names of those that transformers imports."""
    folder = save(root / "hostile", byte_level(), "PreTrainedTokenizerFast")
    for name in ("tokenizers", "transformers", "numpy", "regex", "yaml"):
        (folder / f"{name}.py").write_text(f"open({str(root / 'executed')!r}, 'a').close()\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
