"""Covering arrays: few combinations of values in which every two values of different axes meet. Pure and deterministic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, combinations, cycle, islice, product
from random import Random
from typing import NamedTuple

_WORK = 300_000  # gains of a value that the search for a small array looks at, some 100 ms
_TRIES = (
    10,
    1,
    30,
    3,
)  # candidates for each row, search by search: more are better on the whole, one finds other arrays


class _Clause(NamedTuple):
    """What a combination mustn't be: a value of ``within`` on each of ``axes``.

    Attributes:
        within: The values, as bits.
        escape: The other values of the axes, as bits: a combination that has one of them isn't forbidden by this.
        axes: Positions.
    """

    within: int
    escape: int
    axes: tuple[int, ...]


class Space:
    """All combinations of one value of each axis, without those that are forbidden.

    A value is a number from 0, counted through all axes; a set of values, such as a combination that is half chosen, is an
    integer with these bits.

    Args:
        counts: How many values each axis has, at least one.
        forbidden: Each a position of an axis to positions of values on it; what has one of them on every axis is forbidden.
    """

    def __init__(self, counts: Sequence[int], forbidden: Iterable[Mapping[int, frozenset[int]]] = ()) -> None:
        self.counts = tuple(counts)
        starts = accumulate(counts, initial=0)
        self.axes = [range(start, start + count) for start, count in zip(starts, counts, strict=False)]
        self.whole = [_bits(axis) for axis in self.axes]
        self.touched = 0
        self._clauses: list[_Clause] = []
        for entry in forbidden:
            within = _bits(self.axes[axis][at] for axis, values in entry.items() for at in values)
            escape = sum(self.whole[axis] for axis in entry) & ~within
            self._clauses.append(_Clause(within, escape, tuple(entry)))
            self.touched |= within
        self._telling = [self._least_touched(axis) for axis in self.axes]

    @property
    def entries(self) -> int:
        """How many things are forbidden."""
        return len(self._clauses)

    def _least_touched(self, axis: range) -> list[int]:
        """Return the values of an axis that suffice to see whether one of them is allowed: none is forbidden by less."""
        by_clauses: dict[frozenset[int], int] = {}
        for value in axis:
            clauses = frozenset(n for n, clause in enumerate(self._clauses) if clause.within >> value & 1)
            by_clauses.setdefault(clauses, value)
        return [value for own, value in by_clauses.items() if not any(other < own for other in by_clauses)]

    def extendable(self, chosen: int) -> bool:
        """Whether some allowed combination has all of the ``chosen`` values."""
        return self._extendable(chosen, self._clauses)

    def _extendable(self, chosen: int, clauses: Iterable[_Clause]) -> bool:
        undecided = [clause for clause in clauses if not chosen & clause.escape]
        if not undecided:
            return True
        # The one with the fewest axes left decides most: where none is left, it's what the combination mustn't be.
        tightest = min(undecided, key=lambda clause: len(clause.axes) - (chosen & clause.within).bit_count())
        free = next((axis for axis in tightest.axes if not chosen & self.whole[axis]), None)
        return free is not None and any(
            self._extendable(chosen | 1 << value, undecided) for value in self._telling[free]
        )

    def admits(self, chosen: int, value: int) -> bool:
        """Whether ``chosen``, which is extendable, still is with ``value``: always if nothing forbidden has that value."""
        return not self.touched >> value & 1 or self.extendable(chosen | 1 << value)

    def allowed(self, chosen: int = 0) -> Iterator[tuple[int, ...]]:
        """Yield the allowed combinations with the ``chosen`` values of the first axes, as positions on the axes, in order."""
        axis = chosen.bit_count()
        if not chosen and not self.extendable(0):
            return
        if axis == len(self.axes):
            yield self.positions(chosen)
            return
        for value in self.axes[axis]:
            if self.admits(chosen, value):
                yield from self.allowed(chosen | 1 << value)

    def positions(self, chosen: int) -> tuple[int, ...]:
        """Return a combination as the position of its value on each axis."""
        own = zip(self.whole, self.axes, strict=True)
        return tuple((chosen & whole).bit_length() - 1 - axis.start for whole, axis in own)

    def partners(self) -> list[int]:
        """Return for each value those that it meets in some allowed combination, as bits."""
        partners = [0] * sum(self.counts)
        if not self.extendable(0):
            return partners
        possible = [_bits(value for value in axis if self.admits(0, value)) for axis in self.axes]
        for own, axis in zip(possible, self.axes, strict=True):
            for value in axis:
                partners[value] = (sum(possible) & ~own) * (own >> value & 1)
        for value, other in self._doubtful():
            if partners[value] >> other & 1 and not self.extendable(1 << value | 1 << other):
                partners[value] &= ~(1 << other)
                partners[other] &= ~(1 << value)
        return partners

    def _doubtful(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs of values of different axes that may not be allowed although each of the two is; see `admits`."""
        axes = [[value for value in axis if self.touched >> value & 1] for axis in self.axes]
        for one, other in combinations(axes, 2):
            yield from product(one, other)

    def more_pairs_than(self, limit: int) -> bool:
        """Whether two axes alone have more allowed pairs than ``limit``, each of which needs a combination of its own."""
        for one, other in combinations(self.axes, 2):
            if len(one) * len(other) > limit and self.extendable(0):
                pairs = (
                    (value, with_)
                    for value in one
                    if self.admits(0, value)
                    for with_ in other
                    if self.admits(1 << value, with_)
                )
                if next(islice(pairs, limit, None), None):
                    return True
        return False


def pairwise(space: Space) -> list[tuple[int, ...]]:
    """Return few combinations in which any two values of different axes meet that meet in an allowed one, in order.

    Row by row the best of some candidates (AETG: Cohen, Dalal, Fredman, Patton, IEEE Trans. Software Eng. 23(7), 1997), and the
    smallest of several such arrays. The same space has the same array every time.
    """
    if len(space.counts) < 2:
        return list(space.allowed())
    random = Random(0)  # noqa: S311 - it settles ties
    partners = space.partners()
    fewest = max(
        math.prod(pair) for pair in combinations(space.counts, 2)
    )  # no array is smaller where nothing is forbidden
    of_a_row = sum(space.counts) * (1 + space.entries // 10)
    affordable = max(1, _WORK // (of_a_row * fewest * 2))
    best: list[int] = []
    work = 0
    for tries in cycle(_TRIES):
        rows = _array(space, partners, min(tries, affordable), random)
        if not best or len(rows) < len(best):
            best = rows
        work += len(rows) * min(tries, affordable) * of_a_row
        if len(best) <= fewest or work >= _WORK:
            break
    return sorted(map(space.positions, best))


def _array(space: Space, partners: list[int], tries: int, random: Random) -> list[int]:
    """Return combinations in which every value meets its ``partners``."""
    unmet = list(partners)
    rows = []
    while any(unmet):
        missing = [others.bit_count() for others in unmet]
        firsts = _positions_of_most(missing)
        candidates = (_row(space, unmet, _one_of(firsts, random), random) for _ in range(tries))
        _, row = max(candidates)
        rows.append(row)
        unmet = [others & ~row if row >> value & 1 else others for value, others in enumerate(unmet)]
    return rows


def _row(space: Space, unmet: list[int], first: int, random: Random) -> tuple[int, int]:
    """Return how many pairs an allowed combination with the value ``first`` makes meet, at least one, and the combination."""
    order = [axis for axis in range(len(space.axes)) if not space.whole[axis] >> first & 1]
    order.sort(key=lambda _: random.random())
    # An axis on which `first` has a partner left comes next: so something is gained whatever happens on the others.
    order.sort(key=lambda axis: not unmet[first] & space.whole[axis])
    chosen, gained = 1 << first, 0
    for axis in order:
        values = space.axes[axis]
        gains = [(others & chosen).bit_count() for others in unmet[values.start : values.stop]]
        at = _one_of(_positions_of_most(gains), random)
        while not space.admits(chosen, values[at]):
            gains[at] = -1
            at = _one_of(_positions_of_most(gains), random)
        chosen |= 1 << values[at]
        gained += gains[at]
    return gained, chosen


def _positions_of_most(numbers: list[int]) -> list[int]:
    most = max(numbers)
    return [at for at, number in enumerate(numbers) if number == most]


def _one_of(choices: list[int], random: Random) -> int:
    return choices[int(random.random() * len(choices))]  # the one method whose sequence Python promises to keep


def _bits(values: Iterable[int]) -> int:
    return sum(1 << value for value in values)
