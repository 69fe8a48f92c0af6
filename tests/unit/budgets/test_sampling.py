"""How often a function is called, and what is said of the times: with a clock that the function itself moves on."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest

from pytest_envguard.budgets.asked import Budget, read_budget
from pytest_envguard.budgets.sampling import effort, free, judged, take
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import OVER, TOO_FEW, UNCERTAIN, WITHIN, Figure

MS = 0.001


class Work:
    """A function that takes as long as it's told, by its own clock."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self.now = 0.0
        self.calls = 0
        self._seconds = iter(seconds)

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def __call__(self) -> None:
        """Take some time."""
        self.calls += 1
        self.now += next(self._seconds)


def measure(seconds: Iterable[float], *budgets: Budget, within: float | None = None) -> tuple[Figure, list[int]]:
    """Return the first budget's figure, and the sizes of the batches."""
    work = Work(seconds)
    batches = take(work, budgets, effort(budgets, seconds=within), work.clock)
    return judged(budgets[0], batches), [len(batch) for batch in batches]


def noisy(middle: float, deviation: float, seed: int = 1) -> Iterable[float]:
    chance = random.Random(seed)
    return (abs(chance.gauss(middle, deviation)) for _ in itertools.count())


P99 = read_budget("encode_p99", "15ms")


def test_what_is_well_within_its_budget_takes_one_batch() -> None:
    figure, sizes = measure(noisy(5 * MS, MS), P99)
    assert (figure.verdict, sizes) == (WITHIN, [491])
    assert figure.note.startswith("491 samples, median 5.0")


def test_what_is_over_is_over_in_three_batches() -> None:
    figure, sizes = measure(noisy(18 * MS, MS), P99)
    assert (figure.verdict, sizes) == (OVER, [491, 491, 491])
    assert figure.note.endswith("over in 3 of 3 batches")
    assert figure.low is not None
    assert figure.low > 15 * MS


def test_what_the_machine_did_besides_for_a_moment_is_no_failure() -> None:
    """The first 700 calls are slow, as if somebody else had used the processor."""
    seconds = itertools.chain(itertools.repeat(40 * MS, 700), itertools.repeat(5 * MS))
    figure, sizes = measure(seconds, P99)
    assert figure.verdict == WITHIN
    assert sizes == [491, 491, 491]
    assert figure.note.endswith("over in 2 of 3 batches")


def test_a_budget_within_the_noise_gets_more_samples_and_is_no_failure() -> None:
    """Every hundredth call is slow: the percentile lies on either side by chance."""
    seconds = (40 * MS if index % 100 == 0 else 5 * MS for index in itertools.count())
    figure, sizes = measure(seconds, P99)
    assert (figure.verdict, sizes) == (UNCERTAIN, [1964])
    assert not figure.failed


def test_the_budget_is_named_with_what_it_was_compared_with() -> None:
    figure, _ = measure(itertools.repeat(18 * MS), P99)
    assert figure.sentence == (
        "encode_p99: 18 ms is over 15 ms (491 samples, median 18 ms ±0 ns; over in 3 of 3 batches)"
    )


def test_the_median_takes_fewer_samples_than_a_high_percentile() -> None:
    assert measure(itertools.repeat(MS), read_budget("encode_p50", "15ms"))[1] == [200]


def test_the_largest_of_all_is_judged_as_it_is() -> None:
    seconds = (40 * MS if index % 100 == 0 else 5 * MS for index in itertools.count())
    figure, sizes = measure(seconds, read_budget("encode_max", "15ms"))
    assert (figure.verdict, figure.value, len(sizes)) == (OVER, pytest.approx(40 * MS), 3)


def test_what_takes_long_is_sampled_until_something_can_be_said() -> None:
    """A time that is too short for the fewest samples isn't the end; a minute is."""
    figure, sizes = measure(itertools.repeat(100 * MS), read_budget("encode_p99", "1s"), within=5)
    assert (figure.verdict, sizes) == (WITHIN, [368])
    figure, sizes = measure(itertools.repeat(1.0), read_budget("encode_p99", "2s"), within=5)
    assert (figure.verdict, sizes) == (TOO_FEW, [60])
    assert figure.failed
    assert figure.note.endswith("a p99 takes 368: measure longer (`seconds=`)")


def test_too_few_samples_are_enough_to_see_what_is_far_over() -> None:
    figure, _ = measure(itertools.repeat(3.0), read_budget("encode_p99", "2s"), within=5)
    assert figure.verdict == OVER


def test_the_first_calls_are_not_counted() -> None:
    seconds = itertools.chain([900 * MS, 300 * MS], itertools.repeat(MS))
    figure, _ = measure(seconds, read_budget("encode_max", "15ms"))
    assert figure.value == pytest.approx(MS)


def test_two_budgets_for_one_name_are_both_judged() -> None:
    budgets = (P99, read_budget("encode_p50", "1ms"))
    work = Work(itertools.repeat(5 * MS))
    batches = take(work, budgets, effort(budgets), work.clock)
    assert [judged(one, batches).verdict for one in budgets] == [WITHIN, OVER]


def test_a_coroutine_function_is_a_mistake() -> None:
    """Calling it would take no time at all."""

    async def encode() -> None:
        raise AssertionError("never awaited")

    with pytest.raises(EnvguardError, match="returned a coroutine, so calling it ran nothing"):
        take(encode, [P99], effort([P99]))


def test_what_the_function_raises_reaches_the_test() -> None:
    def encode() -> None:
        raise LookupError("no such token")

    with pytest.raises(LookupError, match="no such token"):
        take(encode, [P99], effort([P99]))


def test_without_a_budget_the_percentiles_that_there_are_samples_for_are_told() -> None:
    assert [one.name for one in free("x", [[1.0] * 400])] == ["x_p50", "x_p99", "x_max"]
    assert [one.name for one in free("x", [[1.0] * 100])] == ["x_p50", "x_p95", "x_max"]
    assert [one.name for one in free("x", [[1.0] * 3], ["x_max"])] == ["x_p50"]


def test_how_long_a_batch_may_take_follows_from_the_budget() -> None:
    assert effort([P99]) == (491, pytest.approx(3 * 491 * 15 * MS))
    assert effort([]).seconds == 10.0
    assert effort([read_budget("encode_p99", "1s")]).seconds == 60.0
    assert effort([P99], samples=1000, seconds=2.5) == (1000, 2.5)
