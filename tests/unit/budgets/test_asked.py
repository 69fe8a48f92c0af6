"""What the marker's keywords mean, and what is said of mistakes in them."""

from __future__ import annotations

import pytest

from pytest_envguard.budgets.asked import DURATION, GROWTH, PEAK, PERCENTILE, Budget, budgets_of, read_budget, same_unit
from pytest_envguard.errors import EnvguardError


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("encode_p99", "15ms", Budget("encode_p99", PERCENTILE, "encode", 0.015, percent=99)),
        ("encode_p5", "15ms", Budget("encode_p5", PERCENTILE, "encode", 0.015, percent=5)),
        ("first_token_max", 2, Budget("first_token_max", PERCENTILE, "first_token", 2.0, percent=100)),
        ("load_seconds", 10, Budget("load_seconds", DURATION, "load", 10.0)),
        ("load_seconds", "1.5min", Budget("load_seconds", DURATION, "load", 90.0)),
        ("peak_memory", "512MB", Budget("peak_memory", PEAK, "", 512 << 20)),
        ("growth_per_10k_tokens", "1MB", Budget("growth_per_10k_tokens", GROWTH, "tokens", 1 << 20, per=10_000)),
        ("growth_per_1m_calls", "1MB", Budget("growth_per_1m_calls", GROWTH, "calls", 1 << 20, per=1_000_000)),
        ("growth_per_100calls", "1KB", Budget("growth_per_100calls", GROWTH, "calls", 1024, per=100)),
        ("growth_per_100_kittens", "1KB", Budget("growth_per_100_kittens", GROWTH, "kittens", 1024, per=100)),
        ("growth_per_request", "1KB", Budget("growth_per_request", GROWTH, "request", 1024, per=1)),
    ],
)
def test_a_keyword_says_what_is_measured_and_how_much_is_allowed(name: str, raw: object, expected: Budget) -> None:
    assert read_budget(name, raw) == expected


@pytest.mark.parametrize(
    ("name", "raw", "message", "hint"),
    [
        ("peak_mem", "1MB", "no budget is named `peak_mem`", "did you mean `peak_memory`?"),
        ("load_second", 10, "no budget is named `load_second`", "did you mean `load_seconds`?"),
        ("encode_p100", "1ms", "no budget is named `encode_p100`", "encode_p99"),
        ("encode_p0", "1ms", "no budget is named `encode_p0`", "encode_p50"),
        ("growth_per_0_tokens", "1MB", "no budget is named `growth_per_0_tokens`", "growth_per_10k_tokens"),
        ("encode_p99", "15 parsecs", "`encode_p99`: expected a time such as", ""),
        ("encode_p99", True, "`encode_p99`: expected a time such as", ""),
        ("encode_p99", None, "`encode_p99`: expected a time such as", ""),
        ("encode_p99", 0, "above zero, got 0", ""),
        ("encode_p99", float("nan"), "above zero, got nan", ""),
        ("encode_p99", float("inf"), "above zero, got inf", ""),
        ("peak_memory", "15ms", "`peak_memory`: expected a size such as", ""),
        ("peak_memory", -1, "`peak_memory`: expected a size above zero, got -1", ""),
    ],
)
def test_a_mistake_is_one_clear_error(name: str, raw: object, message: str, hint: str) -> None:
    with pytest.raises(EnvguardError) as error:
        read_budget(name, raw)
    assert message in error.value.message
    assert error.value.message.startswith("@pytest.mark.envguard_budget: ")
    assert hint in error.value.hint


def test_of_several_markers_the_nearest_one_counts_for_each_name() -> None:
    marks = [
        pytest.mark.envguard_budget(load_seconds=1).mark,
        pytest.mark.envguard_budget(load_seconds=9, peak_memory="1MB").mark,
    ]
    assert {one.name: one.limit for one in budgets_of(marks)} == {"load_seconds": 1.0, "peak_memory": 1 << 20}


@pytest.mark.parametrize("mark", [pytest.mark.envguard_budget(), pytest.mark.envguard_budget("15ms")])
def test_a_marker_without_names_is_a_mistake(mark: pytest.MarkDecorator) -> None:
    with pytest.raises(EnvguardError, match="expected budgets by name, got"):
        budgets_of([mark.mark])


def test_one_and_several_are_the_same_unit() -> None:
    assert same_unit("token", "tokens")
    assert not same_unit("token", "calls")
