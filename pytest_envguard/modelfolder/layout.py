"""What kind of folder it is, and whether what that kind needs is where loaders look for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading, tokenizing
from pytest_envguard.modelfolder.configuration import ADAPTER_CONFIG, CONFIG, architectures
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.wording import error, listed, note, shown, warning

TRANSFORMERS, SENTENCE, DIFFUSERS, ADAPTER = "transformers", "sentence-transformers", "diffusers", "adapter"
CACHE = "cache"  # a whole hub cache, or a repository in one: what is loaded is further down
_MODULES, _PIPELINE = "modules.json", "model_index.json"
_MOST_MODULES = 50
_MOST_PARTS = 200

#: Names that from_pretrained looks for (transformers 5.23.0, utils/__init__.py).
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_FORMATS = {
    "safetensors": (".safetensors",),
    "pytorch": (".bin", ".pt", ".pth", ".ckpt"),
    "onnx": (".onnx",),
    "gguf": (".gguf",),
    "tensorflow": (".h5",),
    "flax": (".msgpack",),
}
_NO_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "optimizer.bin", "scheduler.bin")
#: Modules of sentence-transformers that can't be made without their files (6.2.0, base/modules and sentence_transformer/modules).
_WITH_CONFIG = ("Pooling", "Dense", "LayerNorm", "WeightedLayerPooling", "LSTM", "CNN")
_WITH_WEIGHTS = ("Dense", "LayerNorm")
_OWN_CONFIG = {"LSTM": "lstm_config.json", "CNN": "cnn_config.json"}


class Layout(NamedTuple):
    """What kind of folder it is.

    Attributes:
        kind: One of the kinds above.
        base: Where transformers reads from, relative to the folder.
    """

    kind: str
    base: str = ""


def layout_of(opened: Opened) -> Layout:
    """Return what kind of folder it is, by the file that each library looks for first."""
    if _snapshots(opened):
        return Layout(CACHE)
    modules = _modules(opened)
    if modules:
        first = next((one["path"] for one in modules if one["type"].endswith(".Transformer")), "")
        return Layout(SENTENCE, os.path.normpath(first) if first and not _leaves(first) else "")
    if opened.file(_PIPELINE) is not None:
        return Layout(DIFFUSERS)
    if opened.file(ADAPTER_CONFIG) is not None and opened.file(CONFIG) is None:
        return Layout(ADAPTER)
    return Layout(TRANSFORMERS)


def _snapshots(opened: Opened) -> list[str]:
    """Return the snapshots in a hub cache, the folders that can be loaded."""
    if opened.file(CONFIG) is not None:
        return []
    found = []
    for entry in opened.tree.entries:
        parts = entry.path.split(os.sep)
        at = parts.index("snapshots") if "snapshots" in parts else -1
        inside = at == 0 or (at > 0 and parts[at - 1].startswith("models--"))
        if inside and entry.kind == reading.FOLDER and len(parts) == at + 2:
            found.append(entry.path)
    return found


def _modules(opened: Opened) -> list[dict[str, Any]]:
    found = opened.json(_MODULES).value
    if not isinstance(found, list):
        return []
    texts = [
        one
        for one in found[:_MOST_MODULES]
        if isinstance(one, dict) and isinstance(one.get("path"), str) and isinstance(one.get("type"), str)
    ]
    return texts if len(texts) == len(found) else []


def _leaves(path: str) -> bool:
    return os.path.isabs(path) or os.path.normpath(path).startswith("..")


def formats_of(opened: Opened) -> tuple[str, ...]:
    """Return the formats of weights in the folder."""
    names = [one.path for one in opened.files() if os.path.basename(one.path) not in _NO_WEIGHTS]
    return tuple(
        kind
        for kind, ends in _FORMATS.items()
        if any(name.endswith(ends) and name not in opened.rotten for name in names)
    )


def has_weights(opened: Opened, base: str) -> bool:
    """Return whether there is anything directly in ``base`` that from_pretrained takes as weights."""
    own = opened.json(os.path.join(base, CONFIG)).object().get("transformers_weights")
    names = (*_WEIGHTS, own) if isinstance(own, str) else _WEIGHTS
    return any(opened.named(os.path.join(base, name)) for name in names)


def findings(opened: Opened, layout: Layout) -> Iterator[FolderFinding]:
    """Check that what the kind of folder needs is there."""
    if layout.kind == CACHE:
        yield _cache(opened)
    elif layout.kind == DIFFUSERS:
        yield from _pipeline(opened)
    elif layout.kind == ADAPTER:
        yield from _adapter(opened)
    else:
        if layout.kind == SENTENCE:
            yield from _sentence(opened)
        yield from _model(opened, layout.base)


def _cache(opened: Opened) -> FolderFinding:
    found = _snapshots(opened)
    return error(
        "cache-folder",
        found[0],
        f"it is part of a hub cache, and the model is in {listed(found)}",
        "from_pretrained finds no config.json at the root of a cache",
        f"give it {shown(found[0])}, or set HF_HUB_CACHE and load by the repository's name",
    )


def _model(opened: Opened, base: str) -> Iterator[FolderFinding]:
    weights = has_weights(opened, base)
    kinds = tokenizing.kinds_of(opened, base)
    config = os.path.join(base, CONFIG)
    others = formats_of(opened)
    if opened.file(config) is None and not opened.named(config):
        yield from _no_config(opened, base, config, weights=weights, known=bool(kinds))
    elif not weights and not _shards(opened, base):
        yield from _no_weights(opened, base, others)
    for entry in opened.files():
        if entry.path.endswith(".gguf") and entry.path not in opened.rotten:
            yield from _gguf(opened, entry.path)


def _no_config(opened: Opened, base: str, config: str, *, weights: bool, known: bool) -> Iterator[FolderFinding]:
    there = [path for path in opened.elsewhere(CONFIG, base) if _is_model(opened, path)]
    if weights or there:
        yield error(
            "missing-config",
            config,
            "it isn't there" + (f", but at {listed(there)}" if there else ""),
            "from_pretrained reads it first, at the root of the folder",
            f"give it {shown(os.path.dirname(there[0]))}, or move what is in there to the root" if there else "copy it",
        )
    elif known:
        yield note("tokenizer-only", base, "it has a tokenizer and no model", "AutoModel can't load anything from it")
    elif not formats_of(opened):
        yield error(
            "not-a-model",
            base,
            "it has no config.json, no weights and no tokenizer" if opened.tree.entries else "it is empty",
            "nothing can be loaded from it",
            "give it the folder that save_pretrained wrote, or a snapshot of a hub cache",
        )
    else:
        yield note(
            "no-config", base, f"it has no {CONFIG}, only {listed(formats_of(opened))}", "transformers can't load it"
        )


def _is_model(opened: Opened, path: str) -> bool:
    """Tell a model's config.json from that of a module of sentence-transformers or of something else."""
    found = opened.json(path).object()
    return "model_type" in found or "architectures" in found


def _shards(opened: Opened, base: str) -> bool:
    """Return whether there are shards, of which more is said where their index is looked for."""
    return any("-of-" in entry.path and entry.path.endswith(".safetensors") for entry in opened.at_root(base))


def _no_weights(opened: Opened, base: str, others: tuple[str, ...]) -> Iterator[FolderFinding]:
    there = sorted(path for name in _WEIGHTS for path in opened.elsewhere(name, base))
    there = [path for path in there if opened.file(os.path.join(os.path.dirname(path), CONFIG)) is None]
    here = [one.path for one in opened.at_root(base) if one.path.endswith((".safetensors", ".bin", ".pt", ".pth"))]
    named = [path for path in here if os.path.basename(path) not in _NO_WEIGHTS]
    where = os.path.join(base, _WEIGHTS[0])
    if there:
        yield error(
            "missing-weights",
            where,
            f"there are no weights at the root, but at {listed(there)}",
            "from_pretrained looks at the root only",
            "move them to the root of the folder",
        )
    elif named:
        yield warning(
            "misnamed-weights",
            named[0],
            f"there are weights, {listed(named)}, and none with a name that from_pretrained looks for",
            f'it looks for {", ".join(_WEIGHTS)}; model.NAME.safetensors only with variant="NAME"',
            "name it model.safetensors if transformers is to load it",
        )
    elif others:
        yield note(
            "other-weights",
            base,
            f"its weights are {listed(others)}",
            "AutoModel.from_pretrained doesn't load them by itself",
        )
    elif architectures(opened, base):
        yield error(
            "missing-weights",
            where,
            f"{CONFIG} names {listed(architectures(opened, base))}, and there are no weights",
            "AutoModel.from_pretrained fails; tokenizer and configuration can be loaded",
            "copy the weights too: model.safetensors, or all shards and their index",
        )
    else:
        yield note(
            "no-weights",
            base,
            "it has no weights",
            "AutoModel.from_pretrained fails; AutoTokenizer and AutoConfig don't",
        )


def _gguf(opened: Opened, path: str) -> Iterator[FolderFinding]:
    try:
        magic = reading.beginning(opened.absolute(path), 4)
    except OSError:
        return
    if magic != b"GGUF":
        yield error("bad-weights", path, "it doesn't begin as a GGUF file", "no loader takes it", "download it again")


def _sentence(opened: Opened) -> Iterator[FolderFinding]:
    for module in _modules(opened):
        path, kind = module["path"], module["type"].rpartition(".")[2]
        if _leaves(path):
            what = f"it names the module folder {shown(path)}, which leaves the folder"
            yield error("bad-config", _MODULES, what, "sentence-transformers refuses it", "write a path in the folder")
            continue
        if not module["type"].startswith("sentence_transformers."):
            yield warning(
                "custom-code",
                _MODULES,
                f"it names a class of its own, {shown(module['type'])}",
                "sentence-transformers imports it, from the folder only with trust_remote_code=True",
                "read the code, then pass trust_remote_code=True",
            )
        yield from _of_module(opened, path, kind, module["type"])


def _of_module(opened: Opened, path: str, kind: str, name: str) -> Iterator[FolderFinding]:
    if kind not in _WITH_CONFIG or not name.startswith("sentence_transformers."):
        return
    config = os.path.normpath(os.path.join(path, _OWN_CONFIG.get(kind, CONFIG)))
    needed = [config] if opened.file(config) is None else []
    weights = [os.path.normpath(os.path.join(path, one)) for one in ("model.safetensors", "pytorch_model.bin")]
    if kind in _WITH_WEIGHTS and not any(opened.file(one) for one in weights):
        needed.append(weights[0])
    for one in needed:
        yield error(
            "missing-module",
            one,
            f"{_MODULES} names the module {shown(path)} ({kind}), and this file isn't there",
            "SentenceTransformer can't make the module without it",
            "copy the module's folder too",
        )


def _pipeline(opened: Opened) -> Iterator[FolderFinding]:
    for name, value in islice(sorted(opened.json(_PIPELINE).object().items()), _MOST_PARTS):
        if name.startswith("_") or not isinstance(value, list) or len(value) != 2 or not all(value):
            continue
        if not opened.has_folder(name):
            yield error(
                "missing-module",
                name,
                f"{_PIPELINE} names the part {shown(name)} ({shown(str(value[1]), 80)}), and its folder isn't there",
                "diffusers can't make the pipeline without it",
                "copy that folder too",
            )


def _adapter(opened: Opened) -> Iterator[FolderFinding]:
    names = ("adapter_model.safetensors", "adapter_model.bin")
    if not any(opened.named(name) for name in names):
        yield error(
            "missing-weights",
            names[0],
            f"there is {ADAPTER_CONFIG}, and no weights of an adapter at the root",
            "peft can't load it",
            "copy adapter_model.safetensors beside it",
        )
