"""The workflow is one that GitHub would accept, and its commands do here what its comments say.

GitHub itself isn't asked: its runners can't be reached from a test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from tests.acceptance.conftest import plain_environment

from .conftest import EXAMPLES

EXAMPLE = EXAMPLES / "github-actions"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "envguard.yml"
README = EXAMPLES.parent / "README.md"
FORBID = EXAMPLES.parent / "tests" / "acceptance" / "forbid.py"
# Job to what comes nearest to its machine here: no namespaces and no capabilities; all that this machine has; root as
# Docker leaves it.
PLACES = {"runner": ("docker",), "kernel": (), "image": ("container",)}
_TO_JSON = "import json, sys; from ruamel.yaml import YAML; json.dump(YAML(typ='safe').load(sys.stdin), sys.stdout)"


class Checker(NamedTuple):
    """A Python that has check-jsonschema, which carries the schemas of GitHub and GitLab.

    Attributes:
        python: Its path.
    """

    python: str

    def check(self, schema: str, file: Path) -> str:
        """Return what is wrong with ``file``, "" if nothing."""
        words = [self.python, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
        process = subprocess.run(words, capture_output=True, text=True, check=False, env=plain_environment())
        return process.stdout + process.stderr if process.returncode else ""

    def load(self, text: str) -> Any:
        """Return what a YAML text says."""
        words = [self.python, "-c", _TO_JSON]
        return json.loads(subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    """Install check-jsonschema into an environment of its own."""
    folder = tmp_path_factory.mktemp("checker")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    words = [python, "-m", "pip", "install", "--quiet", "check-jsonschema==0.39.0"]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.skip(f"pip can't install check-jsonschema: {process.stderr.strip().splitlines()[-1:]}")
    return Checker(python)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example."""
    left = shutil.ignore_patterns(".pytest_cache", "__pycache__", "*.xml")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "price-list", ignore=left))


def run(project: Path, command: str, *place: str) -> tuple[int, str]:
    """Run a command as a workflow does, with this interpreter's programs first; return its exit code and output."""
    environment = plain_environment()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    words = ["bash", "-e", "-c", command]
    process = subprocess.run(
        [sys.executable, str(FORBID), *place, *words] if place else words,
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout


@pytest.mark.parametrize("file", [WORKFLOW, EXAMPLES.parent / ".github" / "workflows" / "ci.yml"], ids=lambda f: f.stem)
def test_github_would_read_the_workflow(checker: Checker, file: Path) -> None:
    """The example's and this repository's own agree with the published schema."""
    assert checker.check("github-workflows", file) == ""


def test_the_check_would_find_a_mistake(checker: Checker, tmp_path: Path) -> None:
    """A misspelt key doesn't pass."""
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOW.read_text().replace("runs-on:", "run-on:"))

    assert "run-on" in checker.check("github-workflows", broken)


@pytest.mark.parametrize("job", PLACES)
def test_the_commands_of_each_job_pass(checker: Checker, project: Path, job: str) -> None:
    """All lines but the one for root; the header says what the comments promise, the ledger what was lost."""
    steps = checker.load(WORKFLOW.read_text())["jobs"][job]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    here = [command for command in commands if not command.startswith("sudo ")]

    for command in here:
        code, output = run(project, command, *PLACES[job])
        assert code == 0, output

    assert len(commands) - len(here) == (job == "kernel")
    assert ("exactly, at the system call: " in output) == (job != "kernel")
    assert ("read-only root" in output.partition("exactly, at")[0]) == (job == "kernel")
    assert "8 passed" in output
    assert "passes, but was refused something: 3 tests" in output
    assert "mkdir /home/sbx_user1051: EROFS (price_list.py:15) in lambda" in output


def test_every_job_has_a_place_here(checker: Checker) -> None:
    """A new job is tested, too."""
    assert set(checker.load(WORKFLOW.read_text())["jobs"]) == set(PLACES)


def test_the_junit_file_says_what_was_refused(project: Path) -> None:
    """One case for each test and environment, with how it was enforced."""
    run(project, "pytest --envguard=lambda,container --junitxml=envguard.xml", "docker")

    cases = ElementTree.parse(project / "envguard.xml").findall(".//testcase")
    said = [(item.get("name"), item.get("value")) for case in cases for item in case.iter("property")]
    assert len(cases) == 8
    assert said.count(("envguard_enforced", "kernel and system calls, parts approximated")) == 8
    assert ("envguard_refused", "mkdir /.cache: EROFS (price_list.py:15)") in said


def test_without_the_line_for_root_the_kernel_job_is_refused(project: Path) -> None:
    """Exit code 4, and not a run that only looks the same."""
    command = "pytest --envguard=lambda,container --envguard-fidelity=kernel"
    assert command in WORKFLOW.read_text()

    code, output = run(project, command, "docker")

    assert code == 4, output
    assert "`lambda` cannot be enforced here to the fidelity `kernel`" in output


def test_the_readme_s_gitlab_job_is_one(checker: Checker, project: Path) -> None:
    """It agrees with GitLab's schema, and its script passes as root in a container."""
    (text,) = re.findall(r"```yaml\n(# \.gitlab-ci\.yml\n.*?)```", README.read_text(), re.DOTALL)
    file = project / ".gitlab-ci.yml"
    file.write_text(text)

    assert checker.check("gitlab-ci", file) == ""
    (job,) = (value for value in checker.load(text).values() if isinstance(value, dict) and "script" in value)
    for command in job["script"]:
        code, output = run(project, command, "container")
        assert code == 0, output
    assert "exactly, at the system call: " in output
