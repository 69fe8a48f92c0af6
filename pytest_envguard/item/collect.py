"""Tests with several environments become one test for each; mistakes in markers are found before the first test."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.item import ENVIRONMENT
from pytest_envguard.item.request import (
    CHOSEN,
    FRESH_HINT,
    FRESH_ONLY,
    Request,
    entered_for,
    labels,
    nearest_marks,
    request_of,
    requests_of,
    timeout,
    with_each,
)
from pytest_envguard.model.profile import Profile
from pytest_envguard.prepare import planner

if TYPE_CHECKING:
    from pytest_envguard.matrix.axes import VersionSet


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Let a test function run once in each of its environments."""
    try:
        requests = with_each(requests_of(nearest_marks(metafunc.definition)), planner(metafunc.config).each)
    except EnvguardError:
        return  # said by `check`, for all tests together
    if len(requests) > 1:
        if ENVIRONMENT not in metafunc.fixturenames:
            metafunc.fixturenames.append(ENVIRONMENT)
        metafunc.parametrize(ENVIRONMENT, requests, ids=labels(requests), indirect=True, scope="function")


def multiply(tests: Iterable[Any]) -> list[Any]:
    """Return ``tests`` with a copy for each environment where pytest can't parametrise: methods of `unittest.TestCase`."""
    multiplied = []
    for test in tests:
        try:
            requests = requests_of(nearest_marks(test)) if isinstance(test, pytest.Function) else []
            requests = with_each(requests, planner(test.config).each) if requests else []
        except EnvguardError:
            requests = []
        if len(requests) < 2:
            multiplied.append(test)
            continue
        for request, label in zip(requests, labels(requests), strict=True):
            copy: Any = type(test).from_parent(test.parent, name=test.name)
            copy.stash[CHOSEN] = request
            _rename(copy, f"{test.name}[{label}]")
            multiplied.append(copy)
    return multiplied


def _rename(test: Any, name: str) -> None:
    """Let pytest find the test by another name than unittest does; the test's process changes it back.

    xdist changes node ids in the same way; from pytest 9.2 on they are objects.
    """
    test.name = name
    if hasattr(test, "_id"):
        test._id = test.parent.id.child(name)  # noqa: SLF001
    else:
        test._nodeid = f"{test.parent.nodeid}::{name}"  # noqa: SLF001


def check(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Look for mistakes in the markers of ``items``.

    Raises:
        pytest.UsageError: Names each mistake with its tests (exit code 4). In a worker of xdist, where this would look
            like a crash, the tests themselves will say so.
    """
    mistakes: dict[str, list[str]] = {}
    cells: list[VersionSet] = []
    for item in items:
        try:
            request = request_of(item)
            if request is not None:
                timeout(config, request)
                profile = planner(config).profile(
                    request.selection, request.changes, "@pytest.mark.envguard", request.without
                )
                _refuse_fork(config, request, profile)
                if request.versions is not None:
                    cells.append(request.versions)
        except EnvguardError as error:
            mistakes.setdefault(str(error), []).append(item.nodeid)
    if mistakes and not hasattr(config, "workerinput"):
        lines = [f"{_first(nodeids)}: {mistake}" for mistake, nodeids in mistakes.items()]
        raise pytest.UsageError("\n".join(lines))
    if cells and entered_for(config) is None and not config.getoption("collectonly", False):
        _make(config, cells)


def _refuse_fork(config: pytest.Config, request: Request, profile: Profile) -> None:
    """Raise an error for a test that is to run where the project lies elsewhere, in a process that has imported it."""
    target = profile.values.get("cwd", "")
    elsewhere = target and target != os.path.realpath(config.rootpath)
    if elsewhere and not request.fresh and request.versions is None:
        raise EnvguardError(FRESH_ONLY, FRESH_HINT)


def _make(config: pytest.Config, cells: list[VersionSet]) -> None:
    from pytest_envguard.item.versions import make

    try:
        make(config, cells)
    except EnvguardError as error:
        if not hasattr(config, "workerinput"):
            raise pytest.UsageError(str(error)) from None


def _first(nodeids: list[str]) -> str:
    return nodeids[0] + (f" and {len(nodeids) - 1} more" if len(nodeids) > 1 else "")
