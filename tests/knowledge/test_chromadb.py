"""chromadb: its data, and the model of its default embedding."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["chromadb==1.5.9"]

SOURCE = """
import importlib.util, pathlib, uuid


def test_kept():
    import chromadb
    chromadb.PersistentClient().create_collection("abc")


def test_kept_elsewhere():
    import chromadb
    chromadb.PersistentClient(f"/tmp/{uuid.uuid4()}").create_collection("abc")


def test_not_kept():
    import chromadb
    chromadb.EphemeralClient().create_collection(uuid.uuid4().hex)


def test_embedding():
    import chromadb
    chromadb.EphemeralClient().create_collection(uuid.uuid4().hex).add(ids=["1"], documents=["hello"])


def test_own_file():
    assert importlib.util.find_spec("chromadb")
    with open("x.txt", "w"):
        pass


def test_own_home():
    assert importlib.util.find_spec("chromadb")
    pathlib.Path.home()


def test_own_request():
    assert importlib.util.find_spec("chromadb")
    import httpx
    httpx.get("https://chroma-onnx-models.s3.amazonaws.com/")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written, one that isn't known, and no network."""
    environments = "--envguard=lambda,container,openshift,nameless,offline"
    return knowledge_run(PACKAGES, SOURCE, environments, files=SETTINGS, seconds=400)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
def test_data_that_cannot_be_kept(facts: dict[str, Any], environment: str) -> None:
    """An error of Rust's, without a path."""
    explained(facts, environment, "test_kept", "chromadb/data-not-writable")
    assert facts["outcomes"][environment]["test_kept_elsewhere"] == "passed"


def test_no_home_folder(facts: dict[str, Any]) -> None:
    """At import, even where nothing is kept."""
    explained(facts, "nameless", "test_not_kept", "chromadb/no-home-folder")
    assert facts["outcomes"]["lambda"]["test_not_kept"] == "passed"


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
def test_model_in_the_home_folder(facts: dict[str, Any], environment: str) -> None:
    """The folder is made before anything is downloaded."""
    explained(facts, environment, "test_embedding", "chromadb/model-folder-not-writable")


def test_model_without_a_network(facts: dict[str, Any]) -> None:
    """It isn't in the package."""
    explained(facts, "offline", "test_embedding", "chromadb/model-without-network")


def test_file_of_the_project(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    not_explained(facts, "lambda", "test_own_file", "chromadb/data-not-writable")
    not_explained(facts, "lambda", "test_own_file", "chromadb/model-folder-not-writable")


def test_home_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "nameless", "test_own_home", "chromadb/no-home-folder")


def test_host_of_the_project(facts: dict[str, Any]) -> None:
    """The same host, asked by somebody else."""
    not_explained(facts, "offline", "test_own_request", "chromadb/model-without-network")
