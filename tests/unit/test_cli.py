"""The `envguard` command: bad input, and what it prints without entering anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard import __version__
from pytest_envguard.cli import main
from pytest_envguard.profiles import load_catalogue
from pytest_envguard.report.terminal.profiles import list_text, profile_text

KNOWN = ", ".join(sorted(load_catalogue(None, (3, 11)).names()))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a project of one's own, without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ([], "the following arguments are required: COMMAND", "see `envguard --help`"),
        (["run"], "the following arguments are required: PROFILE, COMMAND", "see `envguard run --help`"),
        (["run", "lambda"], "no command to run", "envguard run lambda -- COMMAND…"),
        (["run", "lambda", "--"], "no command to run", "envguard run lambda -- COMMAND…"),
        (["run", "lamda", "--", "true"], "no profile is named `lamda`", f"did you mean `lambda`? known: {KNOWN}"),
        (["profiles", "lamda"], "no profile is named `lamda`", f"did you mean `lambda`? known: {KNOWN}"),
        (["profiles", "lambda:uid"], "`lambda:uid`: `uid` has no value", "write `lambda:uid=VALUE`"),
        (
            ["profiles", "lambda:uid=-1"],
            "`lambda:uid=-1`: `uid`: expected a whole number from 0 to 4294967294, got '-1'",
            "",
        ),
        (["doctor", "now"], "unrecognized arguments: now", "see `envguard --help`"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], words: list[str], message: str, hint: str) -> None:
    """A mistake is one error with a hint on stderr and exit code 4, as pytest's usage errors have."""
    assert main(words) == 4
    assert capsys.readouterr() == ("", f"error: {message}\n" + (f"hint: {hint}\n" if hint else ""))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["frob"], "error: argument COMMAND: invalid choice: 'frob' (choose from "),
        (
            ["run", "--fidelity", "best", "lambda", "--", "true"],
            "error: argument --fidelity: invalid choice: 'best' (choose ",
        ),
    ],
)
def test_bad_choices(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    """A word that isn't one of the choices is a mistake like any other (argparse words the rest, by its version)."""
    assert main(words) == 4
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize("below", [".", "src/deep"])
def test_a_project_s_file_with_a_mistake(capsys: pytest.CaptureFixture[str], folder: Path, below: str) -> None:
    """The project's own profiles are read from its root, wherever the command is run in it."""
    (folder / "pyproject.toml").write_text("a = \n")
    (folder / below).mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / below)
        assert main(["profiles"]) == 4
    error = f"error: {folder / 'pyproject.toml'}: not valid TOML: Invalid value (at line 1, column 5)\n"
    assert capsys.readouterr() == ("", error)


@pytest.mark.parametrize("command", ["no-such-program", "./no-such-program", "."])
def test_a_command_that_cannot_be_run(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """A command that is missing or can't be executed is a mistake in the input, not a traceback."""
    assert main(["run", "-q", "host", "--", command]) == 4
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and f"`{command}`" in err


def test_profiles_lists_and_shows(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Without a name all profiles are listed, the project's with them; with a selection it is shown."""
    (folder / "pyproject.toml").write_text('[tool.envguard.profiles.edge]\nsummary = "ours"\nuid = 5')
    catalogue = load_catalogue(folder / "pyproject.toml", sys.version_info[:2])
    assert (main(["profiles"]), capsys.readouterr().out) == (0, list_text(catalogue) + "\n")
    assert (main(["profiles", "edge"]), capsys.readouterr().out) == (0, profile_text(catalogue.one("edge")) + "\n")


@pytest.mark.parametrize(
    ("words", "start"), [(["--version"], f"pytest-envguard {__version__}\n"), (["--help"], "usage: envguard [-h]")]
)
def test_version_and_help(capsys: pytest.CaptureFixture[str], words: list[str], start: str) -> None:
    """Both print to stdout and end with 0."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(start)


def test_the_module_is_the_command() -> None:
    """`python -m pytest_envguard` ends with the command's exit code and its words."""
    ended = subprocess.run([sys.executable, "-m", "pytest_envguard"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        4,
        "",
        "error: the following arguments are required: COMMAND\nhint: see `envguard --help`\n",
    )


@pytest.mark.parametrize("words", [["profiles", "lambda"], ["explain", "tiktoken", "--json"], ["no-such-…"]])
def test_a_terminal_without_our_characters(words: list[str]) -> None:
    """What it lacks has a stand-in or is an escape: no traceback, the same exit code, and JSON says the same."""
    said = {}
    for encoding in ("ascii", "utf-8"):
        environ = {**os.environ, "PYTHONIOENCODING": encoding}
        command = [sys.executable, "-m", "pytest_envguard", *words]
        said[encoding] = subprocess.run(command, capture_output=True, encoding=encoding, env=environ, check=False)
    plain, full = said["ascii"], said["utf-8"]
    assert plain.returncode == full.returncode and "Traceback" not in plain.stderr
    assert ("--json" in words) == (plain.stdout == full.stdout and plain.stderr == full.stderr)
