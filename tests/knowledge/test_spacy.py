"""spacy: pipelines are packages that are installed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained

pytestmark = heavy

SOURCE = """
import spacy


def test_blank():
    spacy.blank("en")("letters")


def test_download():
    from spacy.cli import download

    download("en_core_web_sm")


def test_load():
    spacy.load("en_core_web_sm")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """No pipeline, no network."""
    return knowledge_run(["spacy==3.8.18"], SOURCE, "--envguard=offline")


def test_download_without_a_network(facts: dict[str, Any]) -> None:
    """It asks which one fits before it installs anything."""
    explained(facts, "offline", "test_download", "spacy/download-without-network")
    assert facts["outcomes"]["offline"]["test_blank"] == "passed"


def test_pipeline_that_is_not_there(facts: dict[str, Any]) -> None:
    """One that isn't installed may have many reasons."""
    assert "[E050]" in facts["messages"]["offline"]["test_load"]
    not_explained(facts, "offline", "test_load", "spacy/download-without-network")
