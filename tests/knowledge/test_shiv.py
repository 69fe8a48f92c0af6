"""A shiv application: where it unpacks its packages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.built import folder_with
from tests.knowledge.conftest import KnowledgeRun, causes, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

SOURCE = """
import os, subprocess, sys

APP = [sys.executable, f"{os.environ['BUILT']}/app.pyz"]


def test_start():
    subprocess.run([*APP, f"{os.environ['BUILT']}/program.py"], check=True)


def test_remedy():
    environ = {**os.environ, "SHIV_ROOT": "/tmp/shiv"}
    subprocess.run([*APP, f"{os.environ['BUILT']}/program.py"], check=True, env=environ)


def test_writes():
    environ = {**os.environ, "SHIV_ROOT": "/tmp/shiv"}
    subprocess.run([*APP, "-c", "open('x.txt', 'w')"], check=True, env=environ)
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written."""
    words = ("shiv", "-o", "app.pyz", "markupsafe==3.0.4")
    with folder_with(["shiv==1.0.8", "pip"], *words, source="import markupsafe\n") as built:
        env = {"BUILT": str(built)}
        return knowledge_run([], SOURCE, "--envguard=lambda,openshift", files=SETTINGS, env=env, seconds=300)


@pytest.mark.parametrize("environment", ["lambda", "openshift"])
def test_packages_cannot_be_unpacked(facts: dict[str, Any], environment: str) -> None:
    """The application has printed why."""
    explained(facts, environment, "test_start", "shiv/packages-cannot-be-unpacked")
    assert facts["outcomes"][environment]["test_remedy"] == "passed"
    (cause,) = causes(facts, environment, "test_start")
    assert cause["remedies"][0]["set"] == {"SHIV_ROOT": "/tmp/shiv"}


def test_application_that_writes(facts: dict[str, Any]) -> None:
    """It was unpacked, and failed of its own."""
    not_explained(facts, "lambda", "test_writes", "shiv/packages-cannot-be-unpacked")
