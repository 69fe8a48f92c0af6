"""Mistakes in what `envguard model` is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.commands import model
from pytest_envguard.commands.parser import Parser
from pytest_envguard.errors import EnvguardError


def run(*words: str) -> int:
    parser = Parser(prog="envguard")
    model.add(parser.add_subparsers(parser_class=Parser))
    options = parser.parse_args(["model", *words])
    return int(options.action(options))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["file"], "file is a file, not a model folder"),
        (["m", "--profile", "contaner"], "no profile is named `contaner`"),
        (["m", "--timeout", "soon"], "`--timeout`: expected a number of seconds above zero, got `soon`"),
        (["m", "--timeout", "inf"], "`--timeout`: expected a number of seconds"),
        (["m", "--tolerance", "-1"], "`--tolerance`: expected a number of code points, got `-1`"),
        (["m", "--no-load", "--load-model"], "--no-load looks at the files alone"),
        (["m", "--static-only", "--trust-remote-code"], "--no-load looks at the files alone"),
        (["m", "--manifest", "none"], "--manifest: none is not there"),
        (["m", "--manifest", "a", "--write-manifest", "b"], "not allowed with argument"),
    ],
)
def test_a_mistake_is_one_error(folder: Path, words: list[str], message: str) -> None:
    """What, where and what was expected."""
    with pytest.raises(EnvguardError) as caught:
        run(*words)
    assert message in caught.value.message


def test_a_manifest_that_is_missing_is_not_written_in_silence(folder: Path) -> None:
    """A slip of the keyboard would make every check a good one; the hint has the option that writes."""
    with pytest.raises(EnvguardError) as caught:
        run("m", "--manifest", "none")
    assert "--write-manifest none" in caught.value.hint
    assert not Path("none").exists()


def test_an_empty_folder_is_an_error_without_loading(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and the text ends with how much was found."""
    assert run("m", "--no-load") == 1
    shown = capsys.readouterr().out
    assert "nothing was loaded: it was asked for the files alone" in shown
    assert "error" in shown.splitlines()[-1]


def test_a_manifest_is_written_and_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that has changed since is found."""
    Path("m/config.json").write_text('{"model_type": "bert"}')
    run("m", "--no-load", "--write-manifest", "sums")
    assert "the SHA-256 of 1 files was written to sums" in capsys.readouterr().err
    Path("m/config.json").write_text('{"model_type": "gpt2"}')
    assert run("m", "--no-load", "--manifest", "sums") == 1
    assert "config.json: " in capsys.readouterr().out
