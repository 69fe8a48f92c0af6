"""The closing table of a run with version axes."""

from __future__ import annotations

import pytest

from pytest_envguard.model.verdict import Broken, Run
from pytest_envguard.report.folding import narrowed
from pytest_envguard.report.grid import Grid, grid, of_tests
from pytest_envguard.report.summary import summarise
from pytest_envguard.report.terminal.table import lines
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, PASSED, Happened, matrix_run

BOTH = {"litellm": ("1.53.9", "1.60.8"), "tiktoken": ("0.7.0", "0.9.0")}


def test_a_row_for_versions_a_column_for_profiles() -> None:
    """A word for each environment, whatever became of it."""

    def happened(profile: str, versions: dict[str, str]) -> Happened:
        if tuple(versions.values()) == ("1.53.9", "0.9.0"):
            return "because"
        if tuple(versions.values()) == ("1.60.8", "0.9.0"):
            return {}
        return {"a": EROFS if profile == "lambda" else PASSED, "b": EROFS if profile == "lambda" else PASSED}

    sample = matrix_run(BOTH, happened, (LAMBDA, CONTAINER))
    sample.runs[1].broken = Broken(("not what was promised",))
    absent = next(name for name in sample.matrix.coordinates if name.startswith("container-litellm1.60.8"))
    index = next(index for index, run in enumerate(sample.runs) if run.environment == absent)
    del sample.runs[index], sample.plans[index]
    assert list(lines(grid(sample.summary()))) == [
        "litellm  tiktoken  lambda          container",
        "1.53.9   0.7.0     2 FAIL          passes",
        "1.53.9   0.9.0     not resolvable  not resolvable",
        "1.60.8   0.7.0     stopped         -",
        "1.60.8   0.9.0     no tests        no tests",
    ]


def test_without_profiles_there_is_one_column() -> None:
    """It is called result."""
    sample = matrix_run({"litellm": ("1.53.9", "1.60.8")}, lambda *_: {"a": PASSED})
    assert list(lines(grid(sample.summary()))) == ["litellm  result", "1.53.9   passes", "1.60.8   passes"]


MANY = {"a": tuple(map(str, range(10))), "b": tuple(map(str, range(6)))}


def test_of_many_rows_those_that_differ_are_shown() -> None:
    """And how many are like each other."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return {"t": EROFS if versions["a"] == "3" and versions["b"] in "12" else PASSED}

    assert list(lines(grid(matrix_run(MANY, happened).summary()))) == [
        "a  b  result",
        "3  1  1 FAIL",
        "3  2  1 FAIL",
        "left out: 58 combinations with passes",
    ]


def test_many_rows_that_are_all_the_same() -> None:
    """There's no table, only what it would say."""
    sample = matrix_run(MANY, lambda profile, _: {"t": EROFS if profile == "lambda" else PASSED}, (LAMBDA, CONTAINER))
    assert list(lines(grid(sample.summary()))) == ["left out: 60 combinations with lambda: 1 FAIL, container: passes"]


def test_very_many_rows_that_differ() -> None:
    """Forty are shown."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return {f"t{n}": EROFS for n in range(1 + int(versions["a"]) * 6 + int(versions["b"]))}

    *rows, last = lines(grid(matrix_run(MANY, happened).summary()))
    assert (len(rows), rows[1], last) == (41, "0  0  1 FAIL", "and 20 more rows")

    def nearly(_: str, versions: dict[str, str]) -> Happened:
        return {f"t{n}": EROFS for n in range(1 + max(0, int(versions["a"]) * 6 + int(versions["b"]) - 12))}

    *rows, left, more = lines(grid(matrix_run(MANY, nearly).summary()))
    assert (len(rows), left, more) == (41, "left out: 13 combinations with 1 FAIL", "and 7 more rows that differ")


def test_a_wide_table_uses_narrow_gaps() -> None:
    """Up to 80 columns where its words allow it."""
    axes = {f"package-{n}": ("1.0",) for n in range(7)}
    head, row = lines(grid(matrix_run(axes, lambda *_: {"t": PASSED}).summary()))
    assert len(head) <= 80
    assert row.split() == ["1.0"] * 7 + ["passes"]


NAMES = ["lambda", "container", "kubernetes", "systemd", "offline", "sagemaker", "cloud-run", "nonroot", "readonly"]


def of(names: list[str], nodeids: list[str]) -> Grid:
    """Return the table of tests that fail in the first environment and pass in the others."""
    runs = [Run(name, dict.fromkeys(nodeids, PASSED if at else EROFS)) for at, name in enumerate(names)]
    plans = [LAMBDA._replace(name=name) for name in names]
    return of_tests(summarise(plans, runs, Run("host", dict.fromkeys(nodeids, PASSED))))


def test_environments_whose_names_do_not_fit_are_numbers() -> None:
    """With letters as pytest has them, and what all of them mean below."""
    assert list(lines(of(NAMES, ["tests/test_a.py::test_a"]))) == [
        "test                    1  2  3  4  5  6  7  8  9  10",
        "tests/test_a.py::test_a F  .  .  .  .  .  .  .  .  .",
        "",
        "1 lambda, 2 container, 3 kubernetes, 4 systemd, 5 offline, 6 sagemaker,",
        "7 cloud-run, 8 nonroot, 9 readonly, 10 host",
        "F FAILS, . passes",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
@pytest.mark.parametrize("number", [1, 3, 9, 40])
def test_a_table_of_tests_fits_any_terminal(width: int, number: int) -> None:
    """Whatever its names: in pieces, if it must be."""
    names = [f"environment-{at}" for at in range(number)]
    nodeids = ["t.py::t", "tests/integration/very/deep/test_of_a_module.py::TestClass::test_with[first-second]"]
    with narrowed(width):
        drawn = list(lines(of(names, nodeids)))
    assert max(map(len, drawn)) <= width
    marks = [text for line in drawn if line.startswith("t.py::t ") for text in line.split()[1:]]
    assert marks in (["F", *["."] * number], ["FAILS", *["passes"] * number])


def test_profiles_whose_names_do_not_fit_are_numbers() -> None:
    """The results stay words: nobody knows letters for them."""
    plans = tuple(LAMBDA._replace(name=f"a-profile-with-a-name-{at}") for at in range(6))
    drawn = list(lines(grid(matrix_run(BOTH, lambda *_: {"a": EROFS}, plans).summary())))
    assert drawn[:2] == [
        "litellm tiktoken 1      2      3      4      5      6",
        "1.53.9  0.7.0    1 FAIL 1 FAIL 1 FAIL 1 FAIL 1 FAIL 1 FAIL",
    ]
    assert "1 a-profile-with-a-name-0, 2 a-profile-with-a-name-1" in drawn[-2]
    assert max(map(len, drawn)) <= 80


def test_of_very_many_tests_the_first_are_shown() -> None:
    """With -v all of them."""
    nodeids = [f"t.py::test_{at}" for at in range(50)]
    short = list(lines(of(["lambda"], nodeids)))
    assert (len(short), short[-1]) == (42, "... and 10 more tests (-v shows all of them)")


def test_a_name_that_would_control_the_terminal_keeps_its_columns() -> None:
    """It is escaped before it is measured."""
    drawn = list(lines(of(["lambda"], ["t.py::t[\x1b[31m]", "t.py::a"])))
    assert drawn[1] == "t.py::t[\\x1b[31m]  FAILS    passes"
    assert drawn[2] == "t.py::a            FAILS    passes"
