"""What remedies break: those that work, all together, on every test of the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.engine.remedies.stage import Applied, Remedies, Stage
from pytest_envguard.engine.rerun import most_at_once
from pytest_envguard.model.diagnosis import each_once
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import count

_FEW = 20  # tests that are not worth a second worker
Messages = dict[str, str]


class Accepted(NamedTuple):
    """Remedies that work in an environment.

    Attributes:
        remedies: All that were applied together.
        fixed: The tests that pass with them.
    """

    remedies: Remedies
    fixed: tuple[str, ...]


def broken_by(stage: Stage, environment: str, accepted: Sequence[Accepted]) -> list[Messages]:
    """Return for each of ``accepted`` the tests that it breaks, with the first line of what they say.

    These passed before, or with the remedy of their own, and fail with this one: also when they run once more.
    """
    before = [nodeid for nodeid, outcome in stage.bench.runs[environment].outcomes.items() if outcome.passes]
    before = [nodeid for nodeid in before if "::" in nodeid]
    found: list[Messages] = [{} for _ in accepted]
    variables = [number for number, one in enumerate(accepted) if not _upgrades(one.remedies)]
    if variables and (before or len(variables) > 1):
        broken = _broken_together(stage, environment, [accepted[number] for number in variables], before)
        for number, messages in zip(variables, broken, strict=True):
            found[number] = messages
    for number, one in enumerate(accepted):
        if _upgrades(one.remedies) and before:
            found[number] = _broken_in_cell(stage, environment, one, before)
    return found


def _upgrades(remedies: Remedies) -> bool:
    return any(remedy.upgrade for remedy in remedies)


def _broken_in_cell(stage: Stage, environment: str, one: Accepted, before: Sequence[str]) -> Messages:
    applied = stage.apply(environment, one.remedies, one.fixed)
    if applied.plan is None:
        return {}
    run = applied.known or _run_all(stage, applied.plan, environment, before)
    failing = _failing(run, before)
    plan = stage.bench.plans[environment]
    return {} if not failing else _without(failing, _run_all(stage, plan, environment, list(failing)))


def _broken_together(
    stage: Stage, environment: str, accepted: Sequence[Accepted], before: Sequence[str]
) -> list[Messages]:
    fixed = {nodeid: number for number, one in enumerate(accepted) for nodeid in one.fixed if "::" in nodeid}
    applied = stage.apply(environment, each_once(one.remedies for one in accepted))
    if applied.plan is None:
        return [{} for _ in accepted]
    # With one remedy alone the tests that it fixes have just run.
    tests = list(dict.fromkeys([*before, *fixed])) if len(accepted) > 1 else list(before)
    remedies = "what works" if len(accepted) == 1 else f"all {len(accepted)} remedies that work together"
    stage.say(f"envguard: trying {remedies} on {count(len(tests), 'test')} of {environment}")
    failing = _failing(_run_all(stage, applied.plan, environment, tests), tests)
    if not failing:
        return [{} for _ in accepted]
    return _blamed(stage, environment, accepted, _confirmed(stage, environment, accepted, fixed, failing), fixed)


def _confirmed(
    stage: Stage, environment: str, accepted: Sequence[Accepted], fixed: Mapping[str, int], failing: Messages
) -> Messages:
    """Return those that don't fail without what may have broken them: with their own remedy only, if they have one."""
    groups: dict[int | None, list[str]] = {}
    for nodeid in failing:
        groups.setdefault(fixed.get(nodeid), []).append(nodeid)
    bases = [() if number is None else accepted[number].remedies for number in groups]
    runs = _run_each(stage, environment, bases, list(groups.values()))
    for run in runs:
        failing = _without(failing, run)
    return failing


def _blamed(
    stage: Stage, environment: str, accepted: Sequence[Accepted], failing: Messages, fixed: Mapping[str, int]
) -> list[Messages]:
    """Return which remedies break the tests: those that do it alone; where none does, all."""
    found: list[Messages] = [{} for _ in accepted]
    pairs: dict[tuple[int, int | None], list[str]] = {}  # who is suspected, whose remedies the tests need: these tests
    for nodeid in failing:
        own = fixed.get(nodeid)
        suspects = [number for number in range(len(accepted)) if number != own]
        if len(suspects) == 1:
            found[suspects[0]][nodeid] = failing[nodeid]
            continue
        for number in suspects:
            pairs.setdefault((number, own), []).append(nodeid)
    own_remedies = [accepted[own].remedies if own is not None else () for _, own in pairs]
    chosen = [each_once((own, accepted[number].remedies)) for (number, _), own in zip(pairs, own_remedies, strict=True)]
    runs = _run_each(stage, environment, chosen, list(pairs.values()))
    for ((number, _), nodeids), run in zip(pairs.items(), runs, strict=True):
        found[number].update(_failing(run, nodeids))
    unexplained = {nodeid for nodeids in pairs.values() for nodeid in nodeids}.difference(*found)
    for (number, _), nodeids in pairs.items():
        found[number].update({nodeid: failing[nodeid] for nodeid in nodeids if nodeid in unexplained})
    return found


# -- running -----------------------------------------------------------------------------------------------------------


def _run_each(stage: Stage, environment: str, chosen: Sequence[Remedies], tests: Sequence[Sequence[str]]) -> list[Run]:
    """Run tests with several choices of remedies at the same time; one that can't be applied has run nothing."""
    applied = [stage.apply(environment, remedies) for remedies in chosen]
    jobs = [(one.plan, environment, some) for one, some in zip(applied, tests, strict=True) if one.plan is not None]
    runs = iter(stage.run(jobs))
    return [next(runs) if _able(one) else Run(environment) for one in applied]


def _able(applied: Applied) -> bool:
    return applied.plan is not None


def _run_all(stage: Stage, plan: Plan, environment: str, tests: Sequence[str]) -> Run:
    """Run many tests, by as many workers as there are processors, those of a file by the same one."""
    files: dict[str, list[str]] = {}
    for nodeid in tests:
        files.setdefault(nodeid.partition("::")[0], []).append(nodeid)
    parts: list[list[str]] = [[] for _ in range(most_at_once() if len(tests) > _FEW else 1)]
    for several in sorted(files.values(), key=len, reverse=True):
        min(parts, key=len).extend(several)
    whole = Run(environment)
    for run in stage.run([(plan, environment, part) for part in parts if part]):
        whole.outcomes.update(run.outcomes)
        whole.deaths += run.deaths
    return whole


def _failing(run: Run, tests: Iterable[str]) -> Messages:
    """Return those of ``tests`` that fail; one that did not run says nothing."""
    wanted = set(tests)
    return {nodeid: run.outcomes[nodeid].message for nodeid in run.failed() if nodeid in wanted}


def _without(messages: Messages, run: Run) -> Messages:
    """Return ``messages`` but for those of tests that fail in ``run`` too."""
    return {
        nodeid: text for nodeid, text in messages.items() if not (nodeid in run.outcomes and run.outcomes[nodeid].bad)
    }
