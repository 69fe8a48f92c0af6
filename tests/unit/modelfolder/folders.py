"""Model folders made by hand: as small as a good one can be, to be spoiled by one thing each."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from pytest_envguard.model.modelfolder import Contents, FolderFinding, Reader
from pytest_envguard.modelfolder.static import inspect

CONFIG = {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 10}
TOKENIZER = {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"a": 0, "b": 9}, "merges": []}}
READER = Reader("container", 4711, 4712)


def good(folder: Path) -> Path:
    """Make a folder with nothing wrong, that anybody may read."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    write(folder, "config.json", CONFIG)
    write(folder, "tokenizer.json", TOKENIZER)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "name_or_path": "acme/tiny"})
    tensors(folder / "model.safetensors", {"a": ("F32", [2], 8), "b": ("F4", [4], 2)})
    (folder / "README.md").write_text("---\nlicense: mit\ntags:\n- a\n---\n# Tiny: a model\n")
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def write(folder: Path, name: str, value: Any) -> Path:
    """Write JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def header(tensors: dict[str, Any]) -> bytes:
    """Return the beginning of a safetensors file."""
    raw = json.dumps(tensors).encode()
    return struct.pack("<Q", len(raw)) + raw


def tensors(path: Path, entries: dict[str, tuple[str, list[int], int]], *, lost: int = 0, metadata: Any = "pt") -> None:
    """Write a safetensors file of zeros, sparse; ``lost`` bytes are missing at its end."""
    end = 0
    described: dict[str, Any] = {} if metadata is None else {"__metadata__": {"format": metadata}}
    for name, (kind, shape, size) in entries.items():
        described[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    start = header(described)
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(len(start) + end - lost)


def sharded(folder: Path) -> Path:
    """Turn a good folder's weights into two shards and their index."""
    good(folder)
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    tensors(folder / names[0], {"a": ("F32", [2], 8)})
    tensors(folder / names[1], {"b": ("I8", [3], 3)})
    write(folder, "model.safetensors.index.json", {"metadata": {}, "weight_map": {"a": names[0], "b": names[1]}})
    return folder


def found(folder: Path, **asked: Any) -> dict[str, FolderFinding]:
    """Return what is found, by kind, of errors and warnings."""
    return {one.kind: one for one in inspect(folder, **asked).findings if one.severity != "note"}


def notes(contents: Contents) -> dict[str, FolderFinding]:
    """Return the notes among what was found, by kind."""
    return {one.kind: one for one in contents.findings if one.severity == "note"}
