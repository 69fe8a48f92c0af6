"""Loading a model, and running it once."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_envguard.modelfolder.inside.channel import Absent, Channel, version
from pytest_envguard.modelfolder.inside.encoding import Loaded, read_config
from pytest_envguard.modelfolder.inside.guard import Guard

_MOST_NAMES = 20


def load_model(channel: Channel, task: Mapping[str, Any]) -> Any:
    """Load the model by the class that its configuration names, from safetensors alone unless the task says otherwise."""
    Guard.loading = False
    for package in ("transformers", "torch"):
        if importlib.util.find_spec(package) is None:
            raise Absent(package)
        importlib.import_module(package)
    transformers: Any = sys.modules["transformers"]
    loader, name = _model_class(transformers, task)
    Guard.loading = True
    options = {} if task["unpickles"] else {"use_safetensors": True}
    model, info = loader.from_pretrained(
        task["folder"], trust_remote_code=task["trusts"], output_loading_info=True, **options
    )
    model.eval()
    embeddings: Any = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    channel.tell(
        "model",
        name=type(model).__name__,
        asked=name,
        library=f"torch {version(sys.modules['torch'])}",
        parameters=sum(one.numel() for one in model.parameters()),
        dtype=str(getattr(model, "dtype", "")),
        embeddings=int(embeddings.weight.shape[0]) if hasattr(embeddings, "weight") else None,
        **{key: _names(info.get(f"{key}_keys", ())) for key in ("missing", "unexpected", "mismatched")},
    )
    return model


def _model_class(transformers: Any, task: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the class that the configuration names, or the automatic one that leads to the folder's own."""
    name = next(iter(task["architectures"]), "")
    own = read_config(task["folder"]).get("auto_map")
    if task["trusts"] and isinstance(own, dict):
        keys = [key for key, reference in own.items() if key.startswith("AutoModel")]
        fitting = [key for key in keys if name and str(own[key]).endswith(f".{name}")] or keys
        if fitting and hasattr(transformers, fitting[0]):
            return getattr(transformers, fitting[0]), name
    if name and name.isidentifier() and hasattr(transformers, name):
        found = getattr(transformers, name)
        if hasattr(found, "from_pretrained"):
            return found, name
    return transformers.AutoModel, name


def _names(keys: Iterable[Any]) -> list[str]:
    found = sorted(str(key[0] if isinstance(key, tuple) else key) for key in keys)
    return [*found[:_MOST_NAMES], *([f"and {len(found) - _MOST_NAMES} more"] if len(found) > _MOST_NAMES else [])]


def run_forward(channel: Channel, model: Any, loaded: Loaded | None) -> None:
    """Run the model on a short text and tell what numbers came of it."""
    torch: Any = sys.modules["torch"]
    if getattr(model, "main_input_name", "input_ids") != "input_ids":
        channel.tell("forward", skipped=f"it takes {model.main_input_name}, not text")
        return
    ids = list(loaded.tokenizer.encode("The quick brown fox jumps over the lazy dog")) if loaded else []
    room = getattr(model.config, "vocab_size", None)
    ids = [one for one in ids if not isinstance(room, int) or one < room][:64] or [0, 1]
    given = {"input_ids": torch.tensor([ids])}
    given["attention_mask"] = torch.ones_like(given["input_ids"])
    if getattr(model.config, "is_encoder_decoder", False):
        given["decoder_input_ids"] = given["input_ids"][:, :1]
    with torch.no_grad():
        output = model(**given)
    channel.tell("forward", outputs=[_look(torch, name, tensor) for name, tensor in _tensors(torch, output)])


def _tensors(torch: Any, output: Any) -> list[tuple[str, Any]]:
    rows = (
        output.items()
        if hasattr(output, "items")
        else enumerate(output)
        if isinstance(output, tuple)
        else [("", output)]
    )
    return [(str(name), one) for name, one in rows if isinstance(one, torch.Tensor) and one.is_floating_point()]


def _look(torch: Any, name: str, tensor: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(tensor.shape),
        "nan": int(torch.isnan(tensor).sum()),
        "infinite": int(torch.isinf(tensor).sum()),
        "zero": bool(tensor.numel()) and not bool(torch.count_nonzero(tensor)),
        "numbers": tensor.numel(),
    }
