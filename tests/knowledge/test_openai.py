"""openai: nothing but a network."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained

SOURCE = """
import httpx, openai, pytest


def test_request():
    client = openai.OpenAI(api_key="none", max_retries=0)
    client.models.list()


def test_own_connection():
    openai.OpenAI(api_key="none")
    httpx.get("https://api.openai.com/v1/models")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A client without a network."""
    return knowledge_run(["openai==3.52.0", "httpx"], SOURCE, "--envguard=offline,offline-refuse")


@pytest.mark.parametrize("environment", ["offline", "offline-refuse"])
def test_request_without_a_network(facts: dict[str, Any], environment: str) -> None:
    """The message says nothing but that."""
    assert facts["messages"][environment]["test_request"] == "openai.APIConnectionError: Connection error."
    explained(facts, environment, "test_request", "openai/api-unreachable")


def test_connection_of_the_project(facts: dict[str, Any]) -> None:
    """The same host, asked by somebody else."""
    not_explained(facts, "offline", "test_own_connection", "openai/api-unreachable")
