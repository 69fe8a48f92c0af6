"""pytest's side: budgets are looked for mistakes at collection, and judged when the test has ended well."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import pytest

from pytest_envguard.budgets.asked import budgets_of
from pytest_envguard.budgets.measure import Measure
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import FIGURES, MARKER, PROPERTY, Figure

_NAME = "envguard-budgets"
_MEASURE = pytest.StashKey[Measure]()
_FIGURES = pytest.StashKey[tuple[Figure, ...]]()


def check(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Look for mistakes in the markers of ``items``, and judge them from now on.

    Raises:
        pytest.UsageError: Names each mistake with its tests (exit code 4). In a worker of xdist, where this would look
            like a crash, the tests themselves will say so.
    """
    mistakes: dict[str, list[str]] = {}
    for item in items:
        try:
            budgets_of(item.iter_markers(MARKER))
        except EnvguardError as error:
            mistakes.setdefault(str(error), []).append(item.nodeid)
    if mistakes and not hasattr(config, "workerinput"):
        raise pytest.UsageError("\n".join(f"{_first(nodeids)}: {mistake}" for mistake, nodeids in mistakes.items()))
    attach(config)


def _first(nodeids: list[str]) -> str:
    return nodeids[0] + (f" and {len(nodeids) - 1} more" if len(nodeids) > 1 else "")


def attach(config: pytest.Config) -> None:
    """Judge budgets and pass on figures from now on."""
    if not config.pluginmanager.hasplugin(_NAME):
        config.pluginmanager.register(_Judge(), _NAME)


def measure_of(item: pytest.Item) -> Measure:
    """Return what measures in this test; the one and the same however often.

    Raises:
        EnvguardError: A mistake in its markers.
    """
    if _MEASURE not in item.stash:
        item.stash[_MEASURE] = Measure(budgets_of(item.iter_markers(MARKER)))
    return item.stash[_MEASURE]


def assert_judged(item: pytest.Item) -> None:
    """Refuse to run a test whose budgets nobody would judge.

    Raises:
        pytest.fail.Exception: Its marker was added too late.
    """
    if not item.config.pluginmanager.hasplugin(_NAME):
        pytest.fail(
            f"{item.nodeid} has got budgets when it had begun: they would not be judged\n"
            f"hint: put @pytest.mark.{MARKER} on the test, its class or its module",
            pytrace=False,
        )


class _Judge:
    """Plugin object that is registered as soon as a test has a budget or measures something."""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin to watch the peak before the first fixture, but after the marks that skip a test."""
        if _MEASURE in item.stash:  # of a former run of the same test
            del item.stash[_MEASURE]
        item.stash[_FIGURES] = ()
        if MARKER in item.keywords:
            _measure_or_fail(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let a test that ended well fail for what it took."""
        ended_well = False
        try:
            result = yield
            ended_well = True
        finally:
            figures = self._conclude(item)
        if ended_well and any(figure.failed for figure in figures):
            pytest.fail(_reason(figures), pytrace=False)
        return result

    def _conclude(self, item: pytest.Item) -> tuple[Figure, ...]:
        if MARKER not in item.keywords and _MEASURE not in item.stash:
            return ()
        figures = _measure_or_fail(item).figures()
        item.stash[_FIGURES] = figures
        item.user_properties[:] = [one for one in item.user_properties if one[0] != PROPERTY]
        item.user_properties.extend((PROPERTY, str(figure)) for figure in figures)
        return figures

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the figures into the report of the test itself."""
        report = yield
        if call.when == "call" and (figures := item.stash.get(_FIGURES, ())):
            setattr(report, FIGURES, [list(figure) for figure in figures])
        return report


def _measure_or_fail(item: pytest.Item) -> Measure:
    try:
        return measure_of(item)
    except EnvguardError as error:
        pytest.fail(str(error), pytrace=False)


def _reason(figures: Iterable[Figure]) -> str:
    """Return why the test fails; what every summary shows of it is the first line."""
    told = sorted(figures, key=lambda figure: not figure.failed)
    bad = [figure.sentence for figure in told if figure.failed]
    others = [f"  {figure}" for figure in told if not figure.failed]
    return "\n".join([*bad, *(["measured as well:", *others] if others else [])])
