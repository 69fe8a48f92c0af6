"""Which requirements hold."""

from __future__ import annotations

import pytest

from pytest_envguard.packages.installed import Distribution
from pytest_envguard.packages.requirements import environment, needs


def texts(*distributions: Distribution, python: str = "3.11.7", asked: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Return what each requires, as it is written."""
    return {by: [need.text for need in wanted] for by, wanted in needs(distributions, python, asked).items() if wanted}


@pytest.mark.parametrize(("python", "holds"), [("3.9.1", ["b"]), ("3.10.0", []), ("3.14.0rc1", [])])
def test_markers_are_for_the_cells_interpreter(python: str, holds: list[str]) -> None:
    """Not for the one that compares; 3.10 is later than 3.9."""
    found = texts(Distribution("a", "1", ("b; python_version < '3.10'",)), python=python)
    assert found.get("a", []) == holds


def test_an_early_interpreter_has_the_version_of_its_series() -> None:
    """The number that markers compare has two parts."""
    assert environment("3.14.0rc1")["python_version"] == "3.14"


@pytest.mark.parametrize("asked", [("a[x]",), ("a[X]==1",), ("b",)])
def test_an_extra_counts_where_somebody_asks_for_it(asked: tuple[str, ...]) -> None:
    """The user, or a package that is installed; and an extra can ask for others of its own."""
    a = Distribution("a", "1", ("c; extra == 'x'", "d; extra == 'y'", "a[y]; extra == 'x'"))
    b = Distribution("b", "1", ("a[x]",) if asked == ("b",) else ())
    assert texts(a, b, asked=asked)["a"] == ["c", "d", "a[y]"]
    assert "a" not in texts(a, Distribution("b", "1"))


@pytest.mark.parametrize(
    "marker",
    [
        "extra == 'x'",
        "(extra == 'x')",
        "python_version >= '3' and extra == 'x'",
        "(python_version >= '3' or os_name == 'q') and extra == 'x'",
        "extra == 'x' and python_version >= '3'",
        "'x' == extra",
        "extra == 'x' or extra == 'z'",
    ],
)
def test_however_an_extra_is_written(marker: str) -> None:
    """The quick look and the exact one agree."""
    one = Distribution("a", "1", (f"b; {marker}",))
    assert texts(one) == {}
    assert texts(one, asked=("a[x]",))["a"] == ["b"]


def test_a_marker_that_holds_without_the_extra_too() -> None:
    assert texts(Distribution("a", "1", ("b; python_version >= '3' or extra == 'x'",))) == {"a": ["b"]}


def test_requirements_are_shown_as_written_without_marker_and_blanks() -> None:
    """The order of their specifiers stays."""
    assert texts(Distribution("a", "1", ("b (>=2,<3)", "c[x] >= 1 ; os_name != 'q'"))) == {"a": ["b>=2,<3", "c[x]>=1"]}


def test_what_a_user_asks_for_in_another_way_is_passed_over() -> None:
    """Folders and options of pip's are no requirements."""
    assert texts(Distribution("a", "1"), asked=(".[test]", "-r requirements.txt", "a==1")) == {"": ["a==1"]}
