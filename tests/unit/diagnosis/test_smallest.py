"""The smallest set of remedies that works: against all answers that there can be."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable

import pytest

from pytest_envguard.diagnosis.smallest import EXHAUSTIVE, smallest

Sets = frozenset[frozenset[int]]


def subsets(size: int) -> list[frozenset[int]]:
    """Return all sets of the numbers below ``size`` but the empty one, the smaller first, in the order of preference."""
    numbers = range(size)
    return [frozenset(chosen) for count in range(1, size + 1) for chosen in itertools.combinations(numbers, count)]


def oracle(working: Iterable[frozenset[int]]) -> tuple[Callable[[frozenset[int]], bool], list[frozenset[int]]]:
    """Return what answers as ``working`` says, and a list of what it was asked."""
    known, asked = set(working), []

    def works(chosen: frozenset[int]) -> bool:
        asked.append(chosen)
        return chosen in known

    return works, asked


def expected(working: set[frozenset[int]], size: int) -> frozenset[int] | None:
    """Return the answer by looking at all sets: what the function promises for up to five candidates."""
    singles = [chosen for chosen in subsets(size) if len(chosen) == 1 and chosen in working]
    if not singles and frozenset(range(size)) not in working:
        return None
    return next(chosen for chosen in subsets(size) if chosen in working)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_of_few_it_is_the_smallest_whatever_works(size: int) -> None:
    """All 2 ** (2 ** size - 1) ways in which sets can work, monotone or not."""
    every = subsets(size)
    for answers in itertools.product((False, True), repeat=len(every)):
        working = {chosen for chosen, answer in zip(every, answers, strict=True) if answer}
        works, asked = oracle(working)

        assert smallest(range(size), works) == expected(working, size), working
        assert len(asked) == len(set(asked)) and frozenset() not in asked


@pytest.mark.parametrize("size", [4, 5])
def test_of_up_to_five_it_is_the_smallest_whatever_works(size: int) -> None:
    """A sample of them; what depends on chance depends on a fixed seed."""
    every, chance = subsets(size), random.Random(size)
    for _ in range(2000):
        share = chance.random()
        working = {chosen for chosen in every if chance.random() < share}
        works, asked = oracle(working)

        assert smallest(range(size), works) == expected(working, size), working
        assert len(asked) == len(set(asked)) <= 2**size - 1


def monotone(causes: Iterable[frozenset[int]], size: int) -> set[frozenset[int]]:
    """Return the sets that have all of one of the ``causes``."""
    causes = list(causes)
    return {chosen for chosen in subsets(size) if any(cause <= chosen for cause in causes)}


@pytest.mark.parametrize("size", [6, 7])
def test_of_more_none_can_be_left_out(size: int) -> None:
    """Every single cause, and every pair of causes of two: the result works, and not without one of its members."""
    every = [chosen for chosen in subsets(size) if len(chosen) <= 3]
    for causes in [*((one,) for one in subsets(size)), *itertools.combinations(every[:30], 2)]:
        working = monotone(causes, size)
        works, asked = oracle(working)

        found = smallest(range(size), works, budget=1000)

        assert found in working
        assert all(found - {member} not in working for member in found)
        assert len(causes) > 1 or found == causes[0]
        assert len(asked) == len(set(asked))


@pytest.mark.parametrize("size", [6, 8])
def test_of_more_a_part_that_works_is_never_missed_nor_made_up(size: int) -> None:
    """Also where a larger set may fail though a part of it works: what is returned did work."""
    every, chance = subsets(size), random.Random(size)
    for _ in range(300):
        share = chance.random()
        working = {chosen for chosen in every if chance.random() < share}
        works, _ = oracle(working)

        found = smallest(range(size), works, budget=1000)

        if expected(working, size) is None:
            assert found is None
        else:
            assert found in working
            assert all(found - {member} not in working for member in found)


def test_the_order_of_the_candidates_makes_no_difference() -> None:
    """Where a preference is given, all orders have the same result, and the same questions."""
    working = monotone([frozenset({1, 3}), frozenset({0, 4}), frozenset({2, 5})], 6)
    results = set()
    for order in itertools.permutations(range(6)):
        works, asked = oracle(working)
        results.add((smallest(order, works, preference=lambda number: -number), tuple(asked)))

    assert len(results) == 1


@pytest.mark.parametrize(
    ("works_alone", "preference", "found"),
    [({1, 3}, None, 3), ({1, 3}, int, 1), ({1, 3}, lambda number: -number, 3), ({0}, None, 0)],
)
def test_of_several_that_work_alone_the_preferred_one_counts(
    works_alone: set[int], preference: Callable[[int], int] | None, found: int
) -> None:
    """Nothing more is asked then."""
    asked = []

    def works(chosen: frozenset[int]) -> bool:
        asked.append(chosen)
        return not chosen.isdisjoint(works_alone)

    assert smallest([4, 3, 2, 1, 0], works, preference=preference) == frozenset({found})
    assert asked[-1] == frozenset({found})
    assert all(len(chosen) == 1 for chosen in asked)


def test_where_nothing_works_each_is_asked_alone_and_all_together() -> None:
    """No more: a test that is run again takes its time."""
    works, asked = oracle(set())

    assert smallest(range(4), works) is None
    assert asked == [frozenset({0}), frozenset({1}), frozenset({2}), frozenset({3}), frozenset({0, 1, 2, 3})]


def test_without_candidates_nothing_is_asked() -> None:
    """It failed without anything."""
    works, asked = oracle({frozenset()})

    assert smallest([], works) is None and asked == []


def test_one_that_comes_twice_counts_once() -> None:
    """All together is then one that was asked already."""
    works, asked = oracle(set())

    assert smallest([1, 1], works) is None and asked == [frozenset({1})]


@pytest.mark.parametrize("budget", range(12))
def test_the_budget_is_kept_and_the_best_so_far_counts(budget: int) -> None:
    """Until all together were asked there's nothing to tell."""
    works, asked = oracle(monotone([frozenset({3, 4})], 5))

    found = smallest(range(5), works, budget=budget)

    assert len(asked) == min(budget, 5 + 1 + 10)
    assert found == (None if budget < 6 else frozenset(range(5)))


def test_many_candidates_take_few_questions() -> None:
    """Two of thirty: their 435 pairs aren't tried."""
    works, asked = oracle([])
    known = frozenset({4, 27})

    found = smallest(range(30), lambda chosen: works(chosen) or known <= chosen, budget=1000)

    assert found == known
    assert len(asked) <= 30 + 1 + 40


@pytest.mark.parametrize(("size", "causes", "found"), [(6, [{0, 3}, {0, 5}], {0, 3}), (8, [{1, 7}, {1, 2}], {1, 2})])
def test_of_many_candidates_the_preferred_ones_are_kept(size: int, causes: list[set[int]], found: set[int]) -> None:
    """Where several small sets work, the least preferred is left out first."""
    works, _ = oracle(monotone(map(frozenset, causes), size))

    assert smallest(range(size), works) == found


def test_few_means_five() -> None:
    """Of them every set may be asked: 31 are within the budget that is given without asking."""
    works, asked = oracle({frozenset(range(EXHAUSTIVE))})

    assert smallest(range(EXHAUSTIVE), works) == frozenset(range(EXHAUSTIVE))
    assert len(asked) == 2**EXHAUSTIVE - 1
