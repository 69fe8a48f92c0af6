"""A project in a folder of its own, and `pytest` run on it as a user would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "Result"]


class Result:
    """What a user sees of a run.

    Attributes:
        code: Exit code.
        out: Standard output with colours and times taken out.
        err: Standard error.
    """

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.out = re.sub(r"\x1b\[[0-9;]*m", "", process.stdout)
        self.err = process.stderr

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    def line(self, start: str) -> str:
        """Return the one line of the output that begins with ``start``; those of the progress are others."""
        lines = (line for line in self.out.splitlines() if not line.endswith("%]"))
        (line,) = (line for line in lines if line.startswith(start))
        return line

    def check(self, code: int, text: str) -> None:
        """Fail with all that was printed, unless it ended with ``code`` and printed ``text``."""
        if self.code != code or text not in self.out:
            pytest.fail(f"expected exit code {code} and `{text}`:\n{self!r}", pytrace=False)

    def has(self, *lines: str) -> bool:
        """Whether these lines stand in the output, in this order, other lines between them allowed."""
        rest = iter(self.out.splitlines())
        return all(any(line.strip() == found.strip() for found in rest) for line in lines)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project; pytest's own folder for it has mode 0700 and lies in /tmp, which makes it a hard case."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def write(project: Path, source: str, name: str = "test_it.py") -> None:
    """Write a test file that begins with the usual imports."""
    (project / name).write_text(f"import errno, os, pathlib, socket, subprocess, sys, time\nimport pytest\n{source}\n")


def plain_environment() -> dict[str, str]:
    """The caller's variables without those that would change what these tests see."""
    dropped = ("PYTEST_", "PY_COLORS", "FORCE_COLOR", "COLUMNS", "COV_", "COVERAGE_", "TOX_", "CI", "BUILD_NUMBER")
    kept = "PYTEST_ENVGUARD_CACHE"  # where the tests that make cells keep them
    return {name: value for name, value in os.environ.items() if name == kept or not name.startswith(dropped)}


def start(project: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start pytest in ``project``."""
    options = {"env": plain_environment(), **options}
    words = [sys.executable, "-m", "pytest", "-p", "no:randomly", *arguments]
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        words, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


FORBID = str(Path(__file__).with_name("forbid.py"))


def run_where_forbidden(project: Path, place: str, *words: str, module: str = "pytest") -> Result:
    """Run a module of Python's in ``project``, where namespaces and more are forbidden; see `forbid`."""
    plain = ["-p", "no:randomly", "-p", "no:cacheprovider"] if module == "pytest" else []
    process = subprocess.run(
        [sys.executable, FORBID, place, sys.executable, "-m", module, *plain, *words],
        cwd=project,
        env=plain_environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return Result(process)


@pytest.fixture
def run(project: Path) -> Run:
    """Run pytest in the project: ``run("--envguard=lambda")``."""

    def run_pytest(*arguments: str) -> Result:
        process = start(project, *arguments, stdin=subprocess.DEVNULL)
        out, err = process.communicate(timeout=120)
        return Result(subprocess.CompletedProcess(process.args, process.returncode, out, err))

    return run_pytest


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cells of this test run's own, shared by its tests; the user's are not touched."""
    root = tmp_path_factory.getbasetemp()
    shared = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "envguard-cache"
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(shared))
    return shared


@pytest.fixture
def table(project: Path) -> Path:
    """The project's pyproject.toml: nothing but the versions goes into a cell."""
    (project / "pytest.ini").unlink()
    file = project / "pyproject.toml"
    file.write_text("[tool.pytest.ini_options]\n[tool.envguard]\ninstall = []\n")
    return file
