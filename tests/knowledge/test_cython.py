"""Cython: code that is compiled at run time."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = [heavy, pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no compiler")]

PACKAGES = ["cython==3.3.1", "setuptools"]

SOURCE = """
import os, subprocess, sys

import cython

INLINE = "import cython; assert cython.inline('return 6 * 7') == 42"
IMPORT = "import pyximport; pyximport.install(); import answer; assert answer.answer == 42"


def test_inline():
    assert cython.inline("return 6 * 7") == 42


def test_inline_remedy():
    subprocess.run([sys.executable, "-c", INLINE], check=True, env={**os.environ, "CYTHON_CACHE_DIR": "/tmp/cython"})


def test_import():
    import pyximport
    installed = pyximport.install()
    try:
        import answer
    finally:
        pyximport.uninstall(*installed)


def test_import_remedy():
    subprocess.run([sys.executable, "-c", IMPORT], check=True, env={**os.environ, "HOME": "/tmp"})


def test_own_file():
    cython.compiled
    with open("x.txt", "w"):
        pass
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written."""
    files = {**SETTINGS, "answer.pyx": "answer = 42\n"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,openshift", files=files, seconds=300)


@pytest.mark.parametrize("environment", ["lambda", "openshift"])
def test_inline_code(facts: dict[str, Any], environment: str) -> None:
    """XDG_CACHE_HOME wouldn't help: it counts only where it's there."""
    explained(facts, environment, "test_inline", "cython/inline-code-in-home")
    assert facts["outcomes"][environment]["test_inline_remedy"] == "passed"
    (cause,) = causes(facts, environment, "test_inline")
    assert cause["remedies"][0]["set"] == {"CYTHON_CACHE_DIR": "/tmp/cython"}


@pytest.mark.parametrize("environment", ["lambda", "openshift"])
def test_import_of_a_source(facts: dict[str, Any], environment: str) -> None:
    """An ImportError that has the text of the error and not its errno."""
    explained(facts, environment, "test_import", "cython/import-of-a-source")
    assert facts["outcomes"][environment]["test_import_remedy"] == "passed"


def test_file_of_the_project(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    for rule in ("inline-code-in-home", "import-of-a-source"):
        not_explained(facts, "lambda", "test_own_file", f"cython/{rule}")
