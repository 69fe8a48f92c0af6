"""Every mistake is one clear error before anything starts: exit code 4, no traceback, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run, plain_environment

NAMES = (
    "cloudrun, container, host, kubernetes, lambda, lambda-image, no_network, no_shm, noexec_tmp, "
    "offline, offline-drop, offline-nxdomain, "
    "offline-refuse, openshift, readonly_root, systemd"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--envguard=lamda"], f"no profile is named `lamda`\nhint: did you mean `lambda`? known: {NAMES}"),
        (["--envguard="], "`--envguard` names no profile\nhint: for example `--envguard=lambda`; known:"),
        (["--envguard=lambda:tmp_sise=3"], "no dimension is named `tmp_sise`\nhint: did you mean `tmp_size`? known:"),
        (["--envguard=lambda:tmp_size=512X"], '`tmp_size`: expected a size such as "512M" or "10G", got \'512X\''),
        (["--envguard=lambda:uid=4294967296"], "`uid`: expected a whole number from 0 to 4294967294, got '4294967296'"),
        (["--envguard=lambda:memory"], "`lambda:memory`: `memory` has no value\nhint: write `lambda:memory=VALUE`"),
        (
            ["--envguard=lambda:folder=/nowhere"],
            "could not be entered: working folder /nowhere: No such file or directory",
        ),
        (["--envguard=lambda", "-p", "no:xdist"], "runs its environments through pytest-xdist, which is switched off"),
        (["--envguard=lambda", "--tx=popen"], "`--tx` and `--envguard` both say where tests run"),
        (
            ["--envguard-fix=try"],
            "`--envguard-fix` is about environments or versions, and none were asked for\nhint: for",
        ),
        (["--envguard=lambda", "--dist=each"], "`--dist=each` runs every test in every worker"),
        (
            ["--envguard=lambda,offline", "--pdb"],
            "`--pdb` needs the terminal for itself and works with one environment",
        ),
        (["--envguard=lambda,offline", "-s"], "`-s` needs the terminal for itself and works with one environment"),
        (["--envguard=lambda", "-s", "--junitxml=x"], "`--junitxml` cannot be written together with `-s`"),
        (["--envguard-fidelity=perfect"], "invalid choice: 'perfect' (choose from"),
    ],
)
def test_a_mistake_on_the_command_line(project: Path, run: Run, arguments: list[str], message: str) -> None:
    """What was wrong and what to do is said on standard error; no test runs."""
    (project / "test_app.py").write_text("open('ran.txt', 'w')\ndef test_ok():\n    pass\n")

    result = run(*arguments)

    assert result.code == 4
    assert message in result.err
    assert "Traceback" not in result.err + result.out
    assert not (project / "ran.txt").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.envguard.profiles.own\n", "Expected ']' at the end of a table declaration (at line 1"),
        (
            "[tool.envguard.profiles.own]\ninherits = 'lambada'\n",
            "`inherits`: no profile is named `lambada`\nhint: did",
        ),
        (
            "[tool.envguard.profiles.own]\ninherits = 'two'\n[tool.envguard.profiles.two]\ninherits = 'own'\n",
            "[tool.envguard.profiles.own]: `inherits` goes round in a circle: own -> two -> own",
        ),
        ("[tool.envguard.profiles.own]\ntmp_exec = 'maybe'\n", "`tmp_exec`: expected true or false, got 'maybe'"),
        ("[tool.envguard.profiles.own]\nuid = -1\n", "`uid`: expected a whole number from 0 to 4294967294, got -1"),
        ("[tool.envguard.profiles.own]\nsince = 3\n", "`since`: expected a table, got 3"),
        ("[tool.envguard.profiles.own]\nhome = 'relative'\n", '`home`: expected an absolute path or "host", "unset"'),
        ("[tool.envguard.profiles]\nown = 3\n", "[tool.envguard.profiles.own]: expected a table, got 3"),
        ("[tool.envguard]\nprofiles = 3\n", "[tool.envguard.profiles] must be a table with one table for each profile"),
        ("[tool.envguard.profiles.own]\nenv = { X = '{nothing}' }\n", "no placeholder is named `{nothing}`"),
    ],
)
def test_a_mistake_in_the_project_file(project: Path, run: Run, text: str, message: str) -> None:
    """File, table and key are named, and what was expected there."""
    (project / "pyproject.toml").write_text(text)
    (project / "test_app.py").write_text("def test_ok():\n    pass\n")

    result = run("--envguard=own")

    assert result.code == 4
    assert message in result.err
    assert "Traceback" not in result.err + result.out


RULE = """
summary = "our client"
[[rules]]
name = "cache"
dimension = "{dimension}"
says = "it keeps its cache in {{folder}}"
match = {{ by = ["ourlib"], target = "{target}" }}
"""


@pytest.mark.parametrize(
    ("knowledge", "message"),
    [
        ("summary =", "ourlib.toml: not valid TOML: "),
        (
            RULE.format(dimension="rot", target=""),
            "ourlib.toml: rule `cache`: `dimension`: no dimension is named `rot`\nhint: did you mean `root`?",
        ),
        (RULE.format(dimension="root", target="("), "ourlib.toml: rule `cache`: `match`: `target`: "),
        (None, "ourlib.toml"),
    ],
)
def test_a_mistake_in_the_project_s_knowledge(project: Path, run: Run, knowledge: str | None, message: str) -> None:
    """Found before the first test, with file, rule, key and reason; also a file that isn't there."""
    (project / "pytest.ini").unlink()
    (project / "pyproject.toml").write_text('[tool.pytest.ini_options]\n[tool.envguard]\nknowledge = ["ourlib.toml"]\n')
    if knowledge is not None:
        (project / "ourlib.toml").write_text(knowledge)
    (project / "test_it.py").write_text("def test_it():\n    open('ran', 'w')\n")
    result = run("--envguard=host")
    assert result.code == 4, result
    assert message in result.err and "Traceback" not in result.err, result
    assert not (project / "ran").exists()


def test_the_same_profile_twice_is_one_environment(project: Path, run: Run) -> None:
    """Naming an environment twice runs it once."""
    (project / "test_app.py").write_text("def test_ok():\n    pass\n")

    assert "1 passed" in run("--envguard=lambda,lambda").out


def test_a_project_that_is_the_replaced_folder_itself_is_refused() -> None:
    """From /tmp itself, lambda can't be entered: its /tmp is a fresh one."""
    words = [sys.executable, "-m", "pytest", "--envguard=lambda", "-p", "no:cacheprovider", "--co"]
    found = subprocess.run(words, cwd="/tmp", env=plain_environment(), capture_output=True, text=True, check=False)

    assert found.returncode == 4
    assert "profile `lambda` replaces /tmp, but the project is /tmp itself" in found.stderr


def test_an_interpreter_in_a_noexec_tmp_of_the_hosts_is_refused(tmp_path: Path) -> None:
    """`tmp_exec = false` for the host's own /tmp can't hold while the interpreter runs from there."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "venv"], check=True
    )
    python = tmp_path / "venv/bin/python"
    project = tmp_path / "project"
    project.mkdir()
    environment = {**plain_environment(), "PYTHONPATH": ":".join(path for path in sys.path if path)}
    words = [
        python,
        "-m",
        "pytest",
        "-p",
        "pytest_envguard.plugin",
        "-p",
        "xdist.plugin",
        "--envguard=host:tmp_exec=no",
    ]
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    found = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=False)

    assert found.returncode == 4
    assert "is impossible here: the interpreter itself lies in" in found.stderr
