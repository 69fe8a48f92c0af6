"""The fixture's value: from what a test asks for to a process, and from the process to a result."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from pytest_envguard import launcher, prepare
from pytest_envguard.cold.process import Account, run_fresh
from pytest_envguard.cold.refusals import merged
from pytest_envguard.cold.result import ColdStart, Limit
from pytest_envguard.endings import describe
from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.dimensions import DIMENSIONS, read
from pytest_envguard.model.exits import CANNOT_ENTER, OUT_OF_MEMORY
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile, is_time
from pytest_envguard.model.relocation import Move

_WHERE = "`cold_start`"
_OWN_WORDS = ("profile", "timeout", "within")
_LAUNCHER_FAILED = (CANNOT_ENTER, 126, 127)  # exit codes: the environment, or the exec in it


class _Place(NamedTuple):
    """Where the code runs.

    Attributes:
        profile: The environment.
        plan: How it's enforced; without a script the process is simply started from here.
        environ: The variables that the process (or its launcher) is given.
    """

    profile: Profile
    plan: Plan
    environ: dict[str, str]


class ColdStarter:
    """Runs code in fresh interpreters; see the fixture ``cold_start``."""

    def __init__(self, request: pytest.FixtureRequest, tell: Callable[[float, int, str], None]) -> None:
        """Take the test, and what is told seconds, peak memory (bytes) and a note of each start, for reports."""
        self._config = request.config
        self._tell = tell

    def __repr__(self) -> str:
        return "cold_start"  # what an assertion that failed shows

    def __call__(
        self,
        code: str,
        *,
        profile: str | None = None,
        within: str | float | None = None,
        timeout: float = 60.0,
        env: Mapping[str, str] | None = None,
        **dimensions: object,
    ) -> ColdStart:
        """Run ``code`` in a fresh interpreter and return what became of it.

        Args:
            code: Python source, run as `python -c` runs it (indentation that all lines share is taken away).
            profile: Environment to run it in, such as "lambda" or "lambda+offline". Left out: wherever the test runs.
            within: Budget of the environment, such as "init", or a number of seconds; compared by `ColdStart.check`.
            timeout: Seconds, after which the process is killed with everything that it started.
            env: Environment variables to set, besides those of the environment.
            dimensions: Dimensions of the environment to change, such as ``memory="1024M"``; without ``profile``, the
                host's.

        Raises:
            EnvguardError: A mistake in what was asked for, or an environment that this machine can't enforce.
        """
        __tracebackhide__ = True
        try:
            start = self._run(code, profile, within, timeout, {"env": env, **dimensions} if env else dimensions)
        except EnvguardError as error:
            raise error.with_traceback(None) from None  # the test's own line is all that a user needs
        self._tell(start.seconds, start.peak_memory, start.note)
        return start

    def _run(
        self, code: str, profile: str | None, within: str | float | None, timeout: float, changes: Mapping[str, object]
    ) -> ColdStart:
        code = _checked(code, timeout, changes)
        place = self._place(profile, changes)
        limit = _limit(place.profile, within, timeout)
        if place.plan.is_host:
            return _result(code, place.plan, limit, run_fresh([], place.environ, code, timeout), timeout)
        from pytest_envguard.seccomp.ledger import Ledger

        ledger = Ledger.make()
        try:
            words = launcher.command_line({**place.plan.script, "ledger": str(ledger)})
            passed = (ledger.entries, ledger.stacks)
            account = run_fresh(words, place.environ, code, timeout, passed)
            account = account._replace(refusals=merged(account.refusals, ledger.new_entries()))
        finally:
            ledger.close()
        return _result(code, place.plan, limit, account, timeout)

    def _place(self, selection: str | None, changes: Mapping[str, object]) -> _Place:
        planner = prepare.planner(self._config)
        around = planner.around
        if selection is None and set(changes) <= {"env"}:
            variables = read("env", changes.get("env", {}), _WHERE)
            assert isinstance(variables, Mapping)
            return _Place(around, Plan(around.name, around.summary), {**os.environ, **variables})
        profile = planner.profile("host" if selection is None else selection, changes, _WHERE)
        if profile.is_host:
            return _Place(around, Plan(around.name, around.summary), dict(os.environ))
        profile = planner.inside(profile)
        folder = os.getcwd()  # noqa: PTH109  # as text
        plan = planner.plan(profile, {folder: "the current folder"})
        if profile.values.get("folder", "project") == "project":
            move = Move.of(plan.script)
            inside = move.path(folder) if move else folder
            if move is None or inside != folder:
                plan = plan._replace(script={**plan.script, "folder": inside})
        return _Place(profile, plan, dict(os.environ))


def _checked(code: object, timeout: object, changes: Mapping[str, object]) -> str:
    """Return the code as it will be run."""
    if sys.platform == "win32":
        raise EnvguardError(f"{_WHERE} needs Linux or macOS: on Windows a process can't be handed a socket this way")
    for name in changes:
        if name not in DIMENSIONS:
            raise EnvguardError(
                f"{_WHERE}: no argument or dimension is named `{name}`", nearest(name, {*DIMENSIONS, *_OWN_WORDS})
            )
    if not isinstance(code, str) or not code.strip():
        raise EnvguardError(f"{_WHERE}: expected Python code, got {code!r}", 'for example `cold_start("import app")`')
    if not is_time(timeout):
        raise EnvguardError(f"{_WHERE}: `timeout`: expected a number of seconds above zero, got {timeout!r}")
    return textwrap.dedent(code)


def _limit(profile: Profile, within: object, timeout: float) -> Limit | None:
    if within is None:
        return None
    if isinstance(within, str):
        if within not in profile.budgets:
            raise _no_budget(profile, within)
        name, seconds = within, profile.budgets[within].seconds
    elif is_time(within):
        name, seconds = "", float(within)  # type: ignore[arg-type]  # it is a number
    else:
        raise EnvguardError(f"{_WHERE}: `within`: expected the name of a budget or a number of seconds, got {within!r}")
    if seconds > timeout and not name:
        raise EnvguardError(
            f"{_WHERE}: `within={within}` is longer than the {timeout:g} s after which the process is killed",
            f"give a longer time too: `timeout={seconds * 2:g}`",
        )
    memory = profile.values.get("memory")
    return Limit(name, seconds, memory if isinstance(memory, int) else None)


def _no_budget(profile: Profile, within: str) -> EnvguardError:
    message = f"{_WHERE}: `{profile.name}` has no budget named `{within}`"
    if profile.budgets:
        return EnvguardError(message, nearest(within, profile.budgets))
    return EnvguardError(
        f"{message}; it has none", 'give seconds (`within=10`), or an environment that has one (`profile="lambda"`)'
    )


def _result(code: str, plan: Plan, limit: Limit | None, account: Account, timeout: float) -> ColdStart:
    if not account.begun and plan.script and account.code in _LAUNCHER_FAILED:
        raise EnvguardError(
            account.errors.strip().removeprefix("envguard: ") or describe(CANNOT_ENTER, plan),
            "see `envguard doctor` for what this machine can do",
        )
    return ColdStart(
        code=code,
        environment=plan.name,
        seconds=account.seconds,
        peak_memory=account.peak_memory,
        exit=-signal.SIGKILL if _out_of_memory(plan, account) else account.code,
        ending=_ending(plan, account, timeout),
        output=account.output,
        errors=account.errors,
        refusals=account.refusals,
        traceback=account.traceback,
        limit=limit,
    )


def _out_of_memory(plan: Plan, account: Account) -> bool:
    """Whether the launcher's exit code means that; a code that came to its end may have chosen the same number."""
    return account.code == OUT_OF_MEMORY and bool(plan.script.get("memory")) and not account.ended


def _ending(plan: Plan, account: Account, timeout: float) -> str:
    if account.timed_out:
        what = "a thread or an exit handler was " if account.ended else ""
        return f"{what}still running after {timeout:g} s, so it was killed with everything that it had started"
    if account.traceback and account.code in (1, -signal.SIGINT):  # an uncaught KeyboardInterrupt ends by its signal
        return "raised " + account.traceback.rstrip().rpartition("\n")[2]
    if account.code < 0 or _out_of_memory(plan, account):
        return describe(account.code, plan, "the process")
    if account.ended:
        return f"exit code {account.code}"
    how = "os._exit?" if account.begun else "the interpreter did not come to the code"
    return f"exit code {account.code} ({how})"
