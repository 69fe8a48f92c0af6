"""The control: what failed, once more in the same environment with nothing changed, before anything is concluded.

A test that passes now fails of an order, of chance, or of what was left behind and is there now: whatever is changed
would seem to help.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.engine.remedies.stage import Bench, Say
from pytest_envguard.engine.rerun import Wanted, rerun
from pytest_envguard.model.diagnosis import Cause, Diagnosis
from pytest_envguard.model.verdict import Run

_FINE = ("passed", "xpassed", "xfailed")
_TEXT = (
    "it failed in the run, and passes when it is run again, with nothing changed: it depends on the tests before it, on "
    "chance, or on what was left behind"
)


def controlled(bench: Bench, causes: Sequence[Cause], say: Say) -> tuple[Cause, ...]:
    """Return the causes without tests that pass when they're run again; those have a cause of their own."""
    wanted: dict[str, dict[str, None]] = {}
    for cause in causes:
        for environment, tests in cause.where.items() if not cause.silent else ():
            wanted.setdefault(environment, {}).update(dict.fromkeys(tests))
    if not wanted:
        return tuple(causes)
    say(f"envguard: running what failed once more, for comparison, in {', '.join(wanted)}")
    jobs = [
        Wanted(bench.plans[environment], list(tests), bench.runs[environment].seconds)
        for environment, tests in wanted.items()
    ]
    runs = dict(zip(wanted, rerun(bench.dsession, jobs), strict=True))
    return separated(causes, {name: _passing(runs[name], list(tests)) for name, tests in wanted.items()})


def _passing(run: Run, tests: Sequence[str]) -> frozenset[str]:
    outcomes = {nodeid: run.outcomes[nodeid].word for nodeid in tests if nodeid in run.outcomes}
    return frozenset() if run.broken else frozenset(nodeid for nodeid, word in outcomes.items() if word in _FINE)


def separated(causes: Sequence[Cause], passing: dict[str, frozenset[str]]) -> tuple[Cause, ...]:
    """Return the causes without the tests that are ``passing`` (by environment), and one more for those."""
    left = []
    unsteady: dict[str, dict[str, None]] = {}
    for cause in causes:
        if cause.silent:
            left.append(cause)
            continue
        where = {name: tuple(t for t in tests if t not in passing.get(name, ())) for name, tests in cause.where.items()}
        for name, tests in cause.where.items():
            unsteady.setdefault(name, {}).update(dict.fromkeys(t for t in tests if t in passing.get(name, ())))
        if any(where.values()):
            left.append(cause._replace(where={name: tests for name, tests in where.items() if tests}))
    found = {name: tuple(tests) for name, tests in unsteady.items() if tests}
    # Certain, because it was tried: there's nothing left to find out.
    return (*left, *([Cause(Diagnosis(_TEXT), found)] if found else []))
