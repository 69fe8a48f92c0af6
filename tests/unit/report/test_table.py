"""The closing table of a run with version axes."""

from __future__ import annotations

from pytest_envguard.model.verdict import Broken
from pytest_envguard.report.table import grid, lines
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
