"""Times of many calls: enough of them for the percentiles that are asked about, and more where noise leaves it open."""

from __future__ import annotations

import gc
import inspect
import math
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from pytest_envguard.budgets.asked import Budget
from pytest_envguard.budgets.statistics import Estimate, fewest, percentile, spread
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import (
    FREE,
    OVER,
    SECONDS,
    TOO_FEW,
    UNCERTAIN,
    WITHIN,
    Figure,
    show_seconds,
)

SHORTEST, LONGEST = 10.0, 60.0  # seconds for one batch, where a test names none
_USUAL = 200  # samples, where no percentile wants more
_PATIENCE = 60.0  # seconds that the fewest samples may take, on a machine that has much else to do
_BATCHES = 3
_MORE = 4  # times as many samples as usual while the budget lies within the noise
_WARM_UP = 20  # calls, or a tenth of the time
_FREE = (99, 95, 90)

Batches = Sequence[Sequence[float]]
Clock = Callable[[], float]


class Effort(NamedTuple):
    """How much is done for one name.

    Attributes:
        samples: In a batch.
        seconds: For a batch; what isn't sampled by then stays so, unless nothing could be said from so few.
    """

    samples: int
    seconds: float


def effort(budgets: Sequence[Budget], samples: int | None = None, seconds: float | None = None) -> Effort:
    """Return what it takes to judge ``budgets``, unless a test says it itself."""
    needed = max((fewest(budget.percent) for budget in budgets), default=0)
    count = samples or max(_USUAL, math.ceil(needed * 4 / 3))
    within = 3 * count * max((budget.limit for budget in budgets), default=0.0)
    return Effort(count, seconds or min(LONGEST, max(SHORTEST, within)))


def take(
    function: Callable[[], object], budgets: Sequence[Budget], wanted: Effort, clock: Clock = time.perf_counter
) -> list[list[float]]:
    """Call ``function`` until each budget can be judged, and return the seconds of its calls in batches.

    A batch in which a budget is exceeded is followed by another one, three at most: what the machine did besides for a
    moment is no failure. Within a batch, samples are added while a budget lies within the noise.

    Raises:
        EnvguardError: The function is a coroutine's, so that a call of it does nothing.
    """
    _warm_up(function, wanted.seconds / 10, clock)
    batches: list[list[float]] = []
    for _ in range(_BATCHES):
        gc.collect()
        batches.append(_batch(function, budgets, wanted, clock))
        if OVER not in _verdicts(budgets, batches[-1]):
            break
    return batches


def _warm_up(function: Callable[[], object], seconds: float, clock: Clock) -> None:
    end = clock() + seconds
    for _ in range(_WARM_UP):
        returned = function()
        if inspect.isawaitable(returned):
            if inspect.iscoroutine(returned):
                returned.close()
            raise EnvguardError(
                "`envguard_measure.sample`: the function returned a coroutine, so calling it ran nothing",
                'measure in the coroutine that waits for it: `with envguard_measure.timed("name"): await …`, often',
            )
        if clock() >= end:
            return


def _batch(function: Callable[[], object], budgets: Sequence[Budget], wanted: Effort, clock: Clock) -> list[float]:
    samples: list[float] = []
    fewest_of_all = max((fewest(budget.percent) for budget in budgets), default=1)
    began_at = clock()
    goal = wanted.samples
    while True:
        while len(samples) < goal:
            began = clock()
            function()
            ended = clock()
            samples.append(ended - began)
            patience = wanted.seconds if len(samples) >= fewest_of_all else max(wanted.seconds, _PATIENCE)
            if ended - began_at >= patience:
                return samples
        verdicts = _verdicts(budgets, samples)
        if OVER in verdicts or UNCERTAIN not in verdicts or goal >= _MORE * wanted.samples:
            return samples
        goal = min(2 * goal, _MORE * wanted.samples)


# -- what follows from them: pure --------------------------------------------------------------------------------------


def _verdicts(budgets: Sequence[Budget], samples: Sequence[float]) -> list[str]:
    return [_verdict(percentile(samples, one.percent), one.percent, len(samples), one.limit) for one in budgets]


def _verdict(found: Estimate, percent: int, count: int, limit: float) -> str:
    if found.low > limit:
        return OVER
    if count < fewest(percent):
        return TOO_FEW
    return WITHIN if found.high <= limit else UNCERTAIN


def judged(budget: Budget, batches: Batches) -> Figure:
    """Return what is said of a percentile's budget: it's exceeded if it is in every batch, beyond the noise."""
    calm = [batch for batch in batches if OVER not in _verdicts([budget], batch)]
    batch = calm[-1] if calm else min(batches, key=lambda one: percentile(one, budget.percent).value)
    found = percentile(batch, budget.percent)
    verdict = _verdict(found, budget.percent, len(batch), budget.limit)
    notes = [_about(batch)]
    if verdict == TOO_FEW:
        notes.append(f"a p{budget.percent} takes {fewest(budget.percent)}: measure longer (`seconds=`)")
    if len(batches) > 1:
        notes.append(f"over in {len(batches) - len(calm)} of {len(batches)} batches")
    return _figure(budget.name, found, "; ".join(notes))._replace(limit=budget.limit, verdict=verdict)


def free(name: str, batches: Batches, named: Sequence[str] = ()) -> list[Figure]:
    """Return the median, the highest percentile that there are enough samples for and the largest, but those in ``named``."""
    batch = batches[-1]
    tail = [percent for percent in _FREE if len(batch) >= fewest(percent)][:1]
    figures = {f"{name}_p{percent}": percentile(batch, percent) for percent in (50, *tail)}
    figures[f"{name}_max"] = percentile(batch, 100)
    return [_figure(known, found, _about(batch)) for known, found in figures.items() if known not in named]


def _figure(name: str, found: Estimate, note: str) -> Figure:
    low, high = (bound if math.isfinite(bound) else None for bound in found[1:])
    return Figure(name, SECONDS, found.value, None, FREE, low, high, note)


def _about(batch: Sequence[float]) -> str:
    count = "1 sample" if len(batch) == 1 else f"{len(batch):,} samples"
    return f"{count}, median {show_seconds(median(batch))} ±{show_seconds(spread(batch))}"


def traced() -> bool:
    """Whether something follows every line of this process (a coverage, a debugger), which makes it slower."""
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    tools = monitoring and any(monitoring.get_tool(tool) for tool in (0, 1))
    return sys.gettrace() is not None or bool(tools)
