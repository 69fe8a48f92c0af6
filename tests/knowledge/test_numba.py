"""numba: what cache=True needs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["numba==0.68.1"]

SOURCE = """
import os, subprocess, sys

import numba


def test_cached():
    import compiled
    assert compiled.more(1) == 2


def test_not_cached():
    assert numba.njit(lambda x: x + 1)(1) == 2


def test_remedy():
    environ = {**os.environ, "NUMBA_CACHE_DIR": "/tmp/numba"}
    subprocess.run([sys.executable, "-c", "import compiled; assert compiled.more(1) == 2"], env=environ, check=True)
    assert os.listdir("/tmp/numba")


def test_no_file():
    exec("import numba\\nmore = numba.njit(cache=True)(lambda x: x + 1)", {"__file__": "nowhere"})
"""
COMPILED = """
import numba


@numba.njit(cache=True)
def more(x):
    return x + 1
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written, and one that isn't known."""
    files = {**SETTINGS, "compiled.py": COMPILED, "__pycache__/compiled.more-3.py311.nbi": ""}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container,openshift,nameless", files=files, seconds=300)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift", "nameless"])
def test_cache_without_a_folder(facts: dict[str, Any], environment: str) -> None:
    """It's raised when the module is imported; a file of the cache that is there changes nothing."""
    explained(facts, environment, "test_cached", "numba/cache-without-a-folder")
    assert facts["outcomes"][environment]["test_not_cached"] == "passed"
    assert facts["outcomes"][environment]["test_remedy"] == "passed"  # of a container below a noexec /tmp too
    (cause,) = causes(facts, environment, "test_cached")
    assert cause["remedies"][0]["set"] == {"NUMBA_CACHE_DIR": "/tmp/numba"}


def test_function_without_a_file(facts: dict[str, Any]) -> None:
    """That can be cached nowhere."""
    assert "no locator available for file '<string>'" in facts["messages"]["lambda"]["test_no_file"]
    not_explained(facts, "lambda", "test_no_file", "numba/cache-without-a-folder")
