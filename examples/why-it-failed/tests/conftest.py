"""What tests leave in LiteLLM's own folder is taken away, or each release of it would be tested once only."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest


def downloaded() -> set[Path]:
    """Return the encodings in LiteLLM's folder that are none of its own files."""
    try:
        own = {Path(file.locate()) for file in files("litellm") or () if file.parent.name == "tokenizers"}
    except PackageNotFoundError:
        return set()
    folders = {file.parent for file in own if file.name == "__init__.py"}
    return {file for folder in folders for file in folder.glob("[0-9a-f]" * 40)} - own


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Take away what this test has downloaded."""
    before = downloaded()
    yield
    for file in downloaded() - before:
        file.unlink()
