"""What a silent loss costs: the seconds of a piece of code in the environment, without and with a remedy."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Sequence

from pytest_envguard.engine.remedies.remedied import on_host
from pytest_envguard.engine.remedies.seeding import run_bounded
from pytest_envguard.engine.remedies.stage import Remedies, Stage
from pytest_envguard.matrix.activation import host_variables
from pytest_envguard.model.diagnosis import Cause, Cost, Remedy
from pytest_envguard.model.plan import Plan

_TIMES = 3
_SLOW = 10.0  # seconds after which once is enough
_LONGEST = 60.0
_MARK = "envguard took "
# The time of the code itself: to enter the environment and to start the interpreter take the same with a remedy.
_TIMED = (
    "import sys as s,time as t;b=t.perf_counter();exec(compile({code!r},'<measured>','exec'),{{'__name__':'__main__'}});"
    "s.stderr.write('\\n{mark}%r\\n'%(t.perf_counter()-b))"
)


def measured(stage: Stage, causes: Sequence[Cause]) -> dict[int, list[Cost]]:
    """Return what silent losses cost, by the number of the cause, as far as it can be measured."""
    found: dict[int, list[Cost]] = {}
    for number, cause in enumerate(causes):
        if cause.silent and cause.diagnosis.measure:
            for environment in cause.where:
                found.setdefault(number, []).extend(_costs(stage, environment, cause))
    return found


def _costs(stage: Stage, environment: str, cause: Cause) -> list[Cost]:
    code = cause.diagnosis.measure
    plan = stage.bench.plans.get(environment)
    chosen = worth_measuring(cause.offered(environment))
    if plan is None or not can_be_measured(plan) or not chosen:
        return []
    stage.say(f"envguard: measuring `{code}` in {environment}")
    working = str(stage.bench.config.invocation_params.dir)
    taken = _taken(stage, environment, [(), *((remedy,) for remedy in chosen)], code, working)
    if not taken[0]:
        return []
    return [
        Cost(environment, code, statistics.median(taken[0]), statistics.median(several), remedy)
        for remedy, several in zip(chosen, taken[1:], strict=True)
        if several
    ]


def _taken(stage: Stage, environment: str, choices: Sequence[Remedies], code: str, working: str) -> list[list[float]]:
    """Return the seconds that ``code`` takes with each choice of remedies; none where it fails.

    They take turns, so that a busy moment of the machine meets all of them, each time in an environment that nobody has
    used.
    """
    taken: list[list[float]] = [[] for _ in choices]
    failed: set[int] = set()
    for _ in range(_TIMES):
        for number, remedies in enumerate(choices):
            if number in failed or (taken[number] and taken[number][-1] > _SLOW):
                continue
            applied = stage.apply(environment, remedies)
            once = _once(applied.plan, code, working) if applied.plan is not None else None
            if once is None:
                failed.add(number)
                taken[number].clear()
            else:
                taken[number].append(once)
        if 0 in failed:
            break
    return taken


def worth_measuring(remedies: Sequence[Remedy]) -> list[Remedy]:
    """Return the first remedy that is variables, and the first that is a filled folder."""
    plain = [remedy for remedy in remedies if (remedy.set or remedy.unset) and not (remedy.seed or remedy.upgrade)]
    seeded = [remedy for remedy in remedies if remedy.seed]
    return [*plain[:1], *seeded[:1]]


def can_be_measured(plan: Plan) -> bool:
    """Whether a program can be started in an environment from here: not on another machine, nor by an audit hook."""
    return plan.machine is None and not plan.hooked


def _once(plan: Plan, code: str, working: str) -> float | None:
    environ = {**os.environ, **(host_variables(plan.cell) if plan.cell and plan.is_host else {})}
    words = [*_before(plan), plan.cell.python if plan.cell else sys.executable]
    words += ["-c", _TIMED.format(code=code, mark=_MARK)]
    exit_code, said = run_bounded(words, environ, working, _LONGEST)
    if exit_code != 0 or not said.startswith(_MARK):
        return None
    return float(said.removeprefix(_MARK))


def _before(plan: Plan) -> list[str]:
    if plan.is_host:
        return on_host(plan)
    from pytest_envguard import launcher

    return launcher.command_line(plan.script)
