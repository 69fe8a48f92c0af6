"""What a test may take (its budgets), what was measured, and what that means."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_envguard.model.dimensions import show_size

MARKER = "envguard_budget"
FIGURES = "envguard_figures"  # attribute of a test's reports: a list of lists, which can be sent
PROPERTY = "envguard_measured"  # what a junit case calls a figure

SECONDS, BYTES = "s", "B"

WITHIN = "within"
OVER = "over"
UNCERTAIN = "not certain"
TOO_FEW = "too few"
MISSING = "not measured"
FREE = ""

COLD_START = "cold_start"  # what a budget calls it: "cold_start_seconds"
_START = re.compile(COLD_START + r"(_\d+)?_(seconds|peak_memory)")
_TIME_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "": 1.0,
    "s": 1.0,
    "min": 60.0,
}  # both letters are typed


class Figure(NamedTuple):
    """Something that was measured in a test, and what is said of its budget.

    Attributes:
        name: As a budget would name it: "encode_p99", "load_seconds", "peak_memory", "growth_per_10k_tokens".
        unit: `SECONDS` or `BYTES`.
        value: In that unit; None of a budget that nothing was measured for.
        limit: The budget; None where there is none.
        verdict: `WITHIN`, `OVER`, `UNCERTAIN` (the budget lies within the noise: no failure), `TOO_FEW` (nothing can be said
            from so little), `MISSING`, or `FREE` (there's no budget).
        low: What the true value is at least, with 97.5 % confidence; None where nobody knows.
        high: What it is at most, likewise.
        note: How it was measured: how often, what was typical, how far that varies.
    """

    name: str
    unit: str
    value: float | None
    limit: float | None = None
    verdict: str = FREE
    low: float | None = None
    high: float | None = None
    note: str = ""

    @classmethod
    def read(cls, sent: Sequence[Any]) -> Figure:
        """Return what was sent as a list."""
        return cls(*sent)

    @property
    def failed(self) -> bool:
        """Whether its test fails for it."""
        return self.verdict in (OVER, TOO_FEW, MISSING)

    @property
    def of_cold_start(self) -> bool:
        """Whether the fixture ``cold_start`` has noted it, without being asked to measure."""
        return self.limit is None and _START.fullmatch(self.name) is not None

    @property
    def short(self) -> str:
        """What was measured, and what was allowed."""
        if self.value is None:
            return f"{self.name} {self.verdict or MISSING}"
        allowed = "" if self.limit is None else f" of {self.shown(self.limit)}"
        said = f" ({self.verdict})" if self.verdict not in (WITHIN, FREE) else ""
        return f"{self.name} {self.shown(self.value)}{allowed}{said}"

    def shown(self, value: float) -> str:
        """Return a value of its unit as people write it."""
        return show_seconds(value) if self.unit == SECONDS else show_bytes(value)

    @property
    def sentence(self) -> str:
        """What a test that fails for it says."""
        if self.value is None or self.limit is None:
            return f"{self.name}: {self.verdict}: {self.details}"
        if self.verdict == TOO_FEW:
            return f"{self.name}: {self.verdict} to say whether it's over {self.shown(self.limit)}: {self.details}"
        return f"{self.name}: {self.shown(self.value)} is over {self.shown(self.limit)} ({self.details})"

    @property
    def details(self) -> str:
        """Where the true value lies, and how it was measured."""
        return "; ".join(filter(None, (self._noise(), self.note)))

    def _noise(self) -> str:
        if self.low is None or self.high is None or self.shown(self.low) == self.shown(self.high):
            return ""
        return f"between {self.shown(self.low)} and {self.shown(self.high)}"

    def __str__(self) -> str:
        return self.short + (f": {self.details}" if self.details else "")


def of_start(number: int, seconds: float, peak_memory: int, note: str) -> tuple[Figure, Figure]:
    """Return the figures of a test's cold start, ``number`` from 1 on: "cold_start_seconds", "cold_start_2_seconds"."""
    name = COLD_START if number == 1 else f"{COLD_START}_{number}"
    return (
        Figure(f"{name}_seconds", SECONDS, seconds, note=note),
        Figure(f"{name}_peak_memory", BYTES, float(peak_memory), note=note),
    )


def figures_of(report: Any) -> tuple[Figure, ...]:
    """Return the figures that a test's report carries."""
    return tuple(map(Figure.read, getattr(report, FIGURES, ())))


def read_seconds(raw: object) -> float:
    """Return the seconds that ``raw`` stands for: a number, or text such as "15ms", "150us", "2s" or "1.5min".

    Raises:
        ValueError: With what was expected.
    """
    expected = 'a time such as "15ms", "2s" or 10 (seconds)'
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        seconds = float(raw)
    else:
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(ns|[uµμ]s|ms|s|min|)", str(raw).strip())
        if not match or not isinstance(raw, str):
            raise ValueError(expected)
        seconds = float(match[1]) * _TIME_UNITS[match[2]]
    if not 0 < seconds < math.inf:
        raise ValueError(f"{expected}, above zero")
    return seconds


def show_seconds(seconds: float) -> str:
    """Return a time as people write it, with three digits: "18.2 ms"."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= factor * 0.9995:
            return f"{_three_digits(seconds / factor)} {unit}"
    return f"{_three_digits(seconds / 1e-9)} ns"


def _three_digits(number: float) -> str:
    digits = max(0, 2 - math.floor(math.log10(abs(number) * 1.0005))) if number else 0
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_bytes(size: float) -> str:
    """Return a number of bytes as people write it; growth may be negative, and less than a byte."""
    whole = round(abs(size))
    if whole == 0:
        return "0 B"
    return ("-" if size < 0 else "") + show_size(whole)
