"""PyYAML: Python code where its extension can't be loaded, and nobody says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge import unpacked
from tests.knowledge.conftest import KnowledgeRun, refused, rules

PACKAGES = ["pyyaml==6.0.3"]

SOURCE = f"""{unpacked.SOURCE}

def test_extension():
    assert not moved("yaml", "_yaml").__with_libyaml__
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A /tmp without execution."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=noexec_tmp")


def test_no_c_parser_where_its_extension_cannot_be_loaded(facts: dict[str, Any]) -> None:
    """The test passes: it asks for the code that stands in."""
    assert facts["outcomes"]["noexec_tmp"]["test_extension"] == "passed", facts["output"]
    ((operation, _, error, library),) = refused(facts, "noexec_tmp", "test_extension")
    assert (operation, error, library) == ("map executable", "EPERM", "yaml")
    assert rules(facts, "noexec_tmp", "test_extension") == ["pyyaml/extension-left-out"]


def test_library_of_the_project(facts: dict[str, Any]) -> None:
    """Another library from there, without which the test goes on."""
    assert rules(facts, "noexec_tmp", "test_own_library") == ["python/extension-left-out"]
