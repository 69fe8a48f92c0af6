"""The example's tox.ini is what the command prints today, tox reads it, and it finds what its README says."""

from __future__ import annotations

import configparser
import importlib.util
import itertools
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import plain_environment

from .conftest import EXAMPLES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = EXAMPLES / "tox-matrix"
INI = (EXAMPLE / "tox.ini").read_text(encoding="utf-8")
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
SLOW_TEST = "tests/test_word_list.py::test_words_are_there_at_once"
needs_tox = pytest.mark.skipif(importlib.util.find_spec("tox") is None, reason="needs tox")
needs_uv = pytest.mark.skipif(importlib.util.find_spec("uv") is None, reason="needs uv")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example."""
    left = shutil.ignore_patterns(".tox", ".pytest_cache", "__pycache__", "*.egg-info", "build")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "word-list", ignore=left))


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module with this interpreter in the project."""
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=project, env=plain_environment(), capture_output=True, text=True, check=False)


def sections(text: str) -> dict[str, dict[str, list[str]]]:
    """Return a tox.ini as section to key to lines, without comments."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return {
        name: {key: [line.strip() for line in value.splitlines() if line.strip()] for key, value in section.items()}
        for name, section in parser.items()
    }


def names() -> list[str]:
    """Return the environments that the project's own table makes."""
    axes = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["envguard"]["versions"]
    return ["-".join(cell) for cell in itertools.product(*([f"{name}{v}" for v in axes[name]] for name in axes))]


def test_the_file_is_what_the_command_prints_now(project: Path) -> None:
    """`env_list`, `deps` and `commands` are printed by the command in the file's own comment."""
    (command,) = re.findall(r"^# {5}envguard (.*)$", INI, re.MULTILINE)

    printed = run(project, "pytest_envguard", *shlex.split(command))

    assert printed.returncode == 0, printed.stderr
    now, kept = sections(printed.stdout), sections(INI)
    assert now["tox"]["env_list"] == kept["tox"]["env_list"]
    assert now["testenv"] == {key: kept["testenv"].get(key) for key in now["testenv"]}


@needs_tox
def test_tox_lists_an_environment_for_each_cell(project: Path) -> None:
    """The names that tox makes of `env_list` are those of the cells."""
    listed = run(project, "tox", "list", "--no-desc", "-d")

    assert listed.stdout.split() == names(), listed


@needs_tox
@pytest.mark.slow
def test_two_environments_do_what_the_readme_says(project: Path) -> None:
    """The old filelock fails in both environments, the new one in none."""
    old, new = "filelock3.0.12-platformdirs4.14.5", "filelock4.2.11-platformdirs4.14.5"
    # Not from an index: this very source.
    source = f"pytest-envguard @ {EXAMPLES.parent.as_uri()}"

    done = run(project, "tox", "-e", f"{old},{new}", "--force-dep", source, "--colored", "no")

    assert re.search(rf"^\s*{old}: FAIL code 1", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert re.search(rf"^\s*{new}: OK", done.stdout, re.MULTILINE), done.stdout
    assert f"FAILED {SLOW_TEST} @lambda" in done.stdout
    assert f"FAILED {SLOW_TEST} @container" in done.stdout
    assert "2 failed, 4 passed" in done.stdout


@needs_uv
def test_one_run_explains_the_whole_matrix(project: Path) -> None:
    """The README's output, without times and figures, is that of `pytest --envguard-versions`."""
    (command,) = re.findall(r"^    pytest (--envguard=\S+ --envguard-versions=\S+)$", README, re.MULTILINE)
    (shown,) = re.findall(r"```\n(fails with .*?)```", README, re.DOTALL)

    done = run(project, "pytest", *command.split(), "--tb=no", "-p", "no:cacheprovider")

    assert done.returncode == 1, done.stdout + done.stderr
    printed = done.stdout.splitlines()
    missing = [
        line for line in shown.splitlines() if line not in ("", "…") and _plain(line) not in map(_plain, printed)
    ]
    assert not missing, done.stdout


def _plain(line: str) -> str:
    """Return a line without what differs from run to run: seconds, memory, and where the project lies."""
    line = re.sub(r"/\S*/word-list/", "/word-list/", line)
    return " ".join(re.sub(r"\d[\d.]* (?=s\b|times|[KMG]iB)", "… ", line).split())
