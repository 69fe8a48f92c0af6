"""streamlit: settings in the home folder."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["streamlit==1.67.0"]

SOURCE = """
import os, pathlib, subprocess, sys

PROGRAM = [sys.executable, "-m", "streamlit", "config", "show"]


def test_setting():
    import streamlit.config
    streamlit.config.get_config_options(force_reparse=True)


def test_command():
    subprocess.run(PROGRAM, check=True)


def test_remedy():
    subprocess.run(PROGRAM, check=True, env={**os.environ, "HOME": "/tmp"})


def test_own_home():
    import streamlit
    pathlib.Path.home()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A home that can't be written, and one that isn't known."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,nameless", files=SETTINGS, seconds=300)


@pytest.mark.parametrize("test", ["test_setting", "test_command"])
def test_no_home_folder(facts: dict[str, Any], test: str) -> None:
    """A home that can't be written does no harm."""
    explained(facts, "nameless", test, "streamlit/no-home-folder")
    assert facts["outcomes"]["lambda"][test] == "passed"
    assert facts["outcomes"]["nameless"]["test_remedy"] == "passed"


def test_home_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "nameless", "test_own_home", "streamlit/no-home-folder")
