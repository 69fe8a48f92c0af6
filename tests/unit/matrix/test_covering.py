"""Covering arrays against the definition: every two values of different axes that may meet do."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from pytest_envguard.matrix.covering import Space, _row, pairwise

Forbidden = Sequence[Mapping[int, frozenset[int]]]


def allowed_by_definition(counts: Sequence[int], forbidden: Forbidden) -> list[tuple[int, ...]]:
    """Return the combinations that no entry forbids, found by looking at all of them."""
    return [
        row
        for row in itertools.product(*map(range, counts))
        if not any(all(row[axis] in values for axis, values in entry.items()) for entry in forbidden)
    ]


def pairs(rows: Iterable[tuple[int, ...]]) -> set[tuple[tuple[int, int], ...]]:
    """Return all pairs of (axis, value) that occur in one of the rows."""
    return {pair for row in rows for pair in itertools.combinations(enumerate(row), 2)}


def random_shapes() -> Iterator[tuple[list[int], list[dict[int, frozenset[int]]]]]:
    """Yield shapes of up to 6 axes, most with something forbidden: of one axis to all, rare to nearly everything."""
    random = Random(7)
    for _ in range(250):
        counts = [random.randint(1, 5) for _ in range(random.choice([1, 2, 3, 4, 4, 5, 5, 6]))]
        forbidden = []
        for _ in range(random.choice([0, 1, 2, 3, 6, 12])):
            axes = random.sample(range(len(counts)), min(random.choice([1, 2, 2, 2, 3, 3, 4]), len(counts)))
            size = {axis: random.choice([1, 1, 1, 1, random.randint(0, counts[axis])]) for axis in axes}
            forbidden.append({axis: frozenset(random.sample(range(counts[axis]), size[axis])) for axis in axes})
        yield counts, forbidden


def test_pairwise_covers_what_its_definition_says() -> None:
    """Each pair of an allowed combination is in some row, each row is allowed, none is there twice: for random shapes."""
    impossible = restricted = 0
    for counts, forbidden in random_shapes():
        allowed = allowed_by_definition(counts, forbidden)
        rows = pairwise(Space(counts, forbidden))
        assert set(rows) <= set(allowed), (counts, forbidden)
        assert rows == sorted(set(rows)), (counts, forbidden)
        assert pairs(rows) == pairs(allowed), (counts, forbidden)
        if len(counts) == 1:
            assert rows == allowed
        impossible += not allowed
        restricted += 0 < len(allowed) < math.prod(counts) and len(counts) > 2
    assert impossible > 10 and restricted > 100  # the shapes are of every kind


def test_a_space_agrees_with_looking_at_every_combination() -> None:
    """The allowed combinations in order, whether half of one can be completed, and how many pairs two axes have."""
    random = Random(11)
    for counts, forbidden in random_shapes():
        space = Space(counts, forbidden)
        allowed = allowed_by_definition(counts, forbidden)
        assert list(space.allowed()) == allowed, (counts, forbidden)
        half = {axis: random.randrange(count) for axis, count in enumerate(counts) if random.random() < 0.5}
        bits = sum(1 << space.axes[axis][at] for axis, at in half.items())
        completed = [row for row in allowed if all(row[axis] == at for axis, at in half.items())]
        assert space.extendable(bits) == bool(completed), (counts, forbidden, half)
        most = max((len(pairs(map(both, allowed))) for both in two_axes(counts)), default=0)
        assert not space.more_pairs_than(most)
        assert most == 0 or space.more_pairs_than(most - 1)


def test_every_row_covers_something_new() -> None:
    """With one pair left, the next row has it, whatever is forbidden and whichever way ties are settled: no search is endless."""
    random = Random(13)
    for counts, forbidden in random_shapes():
        space = Space(counts, forbidden)
        for _ in range(5):
            left = sorted(pairs(space.allowed()))
            if left:
                first, second = (space.axes[axis][at] for axis, at in random.choice(left))
                unmet = [0] * sum(counts)
                unmet[first], unmet[second] = 1 << second, 1 << first
                gained, row = _row(space, unmet, first, random)
                assert gained == 1 and row >> first & row >> second & 1, (counts, forbidden, first, second)


def two_axes(counts: Sequence[int]) -> Iterator[Any]:
    """Yield a function for any two axes, which leaves of a row their values only."""
    for one, other in itertools.combinations(range(len(counts)), 2):
        yield lambda row, one=one, other=other: (row[one], row[other])


@pytest.mark.parametrize(
    ("counts", "most"),
    [
        ([3] * 4, 9),
        ([2] * 4, 6),
        ([2] * 10, 8),
        ([3] * 13, 20),
        ([4] * 5, 19),
        ([10, 10, 2], 100),
        ([6, 5, 5, 3, 2], 33),
        ([12, 4, 3], 48),
        ([7], 7),
        ([7, 5], 35),
        ([1, 1, 1], 1),
        ([10] * 10, 180),
    ],
)
def test_arrays_are_small(counts: list[int], most: int) -> None:
    """No more rows than a fifth above the smallest arrays known (2^10: 6, 3^13: 15, 4^5: 16), but for the smallest."""
    rows = pairwise(Space(counts))
    assert len(pairs(rows)) == sum(one * other for one, other in itertools.combinations(counts, 2))  # all there are
    assert len(rows) <= most


def test_ten_axes_of_ten_versions_take_less_than_a_second() -> None:
    """With and without exclusions; every pair is covered."""
    random = Random(3)
    forbidden = [{axis: frozenset([random.randrange(10)]) for axis in random.sample(range(10), 2)} for _ in range(20)]
    taken = []
    for entries in ([], forbidden):
        started = time.process_time()
        rows = pairwise(Space([10] * 10, entries))
        taken.append(time.process_time() - started)
        assert len(pairs(rows)) == 4500 - len({tuple(sorted(map(tuple_of, entry.items()))) for entry in entries})
    assert min(taken) < 1 and max(taken) < 1


def tuple_of(item: tuple[int, frozenset[int]]) -> tuple[int, ...]:
    """Return an axis and its values."""
    return (item[0], *item[1])
