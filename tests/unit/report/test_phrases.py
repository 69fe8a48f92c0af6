"""Boxes in words."""

from __future__ import annotations

import itertools

import pytest

from pytest_envguard.report.axes import Coordinates, explain
from pytest_envguard.report.phrases import Axes, coordinates_label, in_order, label, phrase

AXES = Axes(
    ("environment", "python", "litellm", "tiktoken"),
    (("lambda", "offline"), ("3.11",), ("1.9.5", "1.53.9", "1.60.8", "1.75.5"), ("0.7.0", "0.9.0")),
)
WITH_HOST = (("lambda", "offline", "host"), *AXES.values[1:])


def cells(*columns: str) -> set[Coordinates]:
    """Return the cells that have these values, separated by spaces; "" for all."""
    chosen = [column.split() or values for column, values in zip(columns, WITH_HOST, strict=True)]
    return set(itertools.product(*chosen))


EVERYTHING = cells("", "", "", "")
PROFILES = cells("lambda offline", "", "", "")


@pytest.mark.parametrize(
    ("failing", "ran", "said", "short"),
    [
        (cells("lambda", "", "", "0.7.0"), EVERYTHING, "with tiktoken 0.7.0 in lambda, whatever litellm", "lambda, tiktoken 0.7.0"),
        (cells("lambda", "", "", ""), EVERYTHING, "in lambda", "lambda"),
        (cells("lambda offline", "", "", ""), EVERYTHING, "in lambda and offline", "lambda and offline"),
        (cells("lambda host", "", "1.9.5", ""), EVERYTHING, "with litellm 1.9.5 in lambda and on the host, whatever tiktoken", "lambda and host, litellm 1.9.5"),
        (cells("host", "", "", ""), EVERYTHING, "on the host", "host"),
        (cells("", "", "1.9.5 1.53.9", ""), EVERYTHING, "with litellm 1.9.5 or 1.53.9, on the host too, whatever tiktoken", "litellm 1.9.5 or 1.53.9"),
        (cells("lambda offline", "", "1.9.5", ""), PROFILES, "with litellm 1.9.5 in every environment, whatever tiktoken", "litellm 1.9.5"),
        (cells("lambda", "", "1.9.5 1.53.9 1.60.8", "0.7.0"), EVERYTHING, "with litellm 1.9.5 to 1.60.8 together with tiktoken 0.7.0 in lambda", "lambda, litellm 1.9.5 to 1.60.8 with tiktoken 0.7.0"),
        (cells("lambda", "", "1.9.5 1.60.8 1.75.5", "0.7.0") , cells("lambda", "", "", "0.7.0"), "with litellm 1.9.5, 1.60.8 or 1.75.5", "litellm 1.9.5, 1.60.8 or 1.75.5"),
        (EVERYTHING, EVERYTHING, "in every cell", ""),
        (
            cells("lambda offline", "", "1.9.5", "") | cells("lambda", "", "", "0.7.0"),
            PROFILES,
            "with litellm 1.9.5 in every environment, and also with tiktoken 0.7.0 in lambda",
            "litellm 1.9.5 and lambda, tiktoken 0.7.0",
        ),
    ],
)  # fmt: skip
def test_phrases(failing: set[Coordinates], ran: set[Coordinates], said: str, short: str) -> None:
    """What makes it fail is named; an axis that was tried and doesn't matter too; one with a single value isn't."""
    boxes = explain(failing, ran - failing)
    assert phrase(AXES, boxes, failing, ran) == said
    assert label(AXES, boxes, failing) == short


def test_a_range_has_no_gap() -> None:
    """Values in between that passed, or that this test never met, break it."""
    axes = Axes(("litellm",), (tuple("12345"),))
    failing = {("1",), ("2",), ("4",)}
    assert phrase(axes, explain(failing, {("5",)}), failing, {*failing, ("5",)}) == "with litellm 1, 2 or 4"
    failing = {("2",), ("3",), ("4",)}
    assert phrase(axes, explain(failing, {("1",)}), failing, {*failing, ("1",)}) == "with litellm 2 to 4"


def test_a_cell_that_leaves_an_axis_out() -> None:
    """One that was included by hand may have a version of its own choice there."""
    axes = Axes(("litellm",), (("1", "2", "3", ""),))
    ran = {("1",), ("2",), ("3",), ("",)}
    failing = ran - {("1",)}
    assert phrase(axes, explain(failing, {("1",)}), failing, ran) == "with litellm 2, 3 or of any version"
    assert coordinates_label(("litellm", "tiktoken"), ("1", "")) == "litellm 1 with tiktoken of any version"


def test_three_axes_together() -> None:
    """They are told apart by "together with" and "and"."""
    axes = Axes(("python", "litellm", "tiktoken"), (("3.11", "3.12"), ("1", "2"), ("3", "4")))
    ran = set(itertools.product(*axes.values))
    failing = {("3.12", "1", "4")}
    boxes = explain(failing, ran - failing)
    assert phrase(axes, boxes, failing, ran) == "with Python 3.12 together with litellm 1 and tiktoken 4"


def test_without_a_pattern() -> None:
    """More than three boxes explain nothing: how many cells it is says more; the host isn't one of them."""
    axes = Axes(("environment", "litellm", "tiktoken"), (("lambda",), tuple("1234"), tuple("5678")))
    ran = set(itertools.product(("lambda", "host"), *axes.values[1:]))
    failing = set(zip(["lambda"] * 4, *axes.values[1:], strict=True))
    boxes = explain(failing, ran - failing)
    assert len(boxes) == 4
    assert phrase(axes, boxes, failing, ran) == "in 4 of 16 cells"
    assert label(axes, boxes, failing) == "4 cells"


def test_one_cell() -> None:
    """All of it, for which no explanation is needed."""
    assert coordinates_label(AXES.names, ("lambda", "3.11", "1.9.5", "0.7.0")) == (
        "lambda, Python 3.11 with litellm 1.9.5 with tiktoken 0.7.0"
    )
    assert coordinates_label(("litellm",), ("1.9.5",)) == "litellm 1.9.5"


def test_versions_in_their_order() -> None:
    """By number, not by text; what is no version comes last."""
    assert in_order({"1.53.9", "1.9.5", "local", "1.60.0rc1", "1.60.0"}) == (
        "1.9.5",
        "1.53.9",
        "1.60.0rc1",
        "1.60.0",
        "local",
    )
