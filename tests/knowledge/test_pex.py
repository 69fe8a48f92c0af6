"""A PEX file: where it unpacks its packages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.built import folder_with
from tests.knowledge.conftest import KnowledgeRun, heavy
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

SOURCE = """
import os, subprocess, sys

APP = [sys.executable, f"{os.environ['BUILT']}/app.pex", f"{os.environ['BUILT']}/program.py"]


def _run(**variables):
    return subprocess.run(APP, capture_output=True, text=True, check=True, env={**os.environ, **variables})


def test_unpacked():
    done = _run()
    assert ".readonly-fallback/" in done.stdout
    assert "is un-writeable, falling back to a temporary PEX_ROOT" in done.stderr


def test_remedy():
    done = _run(PEX_ROOT="/tmp/pex")
    assert done.stdout.split()[1].startswith("/tmp/pex/")
    assert done.stderr == ""


def test_native():
    assert _run(PEX_ROOT="/tmp/pex").stdout.split()[0] == "markupsafe._native"

"""
PROGRAM = "import markupsafe; print(markupsafe._escape_inner.__module__, markupsafe.__file__)"


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written, with and without execution in /tmp."""
    with folder_with(["pex==2.105.2"], "pex", "markupsafe==3.0.4", "-o", "app.pex", source=PROGRAM) as built:
        env = {"BUILT": str(built)}
        return knowledge_run([], SOURCE, "--envguard=lambda,container", files=SETTINGS, env=env, seconds=300)


def test_packages_are_unpacked_at_each_start(facts: dict[str, Any]) -> None:
    """With a warning; below a noexec /tmp extensions are left out."""
    for environment in ("lambda", "container"):
        assert facts["outcomes"][environment]["test_unpacked"] == "passed"
        assert facts["outcomes"][environment]["test_remedy"] == "passed"
    assert facts["outcomes"]["container"]["test_native"] == "passed"
    assert facts["outcomes"]["lambda"]["test_native"] == "failed"
