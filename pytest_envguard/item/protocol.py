"""The way of a test that asks for an environment: planned, run in a process of its own, refused if that can't be."""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import reduce

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.item import temporary
from pytest_envguard.item.request import Request, entered_for, request_of
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile, combine
from pytest_envguard.prepare import planner

_REFUSED = pytest.StashKey[str]()
_AT_HOME = pytest.StashKey[bool]()  # "host" is one of its environments, and this is it


def run_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that asks for an environment; None if it doesn't, or if there is nothing to enter."""
    try:
        request = request_of(item)
        if request is None or entered_for(item.config) is not None:
            return None
        profile, plan = _planned(item.config, request)
    except EnvguardError as error:
        _refuse(item, str(error))
        return None
    fresh = request.fresh or request.versions is not None  # another interpreter can't be forked into
    if "symlinks" in plan.promises and planner(item.config).around.values.get("symlinks", True):
        fresh = True  # whoever refuses links must be there before the test's own process
    if plan.is_host and not fresh:
        item.stash[_AT_HOME] = True
        return None
    # Not before: on other systems than Linux, where nothing was planned, they can't be imported.
    from pytest_envguard.item.fresh import FreshAttempt
    from pytest_envguard.item.runner import ForkedAttempt, tear_down

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    attempt = FreshAttempt if fresh else ForkedAttempt
    try:
        attempt(item, request, profile, plan).run()
    finally:
        tear_down(item, nextitem)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _planned(config: pytest.Config, request: Request) -> tuple[Profile, Plan]:
    own = planner(config)
    asked = own.profile(request.selection, request.changes, "@pytest.mark.envguard", request.without)
    fixtures = [own.profile(name, {}, f"fixture `{name}`") for name in request.fixtures]
    # `host` says nothing, and need not be named where fixtures say something.
    parts = fixtures if asked.is_host and fixtures else [asked, *fixtures]
    profile = own.inside(reduce(combine, parts))
    if request.versions is None:
        return profile, own.plan(profile, temporary.needed(config))
    from pytest_envguard.item.versions import cell_for, plan_in
    from pytest_envguard.matrix.activation import needed

    cell = cell_for(config, request)
    imported = dict.fromkeys(filter(os.path.isdir, cell.path), "what is imported")
    plan = own.plan(profile, {**temporary.needed(config), **imported, **needed([cell])})
    return profile, plan_in(config, plan, cell)


def assert_entered(item: pytest.Item) -> None:
    """Refuse to run a test outside of the environment that it asks for, whatever has led there.

    Raises:
        pytest.fail.Exception: With what prevented it.
    """
    request = request_of(item)
    if request is not None and entered_for(item.config) != request and not item.stash.get(_AT_HOME, False):
        pytest.fail(
            f"{item.nodeid} asks for an environment and would run without it: the marker was added after the test had "
            "begun, or another plugin (such as pytest-rerunfailures) runs this test by itself\n"
            "hint: put the marker on the test, its class or its module, or switch that plugin off for this test",
            pytrace=False,
        )


def _refuse(item: pytest.Item, reason: str) -> None:
    """Let ``item`` end as an error when it's set up: one that is skipped anyway needs no environment."""
    item.stash[_REFUSED] = reason
    manager = item.config.pluginmanager
    if not manager.hasplugin(_Refusing.__name__):
        manager.register(_Refusing(), _Refusing.__name__)


class _Refusing:
    """Plugin object that is registered when the first test is refused."""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Say before the first fixture, but after the marks that skip a test, why it can't be entered."""
        refused = item.stash.get(_REFUSED, None)
        if refused is not None:
            pytest.fail(refused, pytrace=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let a refusal be an error even where a failure is expected."""
        report = yield
        if item.stash.get(_REFUSED, None) is not None and report.when == "setup" and hasattr(report, "wasxfail"):
            report.outcome = "failed"
            del report.wasxfail
        return report
