"""fastembed: models in the folder for temporary files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained

pytestmark = heavy

PACKAGES = ["fastembed==0.9.1"]
SOURCE = """
from fastembed import TextEmbedding


def test_it():
    TextEmbedding("BAAI/bge-small-en-v1.5")
"""


@pytest.fixture(scope="module")
def unwritable(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A cache that a variable puts where it can't be made."""
    env = {"FASTEMBED_CACHE_PATH": "/opt/models", "HF_HUB_OFFLINE": "1"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=container", env=env)


@pytest.fixture(scope="module")
def offline(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A cache that can be written, and no network; the switch makes it quick."""
    env = {"FASTEMBED_CACHE_PATH": "/tmp/models", "HF_HUB_OFFLINE": "1"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=container", env=env, seconds=300)


def test_cache_that_is_not_writable(unwritable: dict[str, Any]) -> None:
    """It's made before anybody is asked."""
    assert "Read-only file system: '/opt/models'" in unwritable["messages"]["container"]["test_it"]
    explained(unwritable, "container", "test_it", "fastembed/cache-not-writable")
    not_explained(unwritable, "container", "test_it", "fastembed/model-without-network")


def test_model_without_a_network(offline: dict[str, Any]) -> None:
    """The message names no cause."""
    assert "from any source" in offline["messages"]["container"]["test_it"]
    explained(offline, "container", "test_it", "fastembed/model-without-network")
    not_explained(offline, "container", "test_it", "fastembed/cache-not-writable")
