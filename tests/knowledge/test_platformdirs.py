"""platformdirs: folders in a home that can't be written, or that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["platformdirs==4.14.5"]

SOURCE = """
import os, pathlib, tempfile

import platformdirs, pytest


def test_path():
    platformdirs.user_cache_dir("app")


@pytest.mark.parametrize("kind", ["cache", "config", "data", "state"])
def test_folder(kind):
    getattr(platformdirs, f"user_{kind}_path")("app", ensure_exists=True)


def test_remedy(monkeypatch):
    monkeypatch.setenv("HOME", "/tmp")
    assert platformdirs.user_data_path("app", ensure_exists=True).is_dir()


def test_runtime():
    platformdirs.user_runtime_dir("app")


def test_own_folder():
    platformdirs.__version__
    os.mkdir("folder")


def test_own_home():
    platformdirs.__version__
    pathlib.Path.home()


def test_own_temporary_file():
    platformdirs.__version__
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written, one that isn't known, and no temporary folder."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container,openshift,nameless,sealed", files=SETTINGS)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
@pytest.mark.parametrize("kind", ["cache", "config", "data", "state"])
def test_folder_in_the_home_folder(facts: dict[str, Any], environment: str, kind: str) -> None:
    """With ensure_exists; the path alone can be asked for everywhere."""
    explained(facts, environment, f"test_folder[{kind}]", "platformdirs/folder-not-writable")
    assert facts["outcomes"][environment]["test_path"] == "passed"
    assert facts["outcomes"][environment]["test_remedy"] == "passed"


def test_folder_of_the_project(facts: dict[str, Any]) -> None:
    """Made by nobody but the project."""
    not_explained(facts, "lambda", "test_own_folder", "platformdirs/folder-not-writable")


def test_no_home_folder(facts: dict[str, Any]) -> None:
    """From 4.12 on; before, it gave a path that begins with ~."""
    explained(facts, "nameless", "test_path", "platformdirs/no-home-folder")


def test_home_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "nameless", "test_own_home", "platformdirs/no-home-folder")


def test_no_temporary_folder(facts: dict[str, Any]) -> None:
    """The runtime folder is below it."""
    explained(facts, "sealed", "test_runtime", "platformdirs/no-temporary-folder")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "platformdirs/no-temporary-folder")
