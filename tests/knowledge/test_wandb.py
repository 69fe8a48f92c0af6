"""wandb: records of runs, the home folder and a temporary one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["wandb==0.31.0"]

SOURCE = """
import importlib.util, os, pathlib, subprocess, sys, tempfile

PROGRAM = "import wandb; run = wandb.init(mode='offline', project='p'); run.log({'a': 1}); run.finish(); print(run.dir)"


def test_record():
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith("/tmp/")


def test_import():
    import wandb


def test_run():
    import wandb
    wandb.init(mode="offline", project="p").finish()


def test_remedy():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env={**os.environ, "HOME": "/tmp"})


def test_own_home():
    assert importlib.util.find_spec("wandb")
    pathlib.Path.home()


def test_own_temporary_file():
    assert importlib.util.find_spec("wandb")
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A home that can't be written, one that isn't known, and no temporary folder."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,nameless,sealed", files=SETTINGS, seconds=300)


def test_records_go_elsewhere(facts: dict[str, Any]) -> None:
    """To the temporary folder."""
    assert facts["outcomes"]["lambda"]["test_record"] == "passed", facts["messages"]


def test_no_home_folder(facts: dict[str, Any]) -> None:
    """When a run begins."""
    explained(facts, "nameless", "test_run", "wandb/no-home-folder")
    assert facts["outcomes"]["nameless"]["test_import"] == "passed"
    assert facts["outcomes"]["nameless"]["test_remedy"] == "passed"


def test_home_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "nameless", "test_own_home", "wandb/no-home-folder")


def test_no_temporary_folder(facts: dict[str, Any]) -> None:
    """At import."""
    explained(facts, "sealed", "test_import", "wandb/no-temporary-folder")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "wandb/no-temporary-folder")
