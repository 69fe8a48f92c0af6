"""One environment in several runs: what they did together, where that is true of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Broken, Run
from pytest_envguard.report.printable import printable

_Value = TypeVar("_Value")

_TELL_APART = (
    "merge one of them, or let reports tell them apart: by versions (`--envguard-versions`), or by a profile of its own "
    "name ([tool.envguard.profiles])"
)


class Part(NamedTuple):
    """What one of the merged runs did in an environment.

    Attributes:
        where: The run, as errors call it.
        plan: How it was enforced there.
        run: What happened.
        python: The minor version of the interpreter that pytest ran with; "" where nobody knows.
    """

    where: str
    plan: Plan
    run: Run
    python: str = ""


def overlap(parts: Sequence[Part]) -> bool:
    """Whether some test ran in several of the runs."""
    return sum(len(part.run.outcomes) for part in parts) > len(
        {nodeid for part in parts for nodeid in part.run.outcomes}
    )


def joined(parts: Sequence[Part]) -> tuple[Plan, Run]:
    """Return an environment as a whole: shards of its tests are put together, and what ran twice must have ended alike.

    Raises:
        EnvguardError: It isn't enforced alike, runs on another Python, or a test ended otherwise.
    """
    first = parts[0]
    run = first.run
    for part in parts[1:]:
        _check_alike(first, part)
        run = _together(first.where, run, part)
    return first.plan, run


def _check_alike(first: Part, other: Part) -> None:
    name = printable(first.plan.name)
    ours, theirs = _enforced(first.plan), _enforced(other.plan)
    if ours != theirs:
        ((dimension, _), *_more) = sorted(set(ours.items()) ^ set(theirs.items()))
        raise EnvguardError(
            f"`{name}` is not enforced alike in {first.where} and {other.where}: "
            f"{printable(dimension)}: {ours.get(dimension, 'not at all')} and {theirs.get(dimension, 'not at all')}",
            _TELL_APART,
        )
    if first.python and other.python and first.python != other.python:
        raise EnvguardError(
            f"`{name}` ran with Python {printable(first.python)} in {first.where}, with {printable(other.python)} "
            f"in {other.where}",
            _TELL_APART,
        )


def _enforced(plan: Plan) -> dict[str, str]:
    return {item.dimension: item.strength.name.lower() for item in plan.enforcements}


def _together(where: str, known: Run, part: Part) -> Run:
    other = part.run
    for nodeid in known.outcomes.keys() & other.outcomes.keys():
        ours, theirs = known.outcomes[nodeid].word, other.outcomes[nodeid].word
        if ours != theirs:
            raise EnvguardError(
                f"`{printable(known.environment)}` is in {where} and in {part.where}, and they differ: "
                f"{printable(nodeid)}: {ours} and {theirs}",
                _TELL_APART,
            )
    promises = (*(known.broken or Broken(())).promises, *(other.broken or Broken(())).promises)
    return Run(
        known.environment,
        _added(known.outcomes, other.outcomes),
        known.resources.and_worker(other.resources),
        Broken(tuple(dict.fromkeys(promises))) if promises else None,
        _collected(known, other),
        list(dict.fromkeys((*known.deaths, *other.deaths))),
        {
            nodeid: _refusals(known.refusals.get(nodeid, ()), other.refusals.get(nodeid, ()))
            for nodeid in dict.fromkeys((*known.refusals, *other.refusals))
        },
        known.unwatched or other.unwatched,
        _added(known.evidence, other.evidence),
        _added(known.seconds, other.seconds),
        _added(known.figures, other.figures),
    )


def _added(ours: Mapping[str, _Value], theirs: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return all of both, the first where there are two."""
    return {**ours, **{name: value for name, value in theirs.items() if name not in ours}}


def _collected(known: Run, other: Run) -> tuple[str, ...] | None:
    if known.collected is None or other.collected is None:
        return known.collected if other.collected is None else other.collected
    return tuple(dict.fromkeys((*known.collected, *other.collected)))


def _refusals(ours: Sequence[Refusal], theirs: Sequence[Refusal]) -> tuple[Refusal, ...]:
    """Return what was refused in either, with the larger number of times: twice the same run isn't twice refused."""
    found: dict[Refusal, int] = {}
    for refusal in (*ours, *theirs):
        once = refusal._replace(times=1)
        found[once] = max(found.get(once, 0), refusal.times)
    return tuple(once._replace(times=times) for once, times in found.items())
