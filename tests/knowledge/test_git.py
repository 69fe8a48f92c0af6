"""git: who commits, whose repository it is, and where its settings are."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained, of_another_user
from tests.knowledge.profiles import SETTINGS

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git isn't installed")

SOURCE = """
import pathlib, subprocess

import pytest


def git(*words, cwd):
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path):
    git("init", "-q", cwd=tmp_path)
    return tmp_path


def test_commit(repository):
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=repository)


def test_commit_of_nothing(repository):
    git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-q", "-m", "first", cwd=repository)


def test_of_another(repository):
    # As root the test makes a repository of somebody else's; else the project's folder is one.
    git("status", cwd=pathlib.Path(__file__).parent / "other")


def test_global():
    git("config", "--global", "core.pager", "cat", cwd="/")


def test_local(repository):
    (repository / ".git" / "config.lock").touch()
    git("config", "core.pager", "cat", cwd=repository)
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Other users, with homes of several kinds; the project's folder has a repository of the one who runs the tests."""
    files = {
        **SETTINGS,
        "other/.git/HEAD": "ref: refs/heads/main\n",
        "other/.git/config": "",
        "other/.git/refs/heads/.keep": "",
        "other/.git/objects/.keep": "",
    }
    # The address of a user is guessed from the host's name, if that is one with a domain.
    env = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly"}
    env["GIT_CONFIG_VALUE_0"] = "true"
    return knowledge_run([], SOURCE, "--envguard=lambda,container,nameless", files=files, env=env)


@pytest.mark.parametrize("environment", ["lambda", "container", "nameless"])
def test_commit_of_nobody(facts: dict[str, Any], environment: str) -> None:
    """Its settings aren't in the home folder of that environment."""
    explained(facts, environment, "test_commit", "git/no-identity")


@pytest.mark.parametrize("environment", ["lambda", "container"])
def test_commit_of_nothing(facts: dict[str, Any], environment: str) -> None:
    """It fails everywhere, with the same status of another meaning."""
    for rule in ("git/no-identity", "git/dubious-ownership"):
        not_explained(facts, environment, "test_commit_of_nothing", rule)


@of_another_user
@pytest.mark.parametrize("environment", ["lambda", "container", "nameless"])
def test_repository_of_another_user(facts: dict[str, Any], environment: str) -> None:
    """As all that is deployed, it belongs to whoever built it."""
    explained(facts, environment, "test_of_another", "git/dubious-ownership")


def test_settings_that_cannot_be_written(facts: dict[str, Any]) -> None:
    """The home folder of a container is the read-only root."""
    explained(facts, "container", "test_global", "git/settings-not-writable")


@pytest.mark.parametrize("environment", ["lambda", "nameless"])
def test_settings_without_a_home(facts: dict[str, Any], environment: str) -> None:
    """Git asks HOME alone."""
    explained(facts, environment, "test_global", "git/no-home")


@pytest.mark.parametrize("environment", ["lambda", "container"])
def test_settings_of_the_repository(facts: dict[str, Any], environment: str) -> None:
    """Somebody else holds their lock."""
    for rule in ("git/no-home", "git/settings-not-writable"):
        not_explained(facts, environment, "test_local", rule)
