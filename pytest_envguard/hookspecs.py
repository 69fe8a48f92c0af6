"""What other plugins and a ``conftest.py`` can add."""

from __future__ import annotations

from collections.abc import Mapping
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
