"""boto3: credentials that are in the home or on the network."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained

SOURCE = """
import boto3, pytest


def test_list():
    boto3.client("sts", region_name="us-east-1").get_caller_identity()


def test_list_as_somebody():
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    boto3.client("sts", region_name="us-east-1", **keys).get_caller_identity()
"""
PROFILE = """
[tool.pytest.ini_options]
[tool.envguard.profiles.moved]
home = "/tmp"
tmp = "private"
"""
CREDENTIALS = "[default]\naws_access_key_id = none\naws_secret_access_key = none\n"


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Credentials in the home of the host's user, and none but those."""
    files = {"~/.aws/credentials": CREDENTIALS, "pyproject.toml": PROFILE}
    env = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
    return knowledge_run(["boto3==1.44.5"], SOURCE, "--envguard=moved,offline", files=files, env=env)


def test_credentials_in_the_home(facts: dict[str, Any]) -> None:
    """With another home they aren't found."""
    assert "Unable to locate credentials" in facts["messages"]["moved"]["test_list"]
    assert "Unable to locate credentials" not in facts["messages"]["offline"]["test_list"]
    explained(facts, "moved", "test_list", "boto3/credentials-in-home")


@pytest.mark.parametrize("test", ["test_list", "test_list_as_somebody"])
def test_service_without_a_network(facts: dict[str, Any], test: str) -> None:
    """There are credentials, and nobody to show them to."""
    explained(facts, "offline", test, "boto3/service-unreachable")
    not_explained(facts, "offline", test, "boto3/credentials-in-home")
    not_explained(facts, "offline", test, "boto3/metadata-service")


def test_metadata_service(knowledge_run: KnowledgeRun) -> None:
    """Credentials that are nowhere else are asked for there."""
    found = knowledge_run(["boto3==1.44.5"], SOURCE, "--envguard=offline", "-k", "test_list and not somebody")
    assert "Unable to locate credentials" in found["messages"]["offline"]["test_list"]
    explained(found, "offline", "test_list", "boto3/metadata-service")
    not_explained(found, "offline", "test_list", "boto3/service-unreachable")
