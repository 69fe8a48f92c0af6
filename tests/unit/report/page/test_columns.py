"""The columns of the matrix."""

from __future__ import annotations

from pytest_envguard.model.verdict import Run
from pytest_envguard.report.page.columns import Head, columns
from pytest_envguard.report.summary import summarise
from tests.unit.report.page.samples import many, small, usual, versions
from tests.unit.report.pages import EROFS, HOST, LAMBDA, PASSED


def test_environments_stand_with_what_enforces_them_and_beside_the_host() -> None:
    """Few columns have room for words."""
    found = columns(small())
    assert found.names == ("lambda", "container", "offline")
    assert found.compared
    assert found.room == "few"
    assert found.width == 4
    names, fidelity = found.levels
    assert (names.title, [head.text for head in names.heads]) == (
        "environment",
        ["lambda", "container", "offline", "host"],
    )
    assert [head.text for head in fidelity.heads] == [
        "kernel",
        "kernel, parts approximated",
        "parts not enforced",
        "compared",
    ]


def test_the_host_is_no_column_twice() -> None:
    """Where it's an environment of its own it is one already; where nothing was compared there is none."""
    baseline = Run("host", {"t": PASSED})
    asked = summarise([LAMBDA, HOST], [Run("lambda", {"t": EROFS}), Run("host", {"t": PASSED})], baseline)
    assert not columns(asked).compared
    alone = summarise([LAMBDA], [Run("lambda", {"t": EROFS})], None)
    assert columns(alone).width == 1


def test_versions_stand_in_their_order_below_their_environment() -> None:
    """Equal headings are one; what has no room is turned."""
    found = columns(versions())
    assert [level.title for level in found.levels] == ["environment", "Python", "litellm", "tiktoken", "enforced by"]
    assert found.room == "some"
    assert found.levels[0].heads == (Head("lambda", 6, upright=False), Head("container", 6, upright=False))
    assert [head.text for head in found.levels[1].heads] == ["3.11", "3.12", "3.11", "3.12"]
    assert all(head.upright for head in found.levels[2].heads)
    assert found.names[0] == "lambda-py311-litellm1.40.0-tiktoken0.7.0"


def test_an_environment_beside_the_matrix_comes_last_with_its_own_name() -> None:
    """It lies on no axis."""
    summary = versions()
    beside = Run("fake", dict(summary.runs[0].outcomes))
    found = columns(summary._replace(plans=[*summary.plans, HOST], runs=[beside, *summary.runs]))
    assert found.names[-1] == "fake"
    assert found.levels[0].heads[-1].text == "fake"


def test_many_columns_are_narrow() -> None:
    """There is room for so many only below the names of tests."""
    assert columns(many(10, usual, profiles=20)).room == "many"
