"""Other readings of the same folder, which should cut a text the same way."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_envguard.modelfolder.inside.channel import Channel, version
from pytest_envguard.modelfolder.inside.encoding import Loaded, Raw


def compare(channel: Channel, loaded: Loaded, task: Mapping[str, Any]) -> None:
    """Compare with every other reading of the same folder: transformers' slow one, and the files by themselves."""
    tokenizer, folder = loaded.tokenizer, task["folder"]
    if isinstance(tokenizer, Raw):
        return
    file = os.path.join(folder, "tokenizer.json")
    if loaded.backend is not None and os.path.exists(file):
        tokenizers: Any = importlib.import_module("tokenizers")
        raw = tokenizers.Tokenizer.from_file(file)
        raw.no_truncation()
        raw.no_padding()
        _compare(channel, loaded, task, "tokenizer.json", lambda text: raw.encode(text, add_special_tokens=False).ids)
    slow = _slow(tokenizer, task)
    if slow is not None:
        name = type(slow).__name__
        _compare(channel, loaded, task, name, lambda text: list(slow.encode(text, add_special_tokens=False)))
        return
    model = next((name for name in task["sentencepiece"] if os.path.exists(os.path.join(folder, name))), None)
    if model and loaded.backend is not None and importlib.util.find_spec("sentencepiece") is not None:
        _compare_pieces(channel, loaded, task, model)


def _slow(tokenizer: Any, task: Mapping[str, Any]) -> Any:
    """Return transformers' tokenizer in Python for the same folder; None where there is none (from 5.0 on)."""
    if not getattr(tokenizer, "is_fast", False):
        return None
    transformers: Any = importlib.import_module("transformers")
    if int(version(transformers).partition(".")[0] or 0) >= 5:
        return None
    try:
        slow = transformers.AutoTokenizer.from_pretrained(
            task["folder"], use_fast=False, trust_remote_code=task["trusts"]
        )
    except Exception:  # noqa: BLE001  # its files aren't there: then there is nothing to agree with
        return None
    return None if getattr(slow, "is_fast", True) else slow


def _compare(
    channel: Channel, loaded: Loaded, task: Mapping[str, Any], other: str, encode: Callable[[str], list[int]]
) -> None:
    channel.tell("begins", stage=f"agreement with {other}")
    differing = []
    for name, text in task["texts"]:
        try:
            ids = list(loaded.tokenizer.encode(text, add_special_tokens=False))
            if ids != list(encode(text)):
                differing.append(name)
        except Exception:  # noqa: BLE001, S112  # of this text something was told already
            continue
    channel.tell("agreement", other=other, texts=len(task["texts"]), differing=differing)


def _compare_pieces(channel: Channel, loaded: Loaded, task: Mapping[str, Any], file: str) -> None:
    """SentencePiece's own numbers may be moved (XLM-R), so that only the pieces can be compared."""
    library: Any = importlib.import_module("sentencepiece")
    model = library.SentencePieceProcessor(model_file=os.path.join(task["folder"], file))
    known = loaded.tokenizer.get_vocab()
    pieces = [model.id_to_piece(one) for one in range(min(model.get_piece_size(), 1000))]
    if sum(piece in known for piece in pieces) < len(pieces) // 2:
        return  # of another vocabulary: byte-level, say
    unknown = getattr(loaded.tokenizer, "unk_token", None)

    def cut(tokens: Iterable[str]) -> list[str]:
        # What is unknown is one piece with its text to one of them, and the same for all to the other.
        return [token if token in known and token != unknown else "" for token in tokens]

    channel.tell("begins", stage=f"agreement with {file}")
    differing = []
    for name, text in task["texts"]:
        ids = loaded.tokenizer.encode(text, add_special_tokens=False)
        tokens = [str(token) for token in loaded.tokenizer.convert_ids_to_tokens(ids)]
        if cut(tokens) != cut(model.encode(text, out_type=str)):
            differing.append(name)
    channel.tell("agreement", other=file, texts=len(task["texts"]), differing=differing)
