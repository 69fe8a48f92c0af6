"""mlflow: a database in the working folder."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["mlflow==3.17.2"]

SOURCE = """
import importlib.util, os, pathlib, sqlite3, subprocess, sys

PROGRAM = "import mlflow; mlflow.set_experiment('x')"


def test_experiment():
    import mlflow
    mlflow.set_experiment("x")


def test_remedy():
    environ = {**os.environ, "MLFLOW_TRACKING_URI": "sqlite:////tmp/mlflow.db", "HOME": "/tmp"}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=environ)


def test_own_database():
    assert importlib.util.find_spec("mlflow")
    sqlite3.connect("x.db").execute("create table t (a)")


def test_own_home():
    assert importlib.util.find_spec("mlflow")
    pathlib.Path.home()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A read-only root, and a home that isn't known. It takes minutes: ten tries."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,nameless", files=SETTINGS, seconds=600)


def test_database_that_cannot_be_made(facts: dict[str, Any]) -> None:
    """Late."""
    explained(facts, "lambda", "test_experiment", "mlflow/database-not-writable")
    assert facts["outcomes"]["lambda"]["test_remedy"] == "passed"
    (cause,) = causes(facts, "lambda", "test_experiment")
    assert cause["remedies"][0]["set"] == {"MLFLOW_TRACKING_URI": "sqlite:////tmp/mlflow.db"}


def test_database_of_the_project(facts: dict[str, Any]) -> None:
    """The same error of SQLite's."""
    not_explained(facts, "lambda", "test_own_database", "mlflow/database-not-writable")


def test_no_home_folder(facts: dict[str, Any]) -> None:
    """At import."""
    explained(facts, "nameless", "test_experiment", "mlflow/no-home-folder")


def test_home_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "nameless", "test_own_home", "mlflow/no-home-folder")
