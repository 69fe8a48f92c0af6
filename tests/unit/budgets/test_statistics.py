"""Percentiles and slopes of numbers whose truth is known."""

from __future__ import annotations

import math
import random

import pytest

from pytest_envguard.budgets.statistics import fewest, percentile, slope, spread

ROUNDS = list(range(0, 40_000, 1000))


def test_a_percentile_is_the_nearest_rank() -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert [percentile(samples, percent).value for percent in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]


@pytest.mark.parametrize(("percent", "count"), [(50, 6), (90, 36), (95, 72), (99, 368), (100, 1)])
def test_how_many_samples_it_takes_until_a_percentile_has_an_upper_bound(percent: int, count: int) -> None:
    """Below, even the largest of them may well be smaller than the percentile."""
    assert fewest(percent) == count
    if percent < 100:
        assert percentile([1.0] * count, percent).high == 1.0
        assert percentile([1.0] * (count - 1), percent).high == math.inf


@pytest.mark.parametrize("percent", [50, 90, 99])
def test_the_bounds_hold_the_true_percentile_as_often_as_they_say(percent: int) -> None:
    """Of exponential noise, whose percentiles are known; 95 % of 300 times, less three deviations."""
    chance, truth = random.Random(7), -math.log(1 - percent / 100)
    bounds = [percentile([chance.expovariate(1) for _ in range(491)], percent) for _ in range(300)]
    assert sum(one.low <= truth <= one.high for one in bounds) >= 300 * 0.91


def test_a_spread_is_that_of_the_typical_sample() -> None:
    assert spread([10.0, 11.0, 9.0, 10.0, 500.0]) == 1.0


def test_a_straight_line_has_its_slope_for_certain() -> None:
    found = slope(ROUNDS, [5 * place for place in ROUNDS])
    assert found == (5.0, 5.0, 5.0)


def test_nothing_has_the_slope_zero_for_certain() -> None:
    assert slope(ROUNDS, [77] * len(ROUNDS)) == (0.0, 0.0, 0.0)


def test_jitter_around_a_line_leaves_its_slope_within_the_bounds() -> None:
    chance = random.Random(3)
    found = slope(ROUNDS, [5 * place + chance.gauss(0, 3000) for place in ROUNDS])
    assert found.low < 5.0 < found.high
    assert found.low > 3.0


def test_a_few_steps_that_stay_are_no_slope() -> None:
    """As an allocator takes memory: once or twice a large piece, and then nothing."""
    for steps in ((20,), (5, 30), (38,)):
        values = [sum(4 << 20 for step in steps if index >= step) for index in range(len(ROUNDS))]
        assert slope(ROUNDS, values).low <= 0.0


def test_many_steps_are_a_slope() -> None:
    """A leak of small pieces, which an allocator takes by the mebibyte."""
    values = [(index // 3) << 20 for index in range(len(ROUNDS))]
    found = slope(ROUNDS, values)
    assert found.low > 100
    assert found.value == pytest.approx((1 << 20) / 3000, rel=0.1)


def test_a_wandering_population_is_no_slope() -> None:
    """Steps up and down that add up by chance: taken for a slope in fewer than 1 of 10 cases, as the bounds promise."""
    wrong = 0
    for seed in range(100):
        chance, held = random.Random(seed), 0
        values = [held := held + chance.choice((-1, 1)) * 100_000 for _ in ROUNDS]
        wrong += slope(ROUNDS, values).low > 0
    assert wrong < 10
