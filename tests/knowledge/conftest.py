"""A small project that uses one library, run in an environment by a virtual environment of its own.

The virtual environments are kept in the user's cache beside the plugin's cells (PYTEST_ENVGUARD_CACHE moves them): a check
of packages that were installed before needs no network. Checks of big packages are marked with `heavy`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol

import pytest

from pytest_envguard.matrix import store
from pytest_envguard.matrix.uv import OFFLINE, Uv, UvError, find
from tests.acceptance.conftest import plain_environment

REPOSITORY = Path(__file__).parents[2]

heavy = pytest.mark.skipif(
    os.environ.get("ENVGUARD_KNOWLEDGE") != "all", reason="a big package: only with ENVGUARD_KNOWLEDGE=all"
)
of_another_user = pytest.mark.skipif(
    os.getuid() != 0, reason="needs root: in an ordinary user's namespace all files look like the process's own"
)

# Settings of the developer's that would change what a library does.
_SETTINGS = (
    "AWS_", "CUSTOM_", "DATA_GYM_", "FASTEMBED_", "HF_", "HUGGING", "JOBLIB_", "LITELLM_", "MPL", "NLTK_", "NUMBA_",
    "OPENAI_", "PYTHON", "PYTORCH_", "REQUESTS_", "SENTENCE_", "SSL_", "TIKTOKEN_", "TMP", "TEMP", "TORCH", "TRANSFORMERS_",
    "TRITON_", "XDG_",
)  # fmt: skip


class KnowledgeRun(Protocol):
    """See `knowledge_run`."""

    def __call__(
        self,
        packages: list[str],
        source: str,
        *options: str,
        files: Mapping[str, str] = ...,
        env: Mapping[str, str] = ...,
        seconds: float = ...,
    ) -> dict[str, Any]:
        """Run a test file in a small project."""


@pytest.fixture(scope="session")
def knowledge_run() -> Iterator[KnowledgeRun]:
    """Run a test file: ``knowledge_run(["tiktoken==0.14.0"], "def test_it(): …", "--envguard=lambda")``.

    Args of the function:
        packages: Requirements for uv; what begins with ``--`` is an option of ``uv pip install``, such as
            ``--exclude-newer=2024-06-20``.
        source: Of ``test_it.py``.
        options: Of pytest. Without ``--envguard-baseline`` there is no run on the host.
        files: Relative path to text of more files of the project, or of the home (``~/…``).
        env: More variables. HOME is an empty folder of the test's own; variables that change what libraries do are dropped.
        seconds: Limit of the run.

    It returns a dict with ``code`` (exit code), ``output`` (both streams), ``outcomes``, ``messages`` and ``refusals``
    (environment, then a test's name without its file, to a word, the first line of a failure, or a list of dicts; what
    happened while the file was imported is under ``test_it.py``), ``causes`` (a list) and ``document`` (all of the JSON
    report), ``home`` and ``project`` (folders), ``python`` (the interpreter). Every call has folders of its own, so one run
    may serve several checks: the fixture can be used by those of any scope.
    """
    folders: list[Path] = []

    def run(
        packages: list[str],
        source: str,
        *options: str,
        files: Mapping[str, str] = {},
        env: Mapping[str, str] = {},
        seconds: float = 120,
    ) -> dict[str, Any]:
        python = interpreter(tuple(packages))
        folder = Path(tempfile.mkdtemp(prefix="envguard-knowledge-", dir="/var/tmp"))  # environments replace /tmp
        folders.append(folder)
        folder.chmod(0o755)  # other users enter it
        home, project = folder / "home", folder / "project"
        home.mkdir(mode=0o755)
        project.mkdir(mode=0o755)
        _write(home, {name[2:]: text for name, text in files.items() if name.startswith("~/")})
        files = {name: text for name, text in files.items() if not name.startswith("~/")}
        _write(project, {"pyproject.toml": "[tool.pytest.ini_options]\n", "test_it.py": source, **files})
        words = [str(python), "-m", "pytest", "-p", "no:cacheprovider", "--envguard-report=report.json", *options]
        if not any(option.startswith("--envguard-baseline") for option in options):
            words.append("--envguard-baseline=never")
        environ = {name: text for name, text in plain_environment().items() if not name.startswith(_SETTINGS)}
        environ |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **env}
        process = subprocess.run(
            words,
            cwd=project,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        report = project / "report.json"
        assert report.exists(), process.stdout
        facts = _facts(json.loads(report.read_text()))
        return {
            "code": process.returncode,
            "output": process.stdout,
            "home": home,
            "project": project,
            "python": python,
            **facts,
        }

    yield run
    for folder in folders:
        shutil.rmtree(folder)


def _write(project: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def _facts(document: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a JSON report by environment and test."""
    outcomes: dict[str, dict[str, str]] = {environment["name"]: {} for environment in document["environments"]}
    messages: dict[str, dict[str, str]] = {name: {} for name in outcomes}
    refusals: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in outcomes}
    for test in document["tests"]:
        name = test["nodeid"].partition("::")[2] or test["nodeid"]
        for environment, word in test["outcomes"].items():
            outcomes[environment][name] = word
        for environment, failure in test.get("failures", {}).items():
            messages[environment][name] = failure["message"]
        for environment, found in test.get("refusals", {}).items():
            refusals[environment][name] = found
    causes = document.get("causes", [])
    return {"outcomes": outcomes, "messages": messages, "refusals": refusals, "causes": causes, "document": document}


def interpreter(packages: tuple[str, ...]) -> Path:
    """Return the Python of a virtual environment that has these packages, pytest and this plugin's sources."""
    root = store.open_store().root
    key = store.digest(sys.version, str(REPOSITORY), *packages)
    folder = root / "knowledge" / key
    lock = store.locked(root, f"knowledge-{key}", fcntl.LOCK_EX)
    assert lock is not None
    try:
        if store.read_record(folder) is None:
            _build(folder, packages)
    finally:
        os.close(lock)
    return folder / "bin" / "python"


def _build(folder: Path, packages: tuple[str, ...]) -> None:
    """Make a virtual environment.

    The packages come first and alone: a date that they are as of isn't pytest's. Their bytecode is compiled: on a read-only
    root every run would do it again.
    """
    store.make_folder(folder.parent)
    store.remove_cell(folder)
    python = folder / "bin" / "python"
    uv = Uv(find(), os.environ, folder.parent)
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    umask = os.umask(0o022)  # other users run it as well
    try:
        uv.run("venv", "--quiet", "--no-project", "--no-config", "--python", sys.executable, str(folder))
        if packages:
            uv.run(*install, *packages)
        uv.run(*install, "--editable", str(REPOSITORY))
    except UvError as error:
        store.remove_cell(folder)
        if error.failure.kind == OFFLINE:
            pytest.skip(f"the package index can't be reached: {error.failure.reason}")
        raise
    finally:
        os.umask(umask)
    record = {"name": " ".join(packages), "project": str(REPOSITORY), "python": str(python)}
    store.write_whole(folder / store.RECORD, json.dumps(record))


def refused(facts: dict[str, Any], environment: str, test: str) -> list[tuple[str, str, str, str]]:
    """Return operation, target, error and library of what a test was refused, or its file while it was imported."""
    found = facts["refusals"][environment]
    return [
        (one["operation"], one["target"], one["error"], one["library"])
        for name in ("test_it.py", test)
        for one in found.get(name, ())
    ]


def rules(facts: dict[str, Any], environment: str, test: str) -> list[str]:
    """Return the rules ("LIBRARY/RULE") that explain a test in an environment, "" for a cause without a rule."""
    return [cause["rule"] for cause in causes(facts, environment, test)]


def causes(facts: dict[str, Any], environment: str, test: str) -> list[dict[str, Any]]:
    """Return all that is said of a test in an environment."""
    nodeids = {test, f"test_it.py::{test}"}
    return [one for one in facts["causes"] if not nodeids.isdisjoint(one["tests"].get(environment, ()))]


def explained(facts: dict[str, Any], environment: str, test: str, rule: str) -> None:
    """Fail unless a test failed there because of what ``rule`` knows, and that is certain."""
    assert facts["outcomes"][environment][test] in ("failed", "error"), facts["output"]
    found = causes(facts, environment, test)
    assert [(one["rule"], one["certain"]) for one in found if not one["silent"]] == [(rule, True)], facts["messages"]


def not_explained(facts: dict[str, Any], environment: str, test: str, rule: str) -> None:
    """Fail if ``rule`` is blamed for what happened to a test, which must have failed there or been refused something."""
    bad = facts["outcomes"][environment][test] in ("failed", "error")
    assert bad or refused(facts, environment, test), "nothing happened that could be explained"
    assert rule not in rules(facts, environment, test)
