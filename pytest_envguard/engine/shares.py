"""How far an environment is, where a line for each test or another plugin's bar takes the place of our lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_envguard.engine import workers


class Shares:
    """A plugin of the controller: pytest counts all tests that were collected so far, in whatever environment.

    With ``-v`` it would go back whenever another environment has collected, and pytest-sugar takes the tests of the last
    worker for all that there are.
    """

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter
        self._totals: dict[str, int] = {}
        self._ended: dict[str, set[str]] = {}
        self._last = ""
        if type(reporter) is pytest.TerminalReporter:
            self._pytests = reporter._get_progress_information_message  # noqa: SLF001  # none has a public name
            reporter._get_progress_information_message = self._message  # type: ignore[method-assign]  # noqa: SLF001

    @pytest.hookimpl(trylast=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Learn how many tests there are."""
        self._totals[workers.environment(node)] = len(ids)
        if hasattr(self._reporter, "tests_count"):  # pytest-sugar's
            self._reporter.tests_count = sum(self._totals.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note which environment the next line is about."""
        if hasattr(report, "node"):
            self._last = workers.environment(report.node)
            if report.when == "call" or not report.passed:
                self._ended.setdefault(self._last, set()).add(report.nodeid)

    def _message(self) -> str:
        kind = self._reporter._show_progress_info  # noqa: SLF001
        total = self._totals.get(self._last)
        if kind not in ("progress", "count") or not total:
            return str(self._pytests())
        ended = min(len(self._ended.get(self._last, ())), total)
        return f" [{ended:{len(str(total))}}/{total}]" if kind == "count" else f" [{100 * ended // total:3}%]"
