"""What other plugins and a ``conftest.py`` can add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import pytest


@pytest.hookspec
def pytest_envguard_profiles(config: pytest.Config) -> Mapping[str, Mapping[str, Any]] | None:
    """Return further profiles: name to a table with the keys of a profile's TOML file.

    ``{"edge": {"summary": "our edge boxes", "inherits": "container", "dimensions": {"tmp_size": "16M"}}}``

    Called once in each process that plans environments, before it does: the controller of ``--envguard``, and whatever
    runs a test that asks for an environment of its own. A project's own
    ``[tool.envguard.profiles]`` wins over a profile of the same name.
    """


@pytest.hookspec
def pytest_envguard_knowledge(
    config: pytest.Config,
) -> Iterable[str | PathLike[str]] | Mapping[str, Mapping[str, Any]] | None:
    """Return further knowledge about libraries: paths of TOML files, or name to a table with the keys of such a file.

    ``[Path(__file__).parent / "ourlib.toml"]``, or
    ``{"ourlib": {"summary": "our client", "rules": [{"name": "cache-in-home", "dimension": "home", …}]}}``

    Called once in the controller of ``--envguard``, when it looks for why tests failed. A file is about the library that
    it's named after, or that it names itself (``library = "ourlib"``). Rules about a library that is known already go
    before those that are shipped, and replace those of the same name; a project's own
    ``[tool.envguard] knowledge = ["ours.toml"]`` goes before those of plugins.
    """
