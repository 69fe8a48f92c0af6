"""How far each environment is, where others than our lanes say it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_envguard.engine import shares, workers


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "environment", lambda node: node)


def reporter(kind: str) -> Any:
    """Return pytest's reporter, as far as it's asked for shares."""
    made = pytest.TerminalReporter.__new__(pytest.TerminalReporter)
    made._show_progress_info = kind  # type: ignore[assignment]
    return made


def run(found: shares.Shares, node: str, nodeid: str, when: str = "call", *, passed: bool = True) -> None:
    """Let a test come to a report."""
    found.pytest_runtest_logreport(SimpleNamespace(node=node, nodeid=nodeid, when=when, passed=passed))


@pytest.mark.parametrize(
    ("kind", "first", "second", "third"),
    [("progress", " [ 25%]", " [ 50%]", " [ 33%]"), ("count", " [1/4]", " [2/4]", " [1/3]")],
)
def test_a_line_has_the_share_of_its_own_environment(kind: str, first: str, second: str, third: str) -> None:
    """One that collects later makes no other go back."""
    shown = reporter(kind)
    found = shares.Shares(shown)
    found.pytest_xdist_node_collection_finished("lambda", ["a", "b", "c", "d"])
    run(found, "lambda", "a")
    assert shown._get_progress_information_message() == first
    found.pytest_xdist_node_collection_finished("offline", ["a", "b", "c"])
    run(found, "lambda", "c", "setup")
    run(found, "lambda", "b", "setup", passed=False)
    assert shown._get_progress_information_message() == second
    run(found, "offline", "a")
    assert shown._get_progress_information_message() == third


def test_pytest_sugar_learns_of_all_tests() -> None:
    """Its bar would end at 300 %; several workers of an environment have the same tests."""
    sugar = SimpleNamespace(tests_count=0)
    found = shares.Shares(sugar)
    for node in ("lambda", "lambda", "offline"):
        found.pytest_xdist_node_collection_finished(node, ["a", "b"])
    assert sugar.tests_count == 4
