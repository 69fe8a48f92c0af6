"""The example shows what its README says: the seeds' failures, only where they belong."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.acceptance.conftest import plain_environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).parents[2] / "examples/token-counter"
ENVIRONMENTS = ("lambda", "container", "offline")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="needs litellm and transformers: run `tox -e examples`"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, dict[str, str]]]:
    """Run the example once: its output, and for each environment the failing tests with what they say."""
    folder = tmp_path_factory.mktemp("example") / "token-counter"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".cache", "__pycache__", "*.egg-info"))
    words = [sys.executable, "-m", "pytest", f"--envguard={','.join(ENVIRONMENTS)}", "--junitxml=junit.xml"]
    words += ["-o", "junit_logging=all"]  # what a child process printed is part of the evidence
    environment = {**plain_environment(), "PYTHONPATH": str(folder)}
    process = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 1, process.stdout + process.stderr
    failed: dict[str, dict[str, str]] = {name: {} for name in ENVIRONMENTS}
    for case in ElementTree.parse(folder / "junit.xml").findall(".//testcase"):
        problem = case.find("failure")
        if problem is not None:
            environment_name, _, module = case.get("classname", "").partition(".")
            nodeid = f"{module.replace('.', '/')}.py::{case.get('name')}"
            failed[environment_name][nodeid] = problem.get("message", "") + "".join(case.itertext())
    return process.stdout, failed


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_shows_exactly_its_own_failures(
    report: tuple[str, dict[str, dict[str, str]]], environment: str
) -> None:
    """The failing tests, their exception classes, errnos and paths are those that the kernel gave."""
    expected = tomllib.loads((EXAMPLE / "expected.toml").read_text())[environment]
    _, failed = report

    assert set(failed[environment]) == {case["test"] for case in expected}
    for case in expected:
        text = failed[environment][case["test"]]
        assert case["exception"] in text
        assert case["text"] in text
        if "errno" in case:
            import errno

            assert f"[Errno {getattr(errno, case['errno'])}]" in text


def test_nothing_of_it_is_blamed_on_the_application(report: tuple[str, dict[str, dict[str, str]]]) -> None:
    """Every failure is one that the host does not have."""
    output, _ = report

    assert "fails everywhere" not in output
    assert re.search(r"^fails only in lambda and container: 3 tests$", output, re.MULTILINE)
