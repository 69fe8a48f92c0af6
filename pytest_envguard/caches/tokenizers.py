"""Whether a model's tokenizer can be tried: there is one, and it is no code of the model's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_envguard.caches.hub import HUB, snapshot_folder
from pytest_envguard.caches.seeding import Model

_MOST = 16 << 20  # bytes of a JSON file that is read
# What AutoTokenizer can begin with (transformers, tokenization_auto.py and the vocabularies of its classes).
_FILES = frozenset(
    (
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model",
        "sentencepiece.bpe.model", "tekken.json",
    )
)  # fmt: skip


def why_not_loaded(model: Model) -> str:
    """Return why transformers is not asked to load the tokenizer of ``model``, "" if it is."""
    paths = {entry.path for entry in model.snapshot.entries}
    if not paths & _FILES:
        return "the model has no files of a tokenizer"
    snapshot = snapshot_folder(model.home / HUB, model.snapshot)
    for name in ("tokenizer_config.json", "config.json"):
        if "AutoTokenizer" in _table(_table(_document(snapshot / name)).get("auto_map")):
            return "it is code of the model's own (auto_map), which is not run here"
    return ""


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes()) if file.stat().st_size <= _MOST else None
    except (OSError, ValueError, RecursionError):
        return None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
