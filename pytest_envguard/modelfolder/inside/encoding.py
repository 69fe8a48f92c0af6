"""Loading a tokenizer, and trying it: round trips and special tokens."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_envguard.modelfolder.inside.channel import MOST_TEXT, Absent, Channel, version
from pytest_envguard.modelfolder.inside.guard import Guard

_MOST_TOKENS = 2_000  # added tokens that are tried
_MOST_NAMES = 20
_MOST_CONFIG = 10_000_000  # characters


def load_tokenizer(channel: Channel, task: Mapping[str, Any]) -> Loaded:
    """Load the tokenizer as a user of transformers would."""
    if importlib.util.find_spec("transformers") is None:
        return _plain(channel, task)
    began = time.monotonic()
    Guard.loading = False  # importing a library is not reading the folder
    transformers: Any = importlib.import_module("transformers")
    auto = transformers.AutoTokenizer
    Guard.loading = True
    imported = time.monotonic() - began
    tokenizer = auto.from_pretrained(task["folder"], trust_remote_code=task["trusts"])
    if not hasattr(tokenizer, "encode"):
        raise TypeError(f"AutoTokenizer returned {tokenizer!r}")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    found = Loaded(tokenizer, backend, _normaliser(tokenizer, backend))
    channel.tell(
        "tokenizer",
        library=f"transformers {version(transformers)}",
        name=type(tokenizer).__name__,
        fast=bool(getattr(tokenizer, "is_fast", False)),
        own=type(tokenizer).__module__.startswith("transformers_modules"),
        size=len(tokenizer),
        import_seconds=imported,
        normalises=found.normalise is not None,
        declares=backend is not None,
        embeddings=_config_size(task["folder"]),
    )
    return found


def _plain(channel: Channel, task: Mapping[str, Any]) -> Loaded:
    """Without transformers, `tokenizers` alone can read the one file of its own."""
    file = os.path.join(task["folder"], "tokenizer.json")
    if importlib.util.find_spec("tokenizers") is None or not os.path.exists(file):
        raise Absent("transformers")
    tokenizers: Any = importlib.import_module("tokenizers")
    raw = tokenizers.Tokenizer.from_file(file)
    raw.no_truncation()
    raw.no_padding()
    found = Loaded(Raw(raw), raw, _normaliser(None, raw))
    channel.tell(
        "tokenizer",
        library=f"tokenizers {version(tokenizers)}",
        name="Tokenizer",
        fast=True,
        own=False,
        size=raw.get_vocab_size(),
        import_seconds=0.0,
        normalises=found.normalise is not None,
        declares=True,
        embeddings=_config_size(task["folder"]),
    )
    return found


class Raw:
    """A tokenizer of `tokenizers`, asked as one of transformers' is."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.unk_token_id = raw.token_to_id(getattr(raw.model, "unk_token", None) or "")
        self.special_tokens_map: dict[str, str] = {}
        self.added_tokens_decoder = raw.get_added_tokens_decoder() if hasattr(raw, "get_added_tokens_decoder") else {}

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Return its numbers."""
        ids: list[int] = self.raw.encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def decode(self, ids: list[int], **_options: object) -> str:
        """Return the text; there is no clean-up."""
        return str(self.raw.decode(ids, skip_special_tokens=False))

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """Return the tokens by their numbers."""
        return [self.raw.id_to_token(one) for one in ids]

    def convert_tokens_to_ids(self, token: str) -> int | None:
        """Return a token's number, None if there is no such token."""
        found: int | None = self.raw.token_to_id(token)
        return found


class Loaded:
    """A tokenizer, and what it makes of a text before it cuts it.

    Attributes:
        tokenizer: As transformers gives it.
        backend: The tokenizer of `tokenizers` that does its work; None for one in Python.
        normalise: Text to its normal form; None where there is none, or nobody says which.
    """

    def __init__(self, tokenizer: Any, backend: Any, normalise: Callable[[str], str] | None) -> None:
        self.tokenizer = tokenizer
        self.backend = backend
        self.normalise = normalise


def _normaliser(tokenizer: Any, backend: Any) -> Callable[[str], str] | None:
    if backend is not None:
        normaliser = getattr(backend, "normalizer", None)
        return None if normaliser is None else lambda text: str(normaliser.normalize_str(text))
    model: Any = getattr(tokenizer, "sp_model", None)
    if hasattr(model, "normalize"):  # sentencepiece 0.2
        return lambda text: str(model.normalize(text))
    return None


def read_config(folder: str) -> dict[str, Any]:
    """Return the configuration, empty where it can't be read: that was said before."""
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = json.loads(file.read(_MOST_CONFIG))
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _config_size(folder: str) -> int | None:
    """Return how many tokens the configuration makes room for, None if it doesn't say."""
    config = read_config(folder)
    for part in (config, config.get("text_config")):
        if isinstance(part, dict) and isinstance(part.get("vocab_size"), int):
            return int(part["vocab_size"])
    return None


def try_texts(channel: Channel, loaded: Loaded, texts: Iterable[tuple[str, str]]) -> None:
    """Encode and decode each text, and tell what became of it."""
    unknown = getattr(loaded.tokenizer, "unk_token_id", None)
    for name, text in texts:
        channel.tell("begins", stage=f"text `{name}`")
        try:
            channel.tell("text", name=name, **_round_trip(loaded, text, unknown))
        except Exception as error:  # noqa: BLE001  # a tokenizer in Python may raise anything
            channel.tell("text", name=name, failed=f"{type(error).__name__}: {error}"[:MOST_TEXT])


def _round_trip(loaded: Loaded, text: str, unknown: int | None) -> dict[str, Any]:
    tokenizer = loaded.tokenizer
    ids = list(tokenizer.encode(text, add_special_tokens=False))
    decoded = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return {
        "tokens": len(ids),
        "unknown": ids.count(unknown) if unknown is not None else 0,
        "largest": max(ids, default=-1),
        "decoded": decoded[:MOST_TEXT],
        "cleaned": tokenizer.decode(ids) != decoded,
        "normal": loaded.normalise(text)[:MOST_TEXT] if loaded.normalise else None,
    }


def try_special_tokens(channel: Channel, loaded: Loaded) -> None:
    """Look whether added tokens are recognised in a text, and special ones are in the vocabulary."""
    tokenizer = loaded.tokenizer
    added = getattr(tokenizer, "added_tokens_decoder", None)
    if added is None:  # transformers before 4.34
        special = set(getattr(tokenizer, "all_special_tokens", ()))
        rows = [(one, text, text in special) for text, one in tokenizer.get_added_vocab().items()]
    else:
        rows = [(one, str(token.content), bool(token.special)) for one, token in added.items()]
    for one, text, is_special in rows[:_MOST_TOKENS]:
        ids = list(tokenizer.encode(text, add_special_tokens=False)) if text else [one]
        if one not in ids:
            channel.tell("split", token=text, special=is_special, id=one, pieces=len(ids))
    unknown = getattr(tokenizer, "unk_token_id", None)
    named = getattr(tokenizer, "special_tokens_map", {})
    for name, tokens in named.items():
        for token in tokens if isinstance(tokens, (list, tuple)) else [tokens]:
            one = tokenizer.convert_tokens_to_ids(str(token))
            if one is None or (one == unknown and str(token) != str(named.get("unk_token"))):
                channel.tell("unknown token", name=name, token=str(token))
    around = list(tokenizer.encode(""))
    channel.tell(
        "added",
        tokens=len(rows),
        largest=max((one for one, _, _ in rows), default=-1),
        around=[str(token) for token in tokenizer.convert_ids_to_tokens(around)][:_MOST_NAMES],
    )
