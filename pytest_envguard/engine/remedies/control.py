"""The control: what failed, once more in the same environment with nothing changed, before anything is concluded.

A test that passes now fails of an order, of chance, or of what was left behind and is there now: whatever is changed
would seem to help.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_envguard.diagnosis.telling import narrowed
from pytest_envguard.engine.remedies.stage import Stage
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Trial
from pytest_envguard.model.verdict import Run

_TEXT = (
    "it failed in the run, and passes when it is run again, with nothing changed: it depends on the tests before it, on "
    "chance, or on what was left behind"
)
_NOTHING_LEARNED = (
    "nothing, because it passes now with nothing changed: it depends on the tests before it, or what could not be made in "
    "here is there since it was compared with the host"
)


def controlled(stage: Stage, causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Return the causes as they are after what failed was run again; see `separated`."""
    wanted: dict[str, dict[str, None]] = {}
    for cause in causes:
        for environment, tests in cause.where.items() if not cause.silent else ():
            wanted.setdefault(environment, {}).update(dict.fromkeys(tests))
    if not wanted:
        return tuple(causes)
    stage.say(f"envguard: running what failed once more, for comparison, in {', '.join(wanted)}")
    runs = stage.run((stage.bench.plans[name], name, list(tests)) for name, tests in wanted.items())
    return separated(causes, {name: _passing(run, wanted[name]) for name, run in zip(wanted, runs, strict=True)})


def _passing(run: Run, tests: Iterable[str]) -> frozenset[str]:
    return frozenset() if run.broken else frozenset(run.fine(tests))


def separated(causes: Sequence[Cause], passing: Mapping[str, frozenset[str]]) -> tuple[Cause, ...]:
    """Return the causes, each judged by which of its tests are ``passing`` (by environment) when they run again.

    What is certain stays so: the evidence ties it to the failure. But nothing can be learned from trying remedies then, as
    where the comparison on the host has left the file that could not be written. What isn't certain isn't kept.
    """
    left = []
    unsteady: dict[str, dict[str, None]] = {}
    for cause in causes:
        if cause.silent:
            left.append(cause)
        elif cause.diagnosis.certain:
            left.append(_untried(cause, passing))
        else:
            for name, tests in cause.where.items():
                unsteady.setdefault(name, {}).update(dict.fromkeys(_among(tests, passing.get(name, frozenset()))))
            where = {name: _beside(tests, passing.get(name, frozenset())) for name, tests in cause.where.items()}
            if any(where.values()):
                left.append(narrowed(cause, {name: tests for name, tests in where.items() if tests}))
    found = {name: tuple(tests) for name, tests in unsteady.items() if tests}
    # Certain, because it was tried: there's nothing left to find out.
    return (*left, *([Cause(Diagnosis(_TEXT), found)] if found else []))


def _untried(cause: Cause, passing: Mapping[str, frozenset[str]]) -> Cause:
    """Return a certain cause without remedies to try where its tests pass without any."""
    names = [name for name, tests in cause.where.items() if not _beside(tests, passing.get(name, frozenset()))]
    return cause._replace(
        remedies={**cause.remedies, **dict.fromkeys(names, ())},
        trials=(*cause.trials, *(Trial(name, (), problem=_NOTHING_LEARNED) for name in names)),
    )


def _among(tests: Iterable[str], passing: frozenset[str]) -> tuple[str, ...]:
    return tuple(nodeid for nodeid in tests if nodeid in passing)


def _beside(tests: Iterable[str], passing: frozenset[str]) -> tuple[str, ...]:
    return tuple(nodeid for nodeid in tests if nodeid not in passing)
