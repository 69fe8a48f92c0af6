"""pooch: the user's cache, and files that aren't in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, not_explained
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["pooch==1.9.0", "requests"]

SOURCE = """
import pathlib, tempfile

import pooch, pytest, requests

HASH = "sha256:" + "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def _fetched(path, address="http://data.example.com/"):
    return pooch.create(path=path, base_url=address, registry={"hello.txt": HASH}).fetch("hello.txt")


def test_cache():
    _fetched(pooch.os_cache("app"), "http://127.0.0.1:9/")


@pytest.mark.parametrize(("variable", "value"), [("XDG_CACHE_HOME", "/tmp/cache"), ("HOME", "/tmp")])
def test_remedy(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(requests.ConnectionError, match="127.0.0.1"):  # it got that far
        _fetched(pooch.os_cache("app"), "http://127.0.0.1:9/")


def test_given():
    _fetched("data", "http://127.0.0.1:9/")


def test_download():
    with tempfile.TemporaryDirectory() as folder:
        _fetched(folder)


def test_brought_along():
    assert pathlib.Path(_fetched("baked")).read_text() == "hello"


def test_own_request():
    pooch.file_hash(__file__)
    requests.get("http://data.example.com/")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A home that can't be written, and no network."""
    files = {**SETTINGS, "baked/hello.txt": "hello"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container,openshift,offline", files=files)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
def test_cache_in_the_home_folder(facts: dict[str, Any], environment: str) -> None:
    """Before anything is downloaded."""
    explained(facts, environment, "test_cache", "pooch/cache-not-writable")
    (cause,) = causes(facts, environment, "test_cache")
    assert [remedy["set"] for remedy in cause["remedies"]] == [{"XDG_CACHE_HOME": "/tmp/cache"}, {"HOME": "/tmp"}]
    outcomes = facts["outcomes"][environment]
    assert outcomes["test_remedy[XDG_CACHE_HOME-/tmp/cache]"] == outcomes["test_remedy[HOME-/tmp]"] == "passed"


def test_folder_of_the_project(facts: dict[str, Any]) -> None:
    """A folder that the project gave isn't the user's cache."""
    not_explained(facts, "lambda", "test_given", "pooch/cache-not-writable")


def test_download_without_a_network(facts: dict[str, Any]) -> None:
    """What was brought along needs none, and no folder that can be written."""
    assert facts["outcomes"]["container"]["test_brought_along"] == "passed"
    explained(facts, "offline", "test_download", "pooch/download-without-network")


def test_host_of_the_project(facts: dict[str, Any]) -> None:
    """The same host, asked by somebody else."""
    not_explained(facts, "offline", "test_own_request", "pooch/download-without-network")
