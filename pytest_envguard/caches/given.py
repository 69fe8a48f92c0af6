"""The values of the fixtures `tiktoken_cache` and `hf_cache`: a folder is filled, and everything in this process looks into it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest

from pytest_envguard.caches.encodings import chosen, known
from pytest_envguard.caches.hub import HUB
from pytest_envguard.caches.seeding import seed_encodings, seed_model
from pytest_envguard.errors import EnvguardError

_TIKTOKEN_VARIABLES = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", "CUSTOM_TIKTOKEN_CACHE_DIR")
# Older names of the cache, which go before HF_HOME where they are read (transformers/utils/hub.py up to 4.57.6).
_OLDER = (
    "HUGGINGFACE_HUB_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE", "PYTORCH_TRANSFORMERS_CACHE", "TRANSFORMERS_CACHE",
)  # fmt: skip
# What the libraries keep of the variables, under these names, from when they are imported (huggingface_hub/constants.py
# of 0.16 to 2.4, transformers/utils/hub.py of 4.33 to 5.23, and modules that import them by name).
_HOMES = ("HF_HOME", "hf_cache_home")
_CACHES = ("HF_HUB_CACHE", "default_cache_path", *_OLDER)
_OFFLINE = ("HF_HUB_OFFLINE", "_is_offline_mode")
_LIBRARIES = ("datasets", "diffusers", "huggingface_hub", "peft", "sentence_transformers", "tokenizers", "transformers")
_Given = str | Path


def _quietly(_text: str) -> None:
    """Say nothing: pytest has the terminal."""


class TiktokenCache:
    """Fills a folder with encodings; see the fixture ``tiktoken_cache``."""

    def __init__(self, folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._root = root
        self._monkeypatch = monkeypatch

    def __repr__(self) -> str:
        return "tiktoken_cache"  # what an assertion that failed shows

    def __call__(self, *encodings: str, source: _Given | Sequence[_Given] = ()) -> Path:
        """Add encodings to the folder, and let tiktoken and litellm look into it until the test ends.

        Args:
            encodings: Names, or "all".
            source: Files, folders, packages or wheels to take them from; without any as `envguard seed tiktoken` does.

        Raises:
            EnvguardError: An encoding that doesn't exist, or a file that can't be had or isn't what tiktoken expects.
        """
        __tracebackhide__ = True
        given = [source] if isinstance(source, str | Path) else source
        try:
            self._fill(encodings, [_rooted(one, self._root) for one in given])
        except EnvguardError as error:
            raise error.with_traceback(None) from None  # the test's own line is all that a user needs
        for name in _TIKTOKEN_VARIABLES:
            self._monkeypatch.setenv(name, str(self._folder))
        registry = sys.modules.get("tiktoken.registry")
        if registry is not None:  # what was loaded before would not be loaded from here
            self._monkeypatch.setattr(registry, "ENCODINGS", {})
        return self._folder

    def _fill(self, encodings: Sequence[str], given: Sequence[str]) -> None:
        if not encodings:
            raise EnvguardError("`tiktoken_cache`: no encoding is named", 'for example `tiktoken_cache("cl100k_base")`')
        seed_encodings(chosen(encodings, known()), self._folder, given, _quietly)


class HfCache:
    """Fills a cache with models; see the fixture ``hf_cache``."""

    def __init__(self, home: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._home = home
        self._root = root
        self._monkeypatch = monkeypatch
        self._changed: list[tuple[ModuleType, str, Any]] = []
        self._before: dict[str, Any] = {}

    def __repr__(self) -> str:
        return "hf_cache"

    def __enter__(self) -> HfCache:  # noqa: PYI034  # `Self` is of 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Give the libraries back what they had, and to those that were imported meanwhile what they would have had."""
        self._give_back()
        if self._before:
            self._bring_back()

    def _give_back(self) -> None:
        while self._changed:
            setattr(*self._changed.pop())
        _forget_sessions()

    def _bring_back(self) -> None:
        """Mend what was imported meanwhile: what it made of the variables would lead into this test's folder for ever."""
        home, cache = str(self._home), str(self._home / HUB)
        for module in _libraries():
            for name, value in list(vars(module).items()):
                if isinstance(value, str) and value.startswith(cache):
                    setattr(module, name, self._before[_CACHES[0]] + value[len(cache) :])
                elif isinstance(value, str) and value.startswith(home):
                    setattr(module, name, self._before[_HOMES[0]] + value[len(home) :])
                elif name in _OFFLINE and value is True:
                    setattr(module, name, self._before[name])

    def __call__(
        self,
        name: str,
        *,
        folder: _Given | None = None,
        revision: str = "",
        include: str | Sequence[str] = (),
        copies: bool = False,
    ) -> Path:
        """Add a model to the cache, and let huggingface_hub and transformers look into it, offline, until the test ends.

        Args:
            name: Such as "org/name", as ``from_pretrained`` gets it.
            folder: With the model's files; None to download it, which fails where HF_HUB_OFFLINE was set before the test.
            revision: A branch, a tag or a commit; "" for ``main``.
            include: Patterns of paths; without any, all files.
            copies: Make no links.

        Returns:
            The folder that HF_HOME names.

        Raises:
            EnvguardError: A mistake in what was asked for, or the model can't be had.
        """
        __tracebackhide__ = True
        self._remember()
        self._give_back()  # or a second model could not be downloaded
        try:
            self._fill(name, folder, revision, [include] if isinstance(include, str) else include, copies=copies)
        except EnvguardError as error:
            raise error.with_traceback(None) from None
        self._set()
        return self._home

    def _fill(self, name: str, folder: _Given | None, revision: str, include: Sequence[str], *, copies: bool) -> None:
        if folder is None:
            seed_model(name, self._home, _quietly, revision=revision, include=include, copies=copies)
            return
        source = _rooted(folder, self._root)
        if not Path(source).is_dir():
            raise EnvguardError(f"`hf_cache`: {source} is no folder", f"relative folders begin at {self._root}")
        # Another folder under the same name is the next version of it.
        seed_model(
            source, self._home, _quietly, name=name, revision=revision, include=include, copies=copies, force=True
        )

    def _remember(self) -> None:
        """Import huggingface_hub while the variables are the test run's: it keeps what they are."""
        if self._before or find_spec("huggingface_hub") is None:
            return
        constants = importlib.import_module("huggingface_hub.constants")
        cache = getattr(constants, "HF_HUB_CACHE", None) or constants.HUGGINGFACE_HUB_CACHE
        self._before = {
            **dict.fromkeys(_HOMES, constants.HF_HOME),
            **dict.fromkeys(_CACHES, cache),
            **dict.fromkeys(_OFFLINE, constants.HF_HUB_OFFLINE),
        }

    def _set(self) -> None:
        self._monkeypatch.setenv("HF_HOME", str(self._home))
        self._monkeypatch.setenv("HF_HUB_CACHE", str(self._home / HUB))
        self._monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        self._monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
        for name in _OLDER:
            self._monkeypatch.delenv(name, raising=False)
        for module, name, value in self._constants():
            if vars(module)[name] != value:
                self._changed.append((module, name, vars(module)[name]))
                setattr(module, name, value)
        _forget_sessions()

    def _constants(self) -> Iterator[tuple[ModuleType, str, object]]:
        """Return every place where a library keeps one of the variables, with what it's to be."""
        cache = str(self._home / HUB)
        values: dict[str, object] = {
            **dict.fromkeys(_HOMES, str(self._home)),
            **dict.fromkeys(_CACHES, cache),
            **dict.fromkeys(_OFFLINE, True),
        }
        for module in _libraries():
            yield from ((module, key, value) for key, value in values.items() if _keeps(module, key))


def _libraries() -> list[ModuleType]:
    modules = list(sys.modules.items())
    return [
        module for name, module in modules if name.partition(".")[0] in _LIBRARIES and isinstance(module, ModuleType)
    ]


def _keeps(module: ModuleType, name: str) -> bool:
    """Whether a module has a value of that name; its own, since some make theirs when they are asked for."""
    return isinstance(vars(module).get(name), str | bool)


def _forget_sessions() -> None:
    """Let huggingface_hub make new connections: one that was made online stays online (utils/_http.py up to 0.36)."""
    http = sys.modules.get("huggingface_hub.utils._http")
    reset = getattr(http, "reset_sessions", None)
    if reset is not None:
        reset()


def _rooted(given: _Given, root: Path) -> str:
    """Return a path that begins at the project; what isn't there may be a package's name."""
    path = os.path.join(root, os.path.expanduser(given))  # noqa: PTH111, PTH118  # a name that is no path stays as it is
    return path if os.path.exists(path) or isinstance(given, Path) else given  # noqa: PTH110
