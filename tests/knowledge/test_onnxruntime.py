"""onnxruntime: what its import writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, heavy, not_explained, refused, rules

pytestmark = heavy

PACKAGES = ["onnxruntime==1.31.1"]

SOURCE = """
def test_import():
    import onnxruntime
    assert onnxruntime.get_available_providers()


def test_own_file():
    import onnxruntime
    with open("model.onnx", "w"):
        pass
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container,openshift", seconds=300)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
def test_identifier_at_import(facts: dict[str, Any], environment: str) -> None:
    """Nothing fails, and nothing is lost."""
    assert facts["outcomes"][environment]["test_import"] == "passed"
    assert {library for _, _, _, library in refused(facts, environment, "test_import")} == {"onnxruntime"}
    assert rules(facts, environment, "test_import") == ["onnxruntime/telemetry-in-home"]


def test_model_beside_the_code(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    not_explained(facts, "lambda", "test_own_file", "onnxruntime/telemetry-in-home")
