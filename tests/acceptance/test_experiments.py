"""What nothing refused is found by experiment: the test again, with one part of the environment as on the host."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, write

TESTS = """
import resource

def test_limit():
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 1024

def test_variable():
    assert os.environ.get("AWS_LAMBDA_FUNCTION_NAME") is None

def test_both():
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 1024 or "AWS_LAMBDA_FUNCTION_NAME" not in os.environ

def test_neither_alone():
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 1024 and "AWS_LAMBDA_FUNCTION_NAME" not in os.environ
"""


@pytest.mark.skipif(
    hasattr(os, "sysconf") and os.sysconf("SC_OPEN_MAX") == 1024, reason="1,024 files may be open on the host as well"
)
def test_the_part_that_lets_a_test_pass_is_named(run: Run, project: Path) -> None:
    """One part alone must do it: where two are needed at once, nothing is claimed."""
    write(project, TESTS)
    result = run("--envguard=lambda", "--envguard-fix=try", f"--envguard-report={project}/report.json")
    assert result.code == 1, result
    causes: list[dict[str, Any]] = json.loads((project / "report.json").read_text())["causes"]
    named = {test.partition("::")[2]: cause for cause in causes for test in cause["tests"]["lambda"]}
    assert (named["test_limit"]["dimension"], named["test_limit"]["certain"]) == ("open_files", True)
    assert (named["test_variable"]["dimension"], named["test_variable"]["certain"]) == ("env", True)
    assert named["test_both"]["certain"]
    assert "as on the host it passes (tried)" in named["test_both"]["explanation"]
    assert not named["test_neither_alone"]["certain"]


def test_what_passes_when_it_is_run_again_is_blamed_on_nothing(run: Run, project: Path) -> None:
    """Here a test before it, which isn't run again, has changed what it looks at."""
    write(
        project,
        """
STATE = []

def test_before():
    if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        STATE.append(1)

def test_after():
    assert not STATE
""",
    )
    result = run("--envguard=lambda", "--envguard-fix=try", f"--envguard-report={project}/report.json")
    assert result.code == 1, result
    (cause,) = json.loads((project / "report.json").read_text())["causes"]
    assert "passes when it is run again, with nothing changed" in cause["explanation"]
    assert not cause["tried"] and not cause["dimension"]
