"""A program in one file made by PyInstaller."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.knowledge.built import folder_with
from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = [heavy, pytest.mark.skipif(shutil.which("objdump") is None, reason="PyInstaller needs objdump")]

SOURCE = """
import os, pathlib, shutil, subprocess, tempfile


def test_program():
    subprocess.run([f"{os.environ['BUILT']}/dist/program"], check=True)


def test_remedy():
    subprocess.run([f"{os.environ['BUILT']}/dist/program"], check=True, env={**os.environ, "TMPDIR": "/dev/shm"})


def test_other_program():
    path = pathlib.Path(tempfile.mkdtemp(), "tool")
    shutil.copy("/bin/true", path)
    subprocess.run([path], check=True)
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A /tmp with and without execution."""
    words = ("PyInstaller", "--onefile", "--log-level=ERROR", "program.py")
    with folder_with(["pyinstaller==6.22.3", "setuptools"], *words, source="print('hello')\n") as built:
        env = {"BUILT": str(built)}
        return knowledge_run([], SOURCE, "--envguard=lambda,noexec_tmp", files=SETTINGS, env=env, seconds=300)


def test_program_in_one_file(facts: dict[str, Any]) -> None:
    """The loader of programs says it, and the program's exit status is all that comes back."""
    explained(facts, "noexec_tmp", "test_program", "pyinstaller/one-file-on-noexec-mount")
    assert facts["outcomes"]["lambda"]["test_program"] == "passed"
    assert facts["outcomes"]["noexec_tmp"]["test_remedy"] == "passed"


def test_other_program(facts: dict[str, Any]) -> None:
    """A program that can't be run from there at all."""
    not_explained(facts, "noexec_tmp", "test_other_program", "pyinstaller/one-file-on-noexec-mount")
