"""What a test may take, as its marker says: keywords become budgets, mistakes become one clear error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.budget import BYTES, MARKER, SECONDS, read_seconds
from pytest_envguard.model.dimensions import read_size

WHERE = f"@pytest.mark.{MARKER}"

PERCENTILE, DURATION, PEAK, GROWTH = "percentile", "seconds", "peak", "growth"
PEAK_MEMORY = "peak_memory"

_SAMPLED = re.compile(r"([a-z_]\w*)_(?:p([1-9]\d?)|max)", re.IGNORECASE)
_TIMED = re.compile(r"([a-z_]\w*)_seconds", re.IGNORECASE)
_GROWING = re.compile(r"growth_per_(?:(\d+)(?:([km])_|_?))?([a-z]\w*)", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
_EXAMPLE = f'{WHERE}(encode_p99="15ms", load_seconds=10, peak_memory="512MB", growth_per_10k_tokens="1MB")'


class Budget(NamedTuple):
    """One limit.

    Attributes:
        name: The marker's keyword.
        kind: `PERCENTILE`, `DURATION`, `PEAK` or `GROWTH`.
        subject: What is measured: the name given to `sample` or `timed`, or the unit given to `growth`; "" of a peak.
        limit: Seconds or bytes.
        percent: Of a percentile: 1 to 99, 100 for the largest.
        per: Of growth: for how many units.
    """

    name: str
    kind: str
    subject: str
    limit: float
    percent: int = 0
    per: int = 1

    @property
    def unit(self) -> str:
        """What the limit is counted in."""
        return SECONDS if self.kind in (PERCENTILE, DURATION) else BYTES

    @property
    def call(self) -> str:
        """What a test calls to have it measured."""
        calls = {
            PERCENTILE: f'envguard_measure.sample("{self.subject}", function)',
            DURATION: f'with envguard_measure.timed("{self.subject}"): …',
            GROWTH: f'envguard_measure.growth("{self.subject}", function)',
        }
        return calls.get(self.kind, "")


def budgets_of(marks: Iterable[Any]) -> tuple[Budget, ...]:
    """Return the budgets that markers name; of two for the same thing the first one's.

    Args:
        marks: pytest's, the nearest first.

    Raises:
        EnvguardError: A marker says something that isn't a budget.
    """
    found: dict[str, Budget] = {}
    for mark in marks:
        if mark.args or not mark.kwargs:
            given = ", ".join(map(repr, mark.args)) or "nothing"
            raise EnvguardError(f"{WHERE}: expected budgets by name, got {given}", f"for example `{_EXAMPLE}`")
        for name, raw in mark.kwargs.items():
            found.setdefault(name, read_budget(name, raw))
    return tuple(found.values())


def read_budget(name: str, raw: object) -> Budget:
    """Return one budget.

    Args:
        name: Such as "encode_p99", "load_seconds", "peak_memory" or "growth_per_10k_tokens".
        raw: A time ("15ms", 10 for seconds) or a size ("512MB": powers of 1024, as everywhere here).

    Raises:
        EnvguardError: No budget has this name, or this value.
    """
    budget = _named(name)
    if budget is None:
        raise EnvguardError(f"{WHERE}: no budget is named `{name}`", _meant(name))
    try:
        limit = read_seconds(raw) if budget.unit == SECONDS else read_size(raw)
    except ValueError as error:
        raise EnvguardError(f"{WHERE}: `{name}`: expected {error}, got {raw!r}") from None
    return budget._replace(limit=limit)


def _named(name: str) -> Budget | None:
    if name == PEAK_MEMORY:
        return Budget(name, PEAK, "", 0)
    if match := _GROWING.fullmatch(name):
        per = int(match[1] or 1) * _FACTORS[(match[2] or "").lower()]
        return Budget(name, GROWTH, match[3], 0, per=per) if per else None
    if match := _SAMPLED.fullmatch(name):
        return Budget(name, PERCENTILE, match[1], 0, int(match[2] or 100))
    if match := _TIMED.fullmatch(name):
        return Budget(name, DURATION, match[1], 0)
    return None


def _meant(name: str) -> str:
    """Return a hint for a name that no budget has: its own stem with the endings there are, and what else there is."""
    stem = name.rpartition("_")[0] or name
    endings = ("seconds", "p50", "p90", "p95", "p99", "max")
    return nearest(name, {PEAK_MEMORY, "growth_per_10k_tokens", *(f"{stem}_{ending}" for ending in endings)})


def same_unit(first: str, second: str) -> bool:
    """Whether two words name the same units: "token" and "tokens" do."""
    return first.lower().removesuffix("s") == second.lower().removesuffix("s")
