"""Percentiles and slopes, with how far they can be trusted. Pure, and the same for the same numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise
from statistics import median
from typing import NamedTuple

_DOUBT = 0.025  # on either side: what lies between is true with 95 % confidence
_Z = 1.959964  # as many standard deviations
_RESAMPLES = 400


class Estimate(NamedTuple):
    """A number, and where the true one lies with 95 % confidence.

    Attributes:
        value: The best guess.
        low: At least; -infinity where that can't be said.
        high: At most; infinity where that can't be said.
    """

    value: float
    low: float
    high: float


def percentile(samples: Sequence[float], percent: int) -> Estimate:
    """Return a percentile by its nearest rank; its bounds are those of ranks, for whatever shape the noise has.

    Args:
        samples: At least one, in any order.
        percent: 1 to 99, or 100 for the largest, which has no bounds.
    """
    ordered, count = sorted(samples), len(samples)
    if percent >= 100:
        return Estimate(ordered[-1], ordered[-1], ordered[-1])
    value = ordered[max(1, math.ceil(count * percent / 100)) - 1]
    lower, upper = _ranks(count, percent)
    low = ordered[lower - 1] if lower else -math.inf
    return Estimate(value, low, ordered[upper - 1] if upper else math.inf)


@cache
def fewest(percent: int) -> int:
    """Return how many samples it takes until a percentile can be said to be at most something: 368 for the 99th."""
    if percent >= 100:
        return 1
    return math.ceil(math.log(_DOUBT) / math.log(percent / 100))


@cache
def _ranks(count: int, percent: int) -> tuple[int, int]:
    """Return the ranks that a percentile lies between; 0 where there's none.

    How many of the samples lie below it is binomial.
    """
    below, lower = 0.0, 0
    chances = _binomial(count, percent / 100)
    for rank, chance in enumerate(chances):
        below += chance  # the chance that `rank` samples at most are below it
        if below > _DOUBT:
            break
        lower = rank + 1
    above, upper = 0.0, 0
    for rank in range(count, 0, -1):
        above += chances[rank]  # the chance that `rank` samples at least are below it
        if above > _DOUBT:
            break
        upper = rank
    return lower, upper


def _binomial(count: int, chance: float) -> list[float]:
    logs = (math.log(chance), math.log(1 - chance))
    whole = math.lgamma(count + 1)
    return [
        math.exp(
            whole - math.lgamma(hits + 1) - math.lgamma(count - hits + 1) + hits * logs[0] + (count - hits) * logs[1]
        )
        for hits in range(count + 1)
    ]


def spread(samples: Sequence[float]) -> float:
    """Return how far a typical sample lies from the median one."""
    middle = median(samples)
    return median(abs(sample - middle) for sample in samples)


def slope(places: Sequence[float], values: Sequence[float]) -> Estimate:
    """Return how much ``values`` grow where ``places`` grow by one, with bounds that hold for two kinds of noise.

    A jitter around a line is what Theil and Sen's slope (the median of the slopes of all pairs, with Sen's bounds) stands
    against. Memory also goes in steps that are never taken back, which look like a line to it: therefore the bounds are
    those of resampled steps as well, whichever are further out. A few large steps among many rounds are no slope then.

    Args:
        places: Rising; three at least, and not many hundreds, because all pairs are compared.
        values: One for each.
    """
    theil = _theil_sen(places, values)
    low, high = _resampled(places, values)
    return Estimate(theil.value, min(theil.low, low), max(theil.high, high))


def _theil_sen(places: Sequence[float], values: Sequence[float]) -> Estimate:
    """Sen, Journal of the American Statistical Association 63 (1968), 1379-1389; ties as of Kendall's rank correlation."""
    pairs = combinations(zip(places, values, strict=True), 2)
    slopes = sorted((after - before) / (there - here) for (here, before), (there, after) in pairs)
    count = len(places)
    tied = sum(_tie(values.count(value)) for value in set(values))
    deviation = math.sqrt(max(0.0, (_tie(count) - tied) / 18))
    aside = _Z * deviation
    first = math.floor((len(slopes) - aside) / 2) - 1
    last = math.ceil((len(slopes) + aside) / 2)
    low = slopes[first] if first >= 0 else -math.inf
    return Estimate(median(slopes), low, slopes[last] if last < len(slopes) else math.inf)


def _tie(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def _resampled(places: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of a mean step, of steps that are drawn again and again from those that were seen."""
    ways = [after - before for before, after in pairwise(places)]
    steps = [after - before for before, after in pairwise(values)]
    chance = random.Random(len(steps))  # noqa: S311  # the same verdict for the same numbers
    means = []
    for _ in range(_RESAMPLES):
        drawn = chance.choices(range(len(steps)), k=len(steps))
        means.append(sum(steps[index] for index in drawn) / sum(ways[index] for index in drawn))
    means.sort()
    aside = round(_RESAMPLES * _DOUBT)
    return means[aside], means[-1 - aside]
