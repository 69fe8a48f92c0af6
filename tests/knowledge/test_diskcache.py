"""diskcache: folders that are given, and one that isn't."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["diskcache==5.6.3"]

SOURCE = """
import tempfile

import diskcache


def test_default():
    diskcache.Cache()["a"] = 1


def test_given():
    diskcache.Cache("cache")["a"] = 1


def test_given_and_there():
    diskcache.Cache("there")["a"] = 1


def test_own_file():
    diskcache.ENOVAL
    with open("x.txt", "w"):
        pass


def test_own_temporary_file():
    diskcache.ENOVAL
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A read-only root, with a temporary folder and without."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,sealed", files={**SETTINGS, "there/x": ""})


@pytest.mark.parametrize("test", ["test_given", "test_given_and_there"])
def test_folder_that_is_not_writable(facts: dict[str, Any], test: str) -> None:
    """SQLite's error has no errno."""
    assert facts["outcomes"]["lambda"]["test_default"] == "passed"
    explained(facts, "lambda", test, "diskcache/folder-not-writable")


def test_file_of_the_project(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    not_explained(facts, "lambda", "test_own_file", "diskcache/folder-not-writable")


def test_no_temporary_folder(facts: dict[str, Any]) -> None:
    """A cache without a folder is a temporary one."""
    explained(facts, "sealed", "test_default", "diskcache/no-temporary-folder")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "diskcache/no-temporary-folder")
