"""What config.json and its like ask for: a known kind of model, code of its own, other repositories, paths of another machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.wording import error, note, shown, warning

CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
ADAPTER_CONFIG = "adapter_config.json"
_CONFIGS = (
    CONFIG,
    TOKENIZER_CONFIG,
    ADAPTER_CONFIG,
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "model_index.json",
)
_PATH = re.compile(r"(?:/[\w.@+~ -]+){2,}/?|[A-Za-z]:[\\/][^\n]+|~/[^\n]+")
_OF_PATHS = re.compile(r"path|file|dir|folder|cache|checkpoint|model|tokenizer|config|adapter|vocab", re.IGNORECASE)
_LONGEST_PATH = 4096
_MOST_PATHS = 20

#: Keys that loaders overwrite with where they found the folder, and some that nothing reads.
_WITHOUT_EFFECT = frozenset({"_name_or_path", "name_or_path", "special_tokens_map_file", "tokenizer_config_file"})
#: Arguments for a tokenizer's files: before 5 transformers took them from the configuration, not from the folder.
_OF_TOKENIZER = re.compile(r"(?:vocab|merges|tokenizer|spm|source_spm|target_spm|emoji|entity_vocab)(?:_file)?")


def architectures(opened: Opened, base: str = "") -> tuple[str, ...]:
    """Return the classes that ``config.json`` names."""
    found = opened.json(os.path.join(base, CONFIG)).object().get("architectures")
    return tuple(shown(one, 100) for one in found[:20] if isinstance(one, str)) if isinstance(found, list) else ()


def findings(opened: Opened, base: str = "") -> Iterator[FolderFinding]:
    """Check the configurations in ``base``."""
    yield from _of_config(opened, os.path.join(base, CONFIG))
    for name in (CONFIG, TOKENIZER_CONFIG):
        path = os.path.join(base, name)
        if opened.json(path).object().get("trust_remote_code") is not None:
            yield warning(
                "trust-in-config",
                path,
                '"trust_remote_code" in it has no effect',
                "transformers asks for the argument of from_pretrained; without a terminal it raises ValueError",
                "remove it, and pass trust_remote_code=True where the model is loaded",
            )
    for name in _CONFIGS:
        yield from _paths(opened, os.path.join(base, name))
    yield from _adapter(opened, os.path.join(base, ADAPTER_CONFIG))


def _of_config(opened: Opened, path: str) -> Iterator[FolderFinding]:
    found = opened.json(path)
    if opened.file(path) is None or found.problem is not None or path in opened.rotten:
        return
    if not isinstance(found.value, dict):
        yield error(
            "bad-config", path, "it is no JSON object", "transformers finds no model_type in it", "save it again"
        )
        return
    config = found.object()
    mapped = config.get("auto_map")
    if mapped is not None and not isinstance(mapped, dict):
        yield error("bad-config", path, "its auto_map is no object", "", 'write {"AutoModel": "module.Class", …}')
    kind = config.get("model_type")
    own = isinstance(mapped, dict) and "AutoConfig" in mapped
    if not isinstance(kind, str) and not own and not _is_timm(config):
        yield warning(
            "no-model-type",
            path,
            "it has no model_type" if kind is None else "its model_type is no text",
            "transformers 5 raises ValueError: Unrecognized model; 4.x guesses from the folder's name",
            'add "model_type", as the model\'s own class of configuration says',
        )
    elif not architectures(opened, os.path.dirname(path)) and not _is_timm(config):
        yield note(
            "no-architectures",
            path,
            "it names no architectures",
            "AutoModel doesn't need them; pipelines and servers such as vLLM choose the class by them",
        )


def _is_timm(config: dict[str, Any]) -> bool:
    """Return whether it's of timm, which has no model_type (transformers, configuration_utils.py)."""
    return "pretrained_cfg" in config or "architecture" in config


def _paths(opened: Opened, path: str) -> Iterator[FolderFinding]:
    """Look for paths of a machine; a document is bounded, and so is this."""
    said = 0
    for key, value in _texts(opened.json(path).value):
        if said < _MOST_PATHS and _is_path(key, value):
            said += 1
            yield _of_path(path, key, value)


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        key, one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend((str(name), below) for name, below in one.items())
        elif isinstance(one, list):
            waiting.extend((key, below) for below in one)
        elif isinstance(one, str):
            yield key, one


def _is_path(key: str, value: str) -> bool:
    return bool(len(value) <= _LONGEST_PATH and _OF_PATHS.search(key) and _PATH.fullmatch(value))


def _of_path(path: str, key: str, value: str) -> FolderFinding:
    what = f'"{shown(key, 80)}" is an absolute path, {shown(value)}'
    missing = not os.path.exists(os.path.expanduser(value))
    if key in _WITHOUT_EFFECT:
        return note("absolute-path", path, what, "it says where the folder once was; loading doesn't use it")
    if os.path.basename(path) == TOKENIZER_CONFIG and _OF_TOKENIZER.fullmatch(key):
        why = "transformers before 5 opens it instead of the folder's own file; 5 doesn't (tokenization_utils_base.py)"
        return warning("absolute-path", path, what, why, "remove the key: the file is found by its name")
    here = "it isn't there on this machine either" if missing else "it is there on this machine, and hardly elsewhere"
    return warning("absolute-path", path, what, here, "write a path relative to the folder, or remove it")


def _adapter(opened: Opened, path: str) -> Iterator[FolderFinding]:
    base = opened.json(path).object().get("base_model_name_or_path")
    if isinstance(base, str) and base and not _PATH.fullmatch(base):
        yield note(
            "other-repository",
            path,
            f"the adapter is for {shown(base)}, which isn't in the folder",
            "peft loads that model too: from a hub, or from a cache where there's no network",
            "carry it along, and set base_model_name_or_path to where it is",
        )
