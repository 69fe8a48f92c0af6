"""`envguard matrix`: which cells it prints, as what, and which mistakes it finds before it asks anybody."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pytest_envguard.cli import main
from pytest_envguard.matrix.formats import table_text, tox_text
from pytest_envguard.matrix.store import VARIABLE
from pytest_envguard.model.cell import Cell

SETS = """
[tool.envguard]
install = []

[tool.envguard.versions]
six = ["1.15.0", "1.16.0"]
iniconfig = "2.0.0"

[tool.envguard.versions.old]
six = ">=1.10,<1.13"
as-of = 2024-06-20
"""
CELLS = [Cell((("six", version), ("iniconfig", "2.0.0"))) for version in ("1.15.0", "1.16.0")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the index said is remembered for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a project of one's own, without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv(VARIABLE, str(cache))
    (tmp_path / "pyproject.toml").write_text(SETS)
    return tmp_path


def test_without_an_axis_it_is_the_project_s_own_set(capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, and nothing but the table: no note where all versions are written out."""
    assert main(["matrix"]) == 0
    assert capsys.readouterr() == (table_text(CELLS, []) + "\n", "")


def test_below_the_project_s_folder_it_is_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nearest pyproject.toml counts."""
    (folder / "src").mkdir()
    monkeypatch.chdir(folder / "src")

    assert main(["matrix"]) == 0
    assert capsys.readouterr().out == table_text(CELLS, []) + "\n"


def test_a_table_says_what_latest_and_ranges_are(capsys: pytest.CaptureFixture[str]) -> None:
    """With the day that they hold for; axes of the command line are those of `--envguard-versions`."""
    assert main(["matrix", "old", "--profiles", "lambda,offline"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "3 cells in lambda and offline: 6 environments\n\nsix     as of       cell\n1.10.0  2024-06-20"
    )
    assert out.endswith("\n\nsix `>=1.10,<1.13`, 2024-06-20: 1.10.0, 1.11.0, 1.12.0\n")

    assert main(["matrix", "iniconfig==1.1.1,latest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 cells"
    latest = lines[-1].removeprefix("iniconfig `latest`, today: ")
    assert lines[-3] == f"{latest:<9}  iniconfig{latest}"


def test_github_s_json_is_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """One line; what `latest` is goes to standard error."""
    assert main(["matrix", "six==1.15.0,latest", "--profiles", "lambda", "--format", "github"]) == 0

    out, err = capsys.readouterr()
    jobs = json.loads(out)["include"]
    assert out.count("\n") == 1
    assert (len(jobs), jobs[0]["name"]) == (2, "lambda-six1.15.0")
    assert jobs[0]["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert err.startswith("six `latest`, today: 1.")


def test_a_tox_ini_says_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be written again."""
    assert main(["matrix", "--format", "tox", "--profiles", "lambda"]) == 0

    heading = "Written by `envguard matrix --profiles lambda --format tox`."
    assert capsys.readouterr() == (tox_text(CELLS, ["lambda"], heading) + "\n", "")


def test_what_tox_cannot_install_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """pytest-envguard itself isn't there as of an old day; without an environment, pytest alone is enough."""
    assert main(["matrix", "old", "--format", "tox", "--profiles", "lambda"]) == 0
    assert "note: as of a day before pytest-envguard's own first release" in capsys.readouterr().err
    assert main(["matrix", "old", "--format", "tox"]) == 0
    out, err = capsys.readouterr()
    assert "note" not in err
    assert "UV_EXCLUDE_NEWER = 2024-06-21T00:00:00Z" in out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["six"], "AXIS: no set of versions is named `six`", "known: default, old; an axis is written"),
        (
            ["six==latst"],
            "AXIS: `six==latst`: expected a version such as 1.53.9, `latest` or `lowest`, got 'latst'",
            "",
        ),
        (["six==1.10.5"], "six 1.10.5 is not on the index", "nearest: 1.10.0 and 1.11.0"),
        (["--profiles", "lamda"], "no profile is named `lamda`", "did you mean `lambda`?"),
        (["--format", "toml"], "argument --format: invalid choice: 'toml'", "see `envguard matrix --help`"),
        (["--prune"], "unrecognized arguments: --prune", "see `envguard --help`"),
        (["six>=99"], "AXIS: the axis `six` is empty: no release is `>=99`", ""),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], words: list[str], message: str, hint: str) -> None:
    """One clear error, exit code 4, and nothing on standard output."""
    assert main(["matrix", *words]) == 4
    out, err = capsys.readouterr()
    assert out == "" and "Traceback" not in err
    assert err.startswith(f"error: {message}")
    assert f"\nhint: {hint}" in err or not hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "for example `envguard matrix 'litellm==1.53.9,latest'`"),
        (
            "[tool.envguard.versions.old]\nsix = '1.15.0'\n[tool.envguard.versions.new]\nsix = '1.16.0'\n",
            "for example `envguard matrix 'litellm==1.53.9,latest'`; or one of the sets new, old",
        ),
    ],
)
def test_without_an_axis_and_without_a_set(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, hint: str
) -> None:
    """What there is, or how one is written."""
    (folder / "pyproject.toml").write_text(text)

    assert main(["matrix"]) == 4
    message = "no AXIS is given, and pyproject.toml has no [tool.envguard.versions]"
    assert capsys.readouterr() == ("", f"error: {message}\nhint: {hint}\n")


def test_a_matrix_that_is_too_large_asks_for_pairwise(capsys: pytest.CaptureFixture[str]) -> None:
    """256 cells are GitHub's limit, and everybody's; two profiles halve it for GitHub alone."""
    words = [
        "matrix",
        "six==1.10.0,1.11.0,1.12.0,1.13.0,1.14.0,1.15.0,1.16.0",
        "iniconfig==1.1.1,2.0.0,2.1.0,2.3.0",
        "packaging==22.0,23.0,23.1,23.2,24.0,24.1",
    ]

    assert main([*words, "--profiles", "lambda,offline", "--format", "github"]) == 4
    assert "336 jobs (168 cells × 2 profiles): a matrix of GitHub Actions has at most 256" in capsys.readouterr().err
    assert main([*words, "--profiles", "lambda,offline"]) == 0
    assert capsys.readouterr().out.startswith("168 cells in lambda and offline: 336 environments\n")
    assert main([*words, "pluggy==1.4.0,1.5.0", "--format", "table"]) == 4
    assert "strategy=pairwise" in capsys.readouterr().err
    assert main([*words, "pluggy==1.4.0,1.5.0", "strategy=pairwise"]) == 0
    assert capsys.readouterr().out.startswith("42 cells\n")
