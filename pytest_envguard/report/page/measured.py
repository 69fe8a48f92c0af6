"""What environments and tests took, beside each other on the same scales. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from pytest_envguard.model.budget import BYTES, SECONDS, Figure, show_seconds
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.figures import Measured, by_test
from pytest_envguard.report.groups import count
from pytest_envguard.report.page.plots import Span, bar, span, timeline
from pytest_envguard.report.page.shown import short_name, visible

_MOST_RUNS = 60
_MOST_FIGURES = 150


class Bar(NamedTuple):
    """One figure of an environment: what it is, in words, and as a bar."""

    title: str
    text: str
    drawn: Markup


class Took(NamedTuple):
    """What an environment took.

    Attributes:
        environment: Which.
        says: The test that took longest.
        drawn: How long each test took, in their order; "" where nobody noted it.
        starts: Seconds and memory of its cold starts, in their order.
        bars: Time and memory of all together.
    """

    environment: str
    says: str
    drawn: Markup
    starts: tuple[Bar, ...]
    bars: tuple[Bar, ...]


class Measure(NamedTuple):
    """A figure in one environment: in words, all that is known of it, and as a plot ("" where nothing was measured)."""

    environment: str
    text: str
    details: str
    failed: bool
    drawn: Markup


class Budget(NamedTuple):
    """A figure of a test in all environments."""

    nodeid: str
    name: str
    measures: tuple[Measure, ...]


class Resources(NamedTuple):
    """All of it.

    Attributes:
        took: The environments.
        more: How many environments aren't shown.
        budgets: What tests measured.
        more_budgets: How many of those aren't shown.
    """

    took: tuple[Took, ...]
    more: int
    budgets: tuple[Budget, ...]
    more_budgets: int


def resources(runs: Sequence[Run]) -> Resources:
    """Return what was measured in a run."""
    ran = [run for run in runs if run.outcomes or run.resources.seconds]
    figures = _figures(by_test(runs))
    longest = max((second for run in ran for second in run.seconds.values()), default=0.0)
    most = [max((run.resources[at] for run in ran), default=0) for at in range(3)]
    ends = [
        max((one.value or 0 for run in ran for one in _starts(run, unit)), default=0.0) for unit in (SECONDS, BYTES)
    ]
    return Resources(
        tuple(_took(run, longest, ends, most) for run in ran[:_MOST_RUNS]),
        max(0, len(ran) - _MOST_RUNS),
        tuple(_budget(nodeid, name, found) for (nodeid, name), found in figures[:_MOST_FIGURES]),
        max(0, len(figures) - _MOST_FIGURES),
    )


def _took(run: Run, longest: float, ends: Sequence[float], most: Sequence[float]) -> Took:
    slowest = max(run.seconds, key=lambda nodeid: run.seconds[nodeid], default="")
    says, drawn = "", Markup()
    if slowest:
        says = f"longest: {show_seconds(run.seconds[slowest])}, {short_name(slowest)}"
        title = f"{run.environment}: time of {count(len(run.seconds), 'test')} in their order; {says}"
        drawn = timeline(list(run.seconds.values()), longest, visible(title))
    starts = (_timed(run, unit, end) for unit, end in zip((SECONDS, BYTES), ends, strict=True))
    return Took(run.environment, says, drawn, tuple(filter(None, starts)), tuple(_bars(run, most)))


def _starts(run: Run, unit: str) -> list[Figure]:
    """Return seconds, or peaks of memory, of the cold starts in an environment, in their order."""
    return [one for figures in run.figures.values() for one in figures if one.of_cold_start and one.unit == unit]


def _timed(run: Run, unit: str, end: float) -> Bar | None:
    """Return the cold starts as a timeline; None where there was none."""
    starts = _starts(run, unit)
    if not starts:
        return None
    values = [one.value or 0.0 for one in starts]
    what = "cold starts" if unit == SECONDS else "their memory"
    most = starts[values.index(max(values))]
    text = f"{len(starts)}, at most {most.shown(max(values))}"
    title = f"{run.environment}: {what} in their order: {text}: {most.note}"
    return Bar(what, text, timeline(values, end, visible(title)))


def _bars(run: Run, most: Sequence[float]) -> Iterable[Bar]:
    used = run.resources
    texts = (show_seconds(used.seconds), show_size(used.peak_memory), show_size(used.peak_tmp))
    for title, value, text, end in zip(("time", "peak memory", "peak /tmp"), used, texts, most, strict=True):
        if value:
            yield Bar(title, text, bar(value, end, visible(f"{run.environment}: {title} {text}")))


def _figures(measured: Measured) -> list[tuple[tuple[str, str], dict[str, Figure]]]:
    """Return figures by test and name, those that fail first."""
    found: dict[tuple[str, str], dict[str, Figure]] = {}
    for nodeid, places in measured.items():
        for environment, figures in places.items():
            for figure in figures:
                found.setdefault((nodeid, figure.name), {})[environment] = figure
    return sorted(found.items(), key=lambda item: not any(figure.failed for figure in item[1].values()))


def _budget(nodeid: str, name: str, found: Mapping[str, Figure]) -> Budget:
    ends = [value for figure in found.values() for value in (figure.value, figure.high, figure.limit) if value]
    most = 1.05 * max(ends, default=0.0)
    return Budget(nodeid, name, tuple(_measure(where, figure, most) for where, figure in found.items()))


def _measure(environment: str, figure: Figure, most: float) -> Measure:
    text = figure.short.removeprefix(f"{figure.name} ")
    drawn = Markup()
    if figure.value is not None:
        low = figure.value if figure.low is None else figure.low
        high = figure.value if figure.high is None else figure.high
        one = Span(figure.value, low, high, figure.limit, most, figure.failed)
        drawn = span(one, visible(f"{environment}: {figure}"))
    return Measure(environment, text, figure.details, figure.failed, drawn)
