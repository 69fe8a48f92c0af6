"""fsspec: copies of files in a temporary folder, or in one that is given."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["fsspec==2026.9.0"]

SOURCE = """
import tempfile

import fsspec


def _copied(**options):
    files = fsspec.filesystem("filecache", target_protocol="file", **options)
    with files.open(__file__) as file:
        assert file.read()


def test_default():
    _copied()


def test_given():
    _copied(cache_storage="copies")


def test_own_temporary_file():
    fsspec.filesystem("memory")
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A read-only root, with a temporary folder and without."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,sealed", files=SETTINGS)


def test_no_temporary_folder(facts: dict[str, Any]) -> None:
    """It's asked for where cache_storage isn't given."""
    assert facts["outcomes"]["lambda"]["test_default"] == "passed"
    explained(facts, "sealed", "test_default", "fsspec/no-temporary-folder")


def test_storage_that_is_not_writable(facts: dict[str, Any]) -> None:
    """A folder that the project gave."""
    explained(facts, "lambda", "test_given", "fsspec/storage-not-writable")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "fsspec/no-temporary-folder")
    not_explained(facts, "sealed", "test_own_temporary_file", "fsspec/storage-not-writable")
