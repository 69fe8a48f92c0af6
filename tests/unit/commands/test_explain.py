"""`envguard explain`: what it shows, and what it says to bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_envguard.cli import main
from pytest_envguard.diagnosis.tables import load_knowledge

SHIPPED = load_knowledge(None).names()
OURS = """\
summary = "what our services ask with"
modules = ["ours", "_ours"]

[[uses]]
kind = "writes"
what = "its cache"
when = "import"
where = "{home}/.cache/ours"
variables = ["OURS_CACHE"]
loud = true

[[rules]]
name = "cache-in-home"
dimension = "root"
says = "{library} {version} wrote {target}; {because}"
match = { by = "ours", error = "EROFS" }

[[rules.remedies]]
set = { OURS_CACHE = "{tmp}/ours" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a project that knows something, without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "pyproject.toml").write_text('[tool.envguard]\nknowledge = ["pluggy.toml"]')
    (tmp_path / "pluggy.toml").write_text(OURS)
    return tmp_path


def test_the_list_has_what_is_shipped_and_the_project_s(capsys: pytest.CaptureFixture[str]) -> None:
    """A line begins with each name."""
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    names = [line.split()[0] for line in out.splitlines() if line[:1].isalnum()]
    assert names == sorted({"pluggy", *SHIPPED})
    assert "what our services ask with" in out


@pytest.mark.parametrize("name", ["pluggy", "Pluggy", "ours", "_ours.inner"])
def test_one_library(capsys: pytest.CaptureFixture[str], folder: Path, name: str) -> None:
    """By its name or a module's; with the version that is installed beside the command, and the file that it's from."""
    assert main(["explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"pluggy {version('pluggy')}: what our services ask with\n\nwrites its cache\n")
    assert f"\n    pluggy {version('pluggy')} wrote <target>; the environment changes `root`\n" in out
    assert str(folder / "pluggy.toml") in out


def test_several_libraries_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which they are asked for."""
    assert main(["explain", "tiktoken", "ours", "pluggy"]) == 0
    heads = [
        line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith(("pluggy ", "tiktoken "))
    ]
    assert heads == ["tiktoken", "pluggy"]


def test_what_matters_in_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """The environment's folders and remedies; any selection that `--envguard` takes."""
    assert main(["explain", "ours", "--profile", "lambda+offline"]) == 0
    out = capsys.readouterr().out
    assert "~/.cache/ours → /home/sbx_user1051/.cache/ours: not writable (EROFS)" in " ".join(out.split())
    assert "the root is read-only in lambda+offline" in " ".join(out.split())
    assert "\n    remedy: OURS_CACHE=/tmp/ours\n" in out


def test_the_list_of_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what has a rule about what it changes."""
    assert main(["explain", "--profile", "host"]) == 0
    assert capsys.readouterr().out == "No rule is about anything that host changes.\n"


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON, of one library all that is known."""
    assert main(["explain", "--json", "--profile", "lambda", "ours"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["libraries"]
    assert (found["name"], found["installed"], found["profile"]) == ("pluggy", version("pluggy"), "lambda")
    assert found["rules"][0]["remedies"][0]["there"]["set"] == {"OURS_CACHE": "/tmp/ours"}
    assert main(["explain", "--json"]) == 0
    assert "pluggy" in [library["name"] for library in json.loads(capsys.readouterr().out)["libraries"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pluggi"], "error: nothing is known about `pluggi`\nhint: did you mean `pluggy`? known: "),
        (["ours", "--profile", "lamda"], "error: no profile is named `lamda`\nhint: did you mean `lambda`? known: "),
        (["ours", "--frob"], "error: unrecognized arguments: --frob\n"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    """One error with the nearest name, and exit code 4."""
    assert main(["explain", *words]) == 4
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(message)


def test_a_broken_file_of_the_project(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """File, table, key and reason."""
    (folder / "pluggy.toml").write_text(OURS.replace('by = "ours"', 'target = "("'))
    assert main(["explain", "tiktoken"]) == 4
    assert capsys.readouterr().err == (
        f"error: {folder}/pluggy.toml: rule `cache-in-home`: `match`: `target`: not a regular expression: "
        "missing ), unterminated subpattern at position 0: '('\n"
    )


@pytest.mark.parametrize("libraries", [["ours"], SHIPPED])
def test_a_pipe_that_nobody_reads_to_its_end(libraries: list[str]) -> None:
    """`envguard explain … | head -1` ends as quietly as other commands do, however much there is to say."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "pytest_envguard", "explain", *libraries]
    ended = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")
