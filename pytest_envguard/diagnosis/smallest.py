"""From several things that may help the smallest set that does: delta debugging (Zeller and Hildebrandt, 2002).

The result depends on an order of preference and on what works, on nothing else: the smaller sets are asked before the
larger, and of those of one size the one first whose members are preferred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Works = Callable[[frozenset[T]], bool]

EXHAUSTIVE = 5  # candidates of which all sets are asked: at most 31 questions
BUDGET = 40


class _OutOfQuestions(Exception):  # noqa: N818  # it's no error
    """No more may be asked."""


class _Asked(Generic[T]):
    """Remembers the answers, and stops at the budget.

    Attributes:
        best: The set that worked last: only smaller ones are asked after one that did.
    """

    def __init__(self, works: Works[T], budget: int) -> None:
        self._works = works
        self._budget = budget
        self._answers: dict[frozenset[T], bool] = {frozenset(): False}  # it failed without anything
        self.best: frozenset[T] | None = None

    def __call__(self, chosen: frozenset[T]) -> bool:
        if chosen not in self._answers:
            if self._budget <= 0:
                raise _OutOfQuestions
            self._budget -= 1
            self._answers[chosen] = self._works(chosen)
            if self._answers[chosen]:
                self.best = chosen
        return self._answers[chosen]


def smallest(
    candidates: Sequence[T], works: Works[T], budget: int = BUDGET, preference: Callable[[T], Any] | None = None
) -> frozenset[T] | None:
    """Return the smallest of the sets of ``candidates`` that work, the preferred one among those of its size.

    First each candidate alone, then all together. If that works, up to `EXHAUSTIVE` of them in every combination, from the
    smallest on; more are reduced until none of the rest can be left out. Where all together fail there is no answer: things
    that get in each other's way are not to be given together.

    Args:
        candidates: One that comes twice counts once.
        works: Whether a set of them does; it's asked at most once about each set, and never about the empty one.
        budget: How often ``works`` may be asked; then the smallest set counts that has worked until then, if any.
        preference: Key of a total order, what is preferred first; without it ``candidates`` are in this order. With it,
            their order makes no difference.

    Returns:
        The set; None where none works, or none was found within ``budget``.
    """
    ordered = tuple(dict.fromkeys(candidates if preference is None else sorted(candidates, key=preference)))
    asked = _Asked(works, budget)
    try:
        return _search(ordered, asked)
    except _OutOfQuestions:
        return asked.best


def _search(ordered: tuple[T, ...], asked: _Asked[T]) -> frozenset[T] | None:
    for candidate in ordered:
        if asked(frozenset((candidate,))):
            return frozenset((candidate,))
    if not asked(frozenset(ordered)):
        return None
    if len(ordered) <= EXHAUSTIVE:
        return next(filter(asked, _by_size(ordered)))
    return frozenset(_reduced(ordered, asked))


def _by_size(ordered: tuple[T, ...]) -> Iterator[frozenset[T]]:
    for size in range(1, len(ordered) + 1):
        yield from map(frozenset, combinations(ordered, size))


def _reduced(ordered: tuple[T, ...], asked: _Asked[T]) -> tuple[T, ...]:
    """Return a part that works and of which nothing can be left out: ddmin.

    What is left out first is what is preferred least.
    """
    parts = 2
    while len(ordered) >= 2:
        pieces = _split(ordered, parts)
        rests = [tuple(item for item in ordered if item not in piece) for piece in reversed(pieces)]
        found = next((part for part in (*pieces, *rests) if asked(frozenset(part))), None)
        if found is not None:
            parts = 2 if found in pieces else max(parts - 1, 2)
            ordered = found
        elif parts >= len(ordered):
            break
        else:
            parts = min(2 * parts, len(ordered))
    return ordered


def _split(ordered: tuple[T, ...], parts: int) -> list[tuple[T, ...]]:
    """Return ``ordered`` in parts whose sizes differ by one at most."""
    ends = [len(ordered) * number // parts for number in range(parts + 1)]
    return [ordered[begin:end] for begin, end in pairwise(ends)]
