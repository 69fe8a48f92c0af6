"""Bisection: which release is tried next, and in which the change must lie; some can't be tried at all."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Trial(Enum):
    """What became of one release."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "skipped"  # it could not be tried: no such cell can be had, for instance


class Search(NamedTuple):
    """A search among releases that lie in a row, the first of them good and the last one bad.

    Attributes:
        length: Of the row, both ends included; at least 2.
        tried: What was found out about those between the ends, by their place in the row.
    """

    length: int
    tried: Mapping[int, Trial] = {}

    @property
    def good(self) -> int:
        """The last one that is known to be good."""
        return max((place for place, trial in self.tried.items() if trial is Trial.GOOD), default=0)

    @property
    def bad(self) -> int:
        """The first one that is known to be bad."""
        return min((place for place, trial in self.tried.items() if trial is Trial.BAD), default=self.length - 1)

    @property
    def suspects(self) -> tuple[int, ...]:
        """Those of which one is the first bad one; a single one when the search is over and no skip hides it."""
        return tuple(range(self.good + 1, self.bad + 1))

    @property
    def steps_left(self) -> int:
        """How many more releases will be tried if none of them has to be skipped."""
        return len(self._open).bit_length()

    @property
    def _open(self) -> list[int]:
        return [place for place in range(self.good + 1, self.bad) if place not in self.tried]

    def next(self) -> int | None:
        """Return the place of the release to try next, None when the search is over.

        It's the middle one of those that are left. After one skip that is its neighbour, which still halves the rest. What
        can't be built often can't be for many releases in a row: from the second skip on it's tried further and further
        away from the middle, at 1/4, 3/4, 1/8, 5/8 and so on.
        """
        left = self._open
        if not left:
            return None
        skipped = sum(trial is Trial.SKIPPED and self.good < place < self.bad for place, trial in self.tried.items())
        return left[int(_spread(max(skipped, 1)) * len(left))]

    def after(self, place: int, trial: Trial) -> Search:
        """Return the search with one more release tried."""
        return self._replace(tried={**self.tried, place: trial})


def _spread(number: int) -> float:
    """Return the ``number``-th of 1/2, 1/4, 3/4, 1/8, 5/8 … (van der Corput's sequence): its bits behind the point, reversed."""
    return int(f"{number:b}"[::-1], 2) / (1 << number.bit_length())
