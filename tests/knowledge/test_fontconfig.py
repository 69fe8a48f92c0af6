"""fontconfig: its cache, and what it says where it has none."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, refused

pytestmark = pytest.mark.skipif(shutil.which("fc-list") is None, reason="there is no fc-list")

FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir prefix="relative">fonts</dir>
<cachedir>/nowhere/fontconfig</cachedir>
<cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
SOURCE = """
import os, pathlib, subprocess

SAID = "Fontconfig error: No writable cache directories\\n"


def _listed(**variables):
    environ = {**os.environ, "FONTCONFIG_FILE": str(pathlib.Path(__file__).with_name("fonts.conf")), **variables}
    done = subprocess.run(["fc-list"], env=environ, capture_output=True, text=True)
    assert done.returncode == 0
    return done.stderr


def test_said():
    assert SAID in _listed()


def test_remedy():
    assert _listed(XDG_CACHE_HOME="/tmp/cache") == ""
    assert os.listdir("/tmp/cache/fontconfig")

"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written."""
    files = {"fonts.conf": FONTS, "fonts/empty": ""}
    return knowledge_run([], SOURCE, "--envguard=lambda,openshift", files=files)


@pytest.mark.parametrize("environment", ["lambda", "openshift"])
def test_no_cache_of_fonts(facts: dict[str, Any], environment: str) -> None:
    """All is found, and the exit status says so; nothing was refused, for it asked first."""
    assert facts["outcomes"][environment]["test_said"] == "passed"
    assert facts["outcomes"][environment]["test_remedy"] == "passed"
    assert not refused(facts, environment, "test_said")
