"""Times and sizes as people write them, and what is said of a figure."""

from __future__ import annotations

import pytest

from pytest_envguard.model.budget import (
    BYTES,
    OVER,
    SECONDS,
    UNCERTAIN,
    WITHIN,
    Figure,
    figures_of,
    read_seconds,
    show_bytes,
    show_seconds,
)


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("15ms", 0.015),
        ("15 ms", 0.015),
        ("150us", 0.00015),
        ("150µs", 0.00015),
        ("3ns", 3e-9),
        ("2s", 2),
        ("2", 2),
        (10, 10),
        (0.5, 0.5),
        ("1.5min", 90),
    ],
)
def test_a_time_is_a_number_or_a_text_with_its_unit(raw: object, seconds: float) -> None:
    assert read_seconds(raw) == pytest.approx(seconds)


@pytest.mark.parametrize("raw", ["", "ms", "-1s", "1e3", "1h", "１s", "0ms", 0, -1, True, None, [], float("inf")])
def test_anything_else_is_no_time(raw: object) -> None:
    with pytest.raises(ValueError, match="a time such as"):
        read_seconds(raw)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (18.23e-3, "18.2 ms"),
        (2.1, "2.1 s"),
        (0.00035, "350 µs"),
        (0.9999, "1 s"),
        (123.4, "123 s"),
        (7.1e-8, "71 ns"),
        (0.0, "0 ns"),
        (0.00099999, "1 ms"),
        (10.0, "10 s"),
        (100e-9, "100 ns"),
    ],
)
def test_a_time_is_shown_with_three_digits(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0.2, "0 B"), (-1536.0, "-1.5 KiB"), (1048576.0, "1 MiB"), (-0.4, "0 B"), (77.0, "77 B")]
)
def test_growth_may_be_negative_and_less_than_a_byte(size: float, text: str) -> None:
    assert show_bytes(size) == text


def test_a_figure_says_what_was_measured_what_was_allowed_and_how_certain_that_is() -> None:
    figure = Figure("encode_p99", SECONDS, 0.0182, 0.015, OVER, 0.0171, 0.021, "491 samples")
    assert figure.short == "encode_p99 18.2 ms of 15 ms (over)"
    assert str(figure) == "encode_p99 18.2 ms of 15 ms (over): between 17.1 ms and 21 ms; 491 samples"
    assert figure.sentence == "encode_p99: 18.2 ms is over 15 ms (between 17.1 ms and 21 ms; 491 samples)"


def test_a_figure_within_its_budget_needs_no_word() -> None:
    assert Figure("peak_memory", BYTES, 5 << 20, 8 << 20, WITHIN).short == "peak_memory 5 MiB of 8 MiB"
    assert Figure("peak_memory", BYTES, 5 << 20).short == "peak_memory 5 MiB"


def test_bounds_that_look_alike_are_not_told() -> None:
    assert str(Figure("x_p50", SECONDS, 1.0, None, "", 1.00001, 1.00002)) == "x_p50 1 s"


def test_only_what_is_certain_fails() -> None:
    assert Figure("x_p50", SECONDS, 1.0, 0.5, OVER).failed
    assert not Figure("x_p50", SECONDS, 1.0, 0.5, UNCERTAIN).failed


def test_a_report_without_figures_has_none() -> None:
    assert figures_of(object()) == ()
