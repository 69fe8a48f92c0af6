"""A project and a library to fail in."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .failing import Load


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Import a module of a project that lies in `tmp_path`, or of a library in its site-packages."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(folder))
    loaded = []

    def load_module(name: str, source: str, *, library: bool = False) -> ModuleType:
        (folder if library else tmp_path).joinpath(f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        loaded.append(name)
        return importlib.import_module(name)

    yield load_module
    for name in loaded:
        sys.modules.pop(name, None)
