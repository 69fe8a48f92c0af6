"""The fixture's value: measures what a test asks it to, and knows at the end which budgets that exceeds."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pytest_envguard.budgets import growth as growing
from pytest_envguard.budgets import sampling
from pytest_envguard.budgets.asked import DURATION, GROWTH, PEAK, PEAK_MEMORY, PERCENTILE, Budget, same_unit
from pytest_envguard.budgets.memory import PeakWatch
from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.budget import BYTES, COLD_START, MISSING, OVER, SECONDS, WITHIN, Figure, of_start

_WHERE = "`envguard_measure"


class Measure:
    """Measures times, memory and growth; see the fixture ``envguard_measure``.

    Attributes:
        budgets: Those of the test.
    """

    def __init__(self, budgets: Sequence[Budget] = ()) -> None:
        self.budgets = tuple(budgets)
        self._batches: dict[str, list[list[float]]] = {}
        self._series: dict[str, growing.Series] = {}
        self._recorded: dict[str, Figure] = {}
        self._starts: list[tuple[Figure, Figure]] = []
        self._traced = False
        self._peak = PeakWatch() if self._asked(PEAK) else None

    def __repr__(self) -> str:
        return "envguard_measure"  # what an assertion that failed shows

    # -- what a test calls ---------------------------------------------------------------------------------------------

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Take the time of a block: one sample of ``name``. What raises isn't counted."""
        _check_name(name, "timed")
        self._traced |= sampling.traced()
        began = time.perf_counter()
        yield
        self._batches.setdefault(name, [[]])[-1].append(time.perf_counter() - began)

    def load(self) -> AbstractContextManager[None]:
        """Take the time of loading something: ``timed("load")``, for the budget ``load_seconds``."""
        return self.timed("load")

    def sample(
        self,
        name: str,
        function: Callable[[], object],
        *,
        samples: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Take the times of many calls of ``function``, for the budgets ``NAME_p50`` to ``NAME_p99`` and ``NAME_max``.

        First come calls that aren't counted (20, or a tenth of the time), then as many as the budgets' percentiles take:
        491 for a p99, at least 200. While the budget lies within the noise up to four times as many are taken, and a batch
        that exceeds it is repeated twice.

        Args:
            name: What the budgets call it.
            function: Called without arguments; what it returns is dropped.
            samples: Another number for a batch.
            seconds: Longest time for a batch; left out: three times what the budget allows, from 10 to 60 seconds.

        Raises:
            EnvguardError: A mistake in the arguments, or a coroutine function, whose call runs nothing.
        """
        __tracebackhide__ = True
        try:
            _check_name(name, "sample")
            _check_callable(function, "sample")
            for argument, given in (("samples", samples), ("seconds", seconds)):
                _check_above_zero(given, "sample", argument)
            budgets = self._asked(PERCENTILE, name)
            self._traced |= sampling.traced()
            self._batches[name] = sampling.take(function, budgets, sampling.effort(budgets, samples, seconds))
        except EnvguardError as error:
            raise error.with_traceback(None) from None  # the test's own line is all that a user needs

    def growth(self, unit: str, function: Callable[[], object], *, seconds: float | None = None) -> None:
        """Call ``function`` over many rounds and see whether memory grows with them: ``growth_per_10k_tokens``.

        Memory is looked at after each of 40 rounds, when garbage is collected and the C library has given back what it
        keeps for later: anonymous and shared pages, in memory or swapped. The slope of the later half counts. Where it
        exceeds the budget, or noise leaves that open, twice and three times as many rounds are looked at.

        Args:
            unit: What is counted, such as "tokens" or "calls".
            function: Called without arguments; returns how many units it has dealt with.
            seconds: Longest time for 40 rounds, 10 if left out.

        Raises:
            EnvguardError: A mistake in the arguments, or a function that returns no number.
        """
        __tracebackhide__ = True
        try:
            _check_name(unit, "growth")
            _check_callable(function, "growth")
            _check_above_zero(seconds, "growth", "seconds")
            budgets = [one for one in self._asked(GROWTH) if same_unit(one.subject, unit)]
            watching = growing.Watching(unit, function)
            self._series[unit] = watching.watch(budgets, seconds or growing.USUAL_SECONDS)
        except EnvguardError as error:
            raise error.with_traceback(None) from None

    def record(self, **figures: float) -> None:
        """Take figures that something else has measured: ``record(import_seconds=start.seconds, peak_memory=start.peak_memory)``.

        Raises:
            EnvguardError: Another name than ``peak_memory`` or one that ends in ``_seconds``, or no number.
        """
        __tracebackhide__ = True
        for name, value in figures.items():
            if name != PEAK_MEMORY and not re.fullmatch(r"\w+_seconds", name):
                raise EnvguardError(
                    f"{_WHERE}.record`: expected `peak_memory` or a name that ends in `_seconds`, got `{name}`",
                    nearest(name, {PEAK_MEMORY, f"{name.rpartition('_')[0] or name}_seconds"}),
                )
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise EnvguardError(f"{_WHERE}.record`: `{name}`: expected a number, got {value!r}")
            unit = BYTES if name == PEAK_MEMORY else SECONDS
            self._recorded[name] = Figure(name, unit, float(value), note="recorded by the test")

    def started(self, seconds: float, peak_memory: int, note: str) -> None:
        """Take a cold start of the test's, as `cold_start` tells of each; of several the longest counts."""
        self._starts.append(of_start(len(self._starts) + 1, seconds, peak_memory, note))

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def figures(self) -> tuple[Figure, ...]:
        """Return all that was measured, and the budgets that nothing was measured for."""
        judged = [self._judged(budget) for budget in self.budgets]
        known = [figure.name for figure in judged]
        others = [figure for figure in self._without_budget(known) if figure.name not in known]
        return tuple(self._noted(figure) for figure in (*judged, *others))

    def _judged(self, budget: Budget) -> Figure:
        if budget.kind == PERCENTILE and (batches := self._batches.get(budget.subject)):
            return sampling.judged(budget, batches)
        if budget.kind == GROWTH:
            for unit, series in self._series.items():
                if same_unit(unit, budget.subject):
                    return growing.judged(budget, series)
        figure = self._once(budget)
        if figure is None or figure.value is None:
            return Figure(budget.name, budget.unit, None, budget.limit, MISSING, note=self._why_missing(budget))
        verdict = OVER if figure.value > budget.limit else WITHIN
        return figure._replace(limit=budget.limit, verdict=verdict)

    def _once(self, budget: Budget) -> Figure | None:
        """Return what has no noise that anybody knows of: a time that was taken once, or the peak."""
        if budget.name in self._recorded:
            return self._recorded[budget.name]
        if budget.kind == DURATION and (batches := self._batches.get(budget.subject)):
            return _duration(budget.name, batches[-1])
        if budget.subject == COLD_START and self._starts:
            return max((seconds for seconds, _ in self._starts), key=lambda one: one.value or 0)._replace(
                name=budget.name
            )
        if budget.kind == PEAK and self._peak:
            peak = self._peak.peak()
            return Figure(PEAK_MEMORY, BYTES, float(peak.size), note=peak.note)
        return None

    def _why_missing(self, budget: Budget) -> str:
        measured = [*self._batches, *self._series, *self._recorded]
        if not measured:
            return f"the test never measured it, as `{budget.call}` does"
        hint = nearest(budget.subject, measured).replace("known:", "measured was:")
        return f"`{budget.call}` would measure it; {hint}"

    def _without_budget(self, known: Sequence[str]) -> Iterator[Figure]:
        for name, batches in self._batches.items():
            if len(batches[-1]) > 1:
                yield from sampling.free(name, batches, known)
            elif not any(budget.subject == name for budget in self.budgets):
                yield _duration(f"{name}_seconds", batches[-1])
        for unit, series in self._series.items():
            if not any(one.kind == GROWTH and same_unit(one.subject, unit) for one in self.budgets):
                yield from growing.free(unit, series)
        yield from self._recorded.values()
        yield from (figure for start in self._starts for figure in start if figure.name not in self._recorded)

    def _noted(self, figure: Figure) -> Figure:
        if not self._traced or figure.unit != SECONDS or figure.value is None:
            return figure
        return figure._replace(note=f"{figure.note}; slower than usual, under a coverage or a debugger")

    def _asked(self, kind: str, subject: str = "") -> list[Budget]:
        return [one for one in self.budgets if one.kind == kind and (not subject or one.subject == subject)]


def _duration(name: str, samples: Sequence[float]) -> Figure:
    note = "measured once" if len(samples) == 1 else f"the longest of {len(samples)}"
    return Figure(name, SECONDS, max(samples), note=note)


def _check_name(name: Any, where: str) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise EnvguardError(
            f"{_WHERE}.{where}`: expected a name as it stands in a budget, got {name!r}",
            'letters, digits and `_`, for example "encode" for `encode_p99`',
        )


def _check_callable(function: Any, where: str) -> None:
    if not callable(function):
        raise EnvguardError(
            f"{_WHERE}.{where}`: expected a function, got {type(function).__name__}",
            f'for example `envguard_measure.{where}("encode", lambda: encode(text))`',
        )


def _check_above_zero(value: Any, where: str, argument: str) -> None:
    wrong = isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf
    if value is not None and (wrong or (argument == "samples" and not isinstance(value, int))):
        kind = "a whole number" if argument == "samples" else "seconds"
        raise EnvguardError(f"{_WHERE}.{where}`: `{argument}`: expected {kind} above zero, got {value!r}")
