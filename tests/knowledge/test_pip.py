"""pip: builds below a noexec /tmp."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["pip==26.3"]

SOURCE = """
import os, pathlib, subprocess, sys

INSTALL = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--target", "installed"]


def test_build():
    subprocess.run([*INSTALL, "--no-binary", "pyyaml", "pyyaml==6.0.3"], check=True)


def test_build_that_fails():
    subprocess.run([*INSTALL, "./broken"], check=True)
"""
BROKEN = """
raise SystemExit("Cython does not appear to be installed")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A /tmp without execution, and a root that can be written."""
    return knowledge_run(
        PACKAGES, SOURCE, "--envguard=noexec_tmp", files={**SETTINGS, "broken/setup.py": BROKEN}, seconds=300
    )


def test_build_in_a_noexec_folder(facts: dict[str, Any]) -> None:
    """What pip says is misleading: Cython was installed, and can't be loaded."""
    assert "Cython does not appear to be installed" in facts["output"]
    explained(facts, "noexec_tmp", "test_build", "pip/build-in-a-noexec-folder")


def test_build_that_fails_for_another_reason(facts: dict[str, Any]) -> None:
    """The same words, and Cython isn't installed."""
    not_explained(facts, "noexec_tmp", "test_build_that_fails", "pip/build-in-a-noexec-folder")
