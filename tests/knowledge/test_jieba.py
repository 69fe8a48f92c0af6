"""jieba: its dictionary in the temporary folder."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["jieba==0.42.1", "setuptools<81"]

SOURCE = """
import tempfile

import jieba


def test_words():
    assert jieba.lcut("我来到北京")


def test_given(monkeypatch):
    other = jieba.Tokenizer()
    other.tmp_dir = "/nowhere"
    assert other.lcut("我来到北京")


def test_own_temporary_file():
    jieba.re_eng
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A read-only root, with a temporary folder and without."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,sealed", files=SETTINGS)


def test_no_temporary_folder(facts: dict[str, Any]) -> None:
    """It's asked for before anything is tried; a folder that can't be written is enough."""
    assert facts["outcomes"]["lambda"]["test_words"] == "passed"
    assert facts["outcomes"]["sealed"]["test_given"] == "passed"
    explained(facts, "sealed", "test_words", "jieba/no-temporary-folder")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "jieba/no-temporary-folder")
