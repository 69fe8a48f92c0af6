"""matplotlib: what it makes of a home folder that it can't write, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, not_explained, refused, rules
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["matplotlib==3.11.2"]

SOURCE = """
import importlib.util, os, pathlib, subprocess, sys, tempfile

import pytest


def _started(**variables):
    program = "import matplotlib.font_manager as f, matplotlib; print(matplotlib.get_cachedir())"
    environ = {**{k: v for k, v in os.environ.items() if k != "MPLCONFIGDIR"}, **variables}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


def test_import():
    import matplotlib.pyplot


def test_folder_that_lasts():
    import matplotlib
    assert not matplotlib.get_cachedir().startswith("/tmp/")


def test_picture():
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    plt.figure().savefig("picture.png")


def test_other_assertion():
    import matplotlib
    assert matplotlib.get_backend() and os.access(".", os.W_OK)


def test_read_only_folder():
    folder, said = _started(MPLCONFIGDIR=str(pathlib.Path(__file__).parent / "baked"))
    assert folder.startswith("/tmp/matplotlib-")
    assert "is not a writable directory" in said


def test_remedy():
    folder, said = _started(MPLCONFIGDIR="/tmp/matplotlib")
    assert folder == "/tmp/matplotlib"
    assert list(pathlib.Path(folder).glob("fontlist-*.json"))
    assert "temporary cache directory" not in said


def test_own_temporary_file():
    assert importlib.util.find_spec("matplotlib")
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written, one that isn't known, and no temporary folder."""
    files = {**SETTINGS, "baked/fontlist-v390.json": "{}"}
    environments = "--envguard=lambda,container,openshift,nameless,sealed"
    # What is only likely is said of tests that are known to pass on the host.
    return knowledge_run(PACKAGES, SOURCE, environments, "--envguard-baseline=auto", files=files)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
def test_temporary_folder_at_each_start(facts: dict[str, Any], environment: str) -> None:
    """Nothing fails; the diagnosis says how much a start would gain."""
    assert facts["outcomes"][environment]["test_import"] == "passed"
    assert {library for _, _, _, library in refused(facts, environment, "test_import")} == {"matplotlib"}
    (cause,) = causes(facts, environment, "test_import")
    assert cause["rule"] == "matplotlib/fonts-searched-at-each-start"
    assert cause["remedies"][0]["set"] == {"MPLCONFIGDIR": "/tmp/matplotlib"}


def test_filled_folder_must_be_writable(facts: dict[str, Any]) -> None:
    """So that there's no folder to fill among the remedies."""
    assert facts["outcomes"]["lambda"]["test_read_only_folder"] == "passed"
    assert facts["outcomes"]["lambda"]["test_remedy"] == "passed"


@pytest.mark.parametrize("environment", ["lambda", "nameless"])
def test_folder_that_lasts(facts: dict[str, Any], environment: str) -> None:
    """A test that wants one; an assertion says no errno, so that it's likely and no more."""
    assert facts["outcomes"][environment]["test_folder_that_lasts"] == "failed"
    assert "matplotlib/folder-of-its-own-is-temporary" in rules(facts, environment, "test_folder_that_lasts")


def test_picture_beside_the_code(facts: dict[str, Any]) -> None:
    """A file that the project asks matplotlib to write, and an assertion about something else."""
    assert "picture.png" in facts["messages"]["lambda"]["test_picture"]
    for test in ("test_picture", "test_other_assertion"):
        not_explained(facts, "lambda", test, "matplotlib/folder-of-its-own-is-temporary")
        not_explained(facts, "lambda", test, "matplotlib/fonts-searched-at-each-start")


def test_no_folder_at_all(facts: dict[str, Any]) -> None:
    """Neither its own nor a temporary one."""
    explained(facts, "sealed", "test_import", "matplotlib/no-folder-at-all")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "matplotlib/no-folder-at-all")
