"""Whether memory grows with the work: the slope over many rounds, when what a process keeps for later has settled.

An allocator takes memory in steps, a cache fills up, and then both stay as they are; a leak goes on. So the later half of
the rounds is judged, and a budget is exceeded only where that is still so after twice and three times as many rounds.
"""

from __future__ import annotations

import gc
import math
import operator
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pytest_envguard.budgets.asked import Budget
from pytest_envguard.budgets.memory import held
from pytest_envguard.budgets.statistics import Estimate, slope
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import BYTES, OVER, TOO_FEW, UNCERTAIN, WITHIN, Figure, show_bytes

USUAL_SECONDS = 10.0
ROUNDS = 40  # in a window
_FEWEST = 16  # rounds, below which nothing is said
_WINDOWS = 3
_PATIENCE = 60.0  # seconds that the fewest rounds may take, on a machine that has much else to do
_VISIBLE = (
    1 << 20
)  # bytes: an allocator's own unit (CPython's arenas have 1 MiB); less growth hides in what is free already
_MOST = 1 << 30  # bytes that a test's process is let grow
_WARM_UP = 3  # calls at least

Clock = Callable[[], float]
Held = Callable[[], int]


class Series(NamedTuple):
    """Memory over work.

    Attributes:
        units: Done so far, when memory was looked at; rising.
        held: Bytes, for each of them.
    """

    units: Sequence[int]
    held: Sequence[int]

    @property
    def rounds(self) -> int:
        """How many there were."""
        return len(self.units) - 1

    @property
    def grown(self) -> int:
        """Bytes that were held at the end more than at the beginning."""
        return self.held[-1] - self.held[0]

    @property
    def later(self) -> Series:
        """The later half."""
        first = len(self.units) // 2
        return Series(self.units[first:], self.held[first:])


class _Pace(NamedTuple):
    """How a round is made.

    Attributes:
        calls: In each.
        seconds: For a window.
    """

    calls: int
    seconds: float


class Watching:
    """One function that is called over and over, and the memory that is held after each round of calls."""

    def __init__(
        self, unit: str, function: Callable[[], object], clock: Clock = time.perf_counter, look: Held = held
    ) -> None:
        self._unit = unit
        self._function = function
        self._clock = clock
        self._look = look
        self._done = 0
        self._units: list[int] = []
        self._held: list[int] = []

    def watch(self, budgets: Sequence[Budget], seconds: float) -> Series:
        """Run rounds until each budget can be judged, for three times ``seconds`` at most, and return what was seen.

        Raises:
            EnvguardError: The function doesn't say how much it has done.
        """
        with _quick_garbage():
            pace = self._warm_up(seconds)
            self._note()
            for window in range(1, _WINDOWS + 1):
                self._run(pace, window * ROUNDS)
                verdicts = {verdict(budget, self._series)[0] for budget in budgets}
                if verdicts.isdisjoint((OVER, UNCERTAIN)) or self._too_large():
                    break
        return self._series

    def _warm_up(self, seconds: float) -> _Pace:
        """Call the function for a tenth of the time, and find out how many calls make a round."""
        began = looked = self._clock()
        calls, held_before = 0, self._look()
        while calls < _WARM_UP or self._clock() - began < seconds / 10:
            self._call()
            calls += 1
            if self._clock() - looked >= seconds / 200:
                if self._look() - held_before > _MOST:
                    break
                looked = self._clock()
        if not self._done:
            raise EnvguardError(
                f"`envguard_measure.growth`: the function has dealt with no {self._unit} in {calls} calls",
                f"it returns how many {self._unit} each call has dealt with",
            )
        each = max((self._clock() - began) / calls, 1e-9)
        grown = max((self._look() - held_before) / calls, 1)
        began = self._clock()
        self._look()
        looking = self._clock() - began
        for_calls = max(seconds / ROUNDS - looking, looking)
        # A leak that is large enough to be seen at once must not take all memory before the first look.
        return _Pace(max(1, min(round(for_calls / each), int(_MOST / _FEWEST / grown))), seconds)

    def _run(self, pace: _Pace, rounds: int) -> None:
        began = self._clock()
        while len(self._units) <= rounds and not self._too_large():
            for _ in range(pace.calls):
                self._call()
            self._note()
            enough = len(self._units) > _FEWEST
            if self._clock() - began >= (pace.seconds if enough else max(pace.seconds, _PATIENCE)):
                return

    def _call(self) -> None:
        said = self._function()
        try:
            units = operator.index(said)  # type: ignore[arg-type]  # what isn't a whole number is told below
        except TypeError:
            units = -1
        if units < 0 or isinstance(said, bool):
            raise EnvguardError(
                f"`envguard_measure.growth`: expected the number of {self._unit} that the function has dealt with, "
                f"it returned {_shortened(said)}",
                f'for example `envguard_measure.growth("{self._unit}", lambda: len(encode(text)))`',
            )
        self._done += units

    def _note(self) -> None:
        if not self._units or self._done > self._units[-1]:
            self._units.append(self._done)
            self._held.append(self._look())

    @property
    def _series(self) -> Series:
        return Series(self._units, self._held)

    def _too_large(self) -> bool:
        return self._series.grown > _MOST


@contextmanager
def _quick_garbage() -> Iterator[None]:
    """Let collections of garbage pass over what is there already: with it, a look at memory takes 50 ms instead of 3."""
    if gc.get_freeze_count():  # somebody else's
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# -- what follows from it: pure ----------------------------------------------------------------------------------------


def verdict(budget: Budget, series: Series) -> tuple[str, Estimate]:
    """Return what is said of a budget of growth, and the growth for as many units as it names."""
    if series.rounds < _FEWEST and series.grown > _MOST:  # had to end early
        whole = series.grown * budget.per / (series.units[-1] - series.units[0])
        return (OVER if whole > budget.limit else TOO_FEW), Estimate(whole, whole, whole)
    if series.rounds < _FEWEST:
        return TOO_FEW, Estimate(math.nan, -math.inf, math.inf)
    later = series.later
    found = Estimate(*(each * budget.per for each in slope(later.units, later.held)))
    if found.low > budget.limit:
        return OVER, found
    if _allowed(budget, later) < _VISIBLE:
        return TOO_FEW, found
    return (WITHIN if found.high <= budget.limit else UNCERTAIN), found


def _allowed(budget: Budget, later: Series) -> float:
    """Return the bytes that the budget lets grow in these rounds."""
    return budget.limit * (later.units[-1] - later.units[0]) / budget.per


def judged(budget: Budget, series: Series) -> Figure:
    """Return a budget of growth as a figure."""
    said, found = verdict(budget, series)
    note = _about(series, budget.subject)
    if said == TOO_FEW:
        note = f"{note}; {_why_too_few(budget, series)}: do more in a call, or measure longer (`seconds=`)"
    return _figure(budget.name, found, note)._replace(limit=budget.limit, verdict=said)


def _why_too_few(budget: Budget, series: Series) -> str:
    if series.rounds < _FEWEST:
        return f"it takes {_FEWEST} rounds"
    allowed = show_bytes(_allowed(budget, series.later))
    return f"what the budget allows for them, {allowed}, can't be told from what an allocator has free"


def free(unit: str, series: Series) -> list[Figure]:
    """Return the growth of a unit that there's no budget for, for a thousand."""
    if series.rounds < _FEWEST:
        return []
    later = series.later
    found = Estimate(*(each * 1000 for each in slope(later.units, later.held)))
    return [_figure(f"growth_per_1k_{unit}", found, _about(series, unit))]


def _figure(name: str, found: Estimate, note: str) -> Figure:
    value, low, high = (number if math.isfinite(number) else None for number in found)
    return Figure(name, BYTES, value, low=low, high=high, note=note)


def _about(series: Series, unit: str) -> str:
    if not series.rounds:
        return f"no {unit} were dealt with"
    middle = len(series.units) // 2
    sizes = [show_bytes(series.held[index]) for index in (0, middle, -1)]
    return f"{series.rounds} rounds, {series.units[-1] - series.units[0]:,} {unit}, {' → '.join(sizes)} held"
