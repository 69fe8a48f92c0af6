"""Remedies that are tried: the failing tests again, in fresh environments, with what may help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_envguard.diagnosis.smallest import smallest
from pytest_envguard.engine.remedies.breaking import Accepted, broken_by
from pytest_envguard.engine.remedies.measuring import measured
from pytest_envguard.engine.remedies.remedied import compatible
from pytest_envguard.engine.remedies.stage import Applied, Remedies, Stage
from pytest_envguard.model.diagnosis import Cause, Remedy, Trial
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import count

MOST = 12  # reruns for one cause in one environment


def try_remedies(stage: Stage, causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Run the tests of each cause again with its remedies, and say of each what came of it.

    Of each cause and environment: the remedies one after the other until all tests pass; if none does it alone, the
    smallest set that does. What works is then tried on all tests of the environment: a remedy may break others. What
    silent losses cost is measured.

    Args:
        stage: Where they're tried.
        causes: As `pytest_envguard.diagnosis.causes` finds them.

    Returns:
        The same causes with their trials and costs.
    """
    trials = _all_trials(stage, causes)
    costs = measured(stage, causes)
    return tuple(
        cause._replace(trials=(*cause.trials, *trials.get(number, ())), costs=(*cause.costs, *costs.get(number, ())))
        for number, cause in enumerate(causes)
    )


# -- the search for what helps -----------------------------------------------------------------------------------------


@dataclass
class Search:
    """The search for a remedy of tests that have the same causes in an environment.

    Attributes:
        causes: Numbers of the causes.
        environment: Where.
        tests: Which.
        candidates: What may help, the first to try first.
        base: What helps against others of the causes, and is always applied.
        trials: What came of those that were tried.
        won: The trial that works.
        reruns: How many there were.
    """

    causes: tuple[int, ...]
    environment: str
    tests: tuple[str, ...]
    candidates: tuple[Remedy, ...]
    base: Remedies = ()
    trials: list[Trial] = field(default_factory=list)
    won: Trial | None = None
    reruns: int = 0

    def take(self, trial: Trial) -> None:
        """Note what came of a rerun."""
        self.trials.append(trial)
        self.reruns += 1
        if trial.works:
            self.won = trial


def in_order(remedies: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Return what can be tried, in the order in which it is: variables, seeds, other versions; guesses after these."""
    able = [remedy for remedy in remedies if remedy.can_be_tried]
    return tuple(sorted(able, key=lambda remedy: (remedy.guess, bool(remedy.upgrade), remedy.seed is not None)))


def searches(causes: Sequence[Cause]) -> list[Search]:
    """Return what to search for: the tests of a cause in an environment that have no other cause, and those that have.

    The latter come last. A cause without remedies doesn't keep others from being tried.
    """
    found: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for environment in dict.fromkeys(name for cause in causes for name in cause.where):
        owners: dict[str, list[int]] = {}
        for number, cause in enumerate(causes):
            if not cause.silent and in_order(cause.offered(environment)):
                for nodeid in cause.where.get(environment, ()):
                    owners.setdefault(nodeid, []).append(number)
        for nodeid, numbers in owners.items():
            found.setdefault((environment, tuple(numbers)), []).append(nodeid)
    made = [
        Search(numbers, environment, tuple(nodeids), _candidates(causes, numbers, environment))
        for (environment, numbers), nodeids in found.items()
    ]
    return sorted(made, key=lambda search: len(search.causes))


def _candidates(causes: Sequence[Cause], numbers: Iterable[int], environment: str) -> tuple[Remedy, ...]:
    return in_order(remedy for number in numbers for remedy in causes[number].offered(environment))


def _all_trials(stage: Stage, causes: Sequence[Cause]) -> dict[int, list[Trial]]:
    """Return the trials of each cause, by its number."""
    wanted = searches(causes)
    alone = [search for search in wanted if len(search.causes) == 1]
    _find(stage, alone)
    several = [search for search in wanted if len(search.causes) > 1]
    for search in several:
        _prepare(search, alone)
    _find(stage, several)
    _look_for_broken(stage, wanted)
    trials: dict[int, list[Trial]] = {}
    for search in wanted:
        for number in search.causes:
            trials.setdefault(number, []).extend(search.trials)
    return trials


def _look_for_broken(stage: Stage, wanted: Iterable[Search]) -> None:
    """Note in what works which other tests it breaks."""
    accepted: dict[str, list[Search]] = {}
    for search in wanted:
        if search.won:
            accepted.setdefault(search.environment, []).append(search)
    for environment, several in accepted.items():
        works = [Accepted(search.won.remedies, search.won.passed) for search in several if search.won]
        for search, broken in zip(several, broken_by(stage, environment, works), strict=True):
            if search.won and broken:
                number = search.trials.index(search.won)
                search.won = search.trials[number] = search.won._replace(broken=broken)


def _prepare(search: Search, alone: Iterable[Search]) -> None:
    """Apply to tests with several causes what helps against each of them alone; what is left is searched."""
    helps: list[Remedy] = []
    for other in alone:
        (number,) = other.causes
        if other.environment == search.environment and number in search.causes and other.won:
            helps += [remedy for remedy in other.won.remedies if remedy not in helps]
    if helps and not any(remedy.upgrade for remedy in helps):
        search.base = tuple(helps)
        left = [remedy for remedy in search.candidates if remedy not in helps and compatible([*helps, remedy])]
        search.candidates = tuple(left)


def _find(stage: Stage, wanted: Sequence[Search]) -> None:
    """Try the candidates of all searches, one of each at the same time; then combinations, where none has won."""
    left = {number: _options(search) for number, search in enumerate(wanted)}
    while True:
        now = [
            (search, left[number].pop(0))
            for number, search in enumerate(wanted)
            if left[number] and not search.won and search.reruns < MOST
        ]
        if not now:
            break
        _try(stage, now)
    for search in wanted:
        if not search.won:
            _combine(stage, search)


def _options(search: Search) -> list[Remedies]:
    alone = [search.base] if search.base else []
    return alone + [(*search.base, remedy) for remedy in search.candidates]


def _try(stage: Stage, now: Sequence[tuple[Search, Remedies]]) -> None:
    """Run each of some searches with one more choice of remedies, all at the same time."""
    jobs = []
    applied = [stage.apply(search.environment, remedies, search.tests) for search, remedies in now]
    for (search, remedies), one in zip(now, applied, strict=True):
        if one.plan is not None and one.known is None:
            stage.say(
                f"envguard: trying {title(remedies)} in {search.environment} ({count(len(search.tests), 'test')})"
            )
            jobs.append((one.plan, search.environment, search.tests))
    runs = iter(stage.run(jobs, whole=True))
    for (search, remedies), one in zip(now, applied, strict=True):
        run = one.known or (next(runs) if one.plan is not None else None)
        search.take(_judged(stage, search, remedies, one, run))


def _judged(stage: Stage, search: Search, remedies: Remedies, applied: Applied, run: Run | None) -> Trial:
    """Return what a run with remedies says about them."""
    trial = Trial(search.environment, remedies, cell=applied.cell)
    if run is None:
        return trial._replace(problem=applied.problem)
    passed = run.fine(search.tests)
    tests = [nodeid for nodeid in search.tests if nodeid in run.outcomes] if run.broken else search.tests
    failed = {nodeid: message(run, nodeid) for nodeid in tests if nodeid not in passed}
    failed.update(_failed_inside(stage, search, run))
    problem = "; ".join(run.broken.promises) if run.broken else _nested(stage, search, failed)
    seconds = 0.0 if applied.known else run.resources.seconds
    return trial._replace(passed=passed, failed=failed, seconds=seconds, problem=problem)


def message(run: Run, nodeid: str) -> str:
    """Return the first line of why a test doesn't pass now."""
    for name in (nodeid, nodeid.partition("::")[0]):
        outcome = run.outcomes.get(name)
        if outcome is not None and not outcome.fine:
            return outcome.message or outcome.word
    return next(reversed(run.deaths), "it did not run")


def _failed_inside(stage: Stage, search: Search, run: Run) -> dict[str, str]:
    """Return the tests that fail in a file that can be imported now, and pass on the host."""
    files = {nodeid for nodeid in search.tests if "::" not in nodeid}
    bad = [nodeid for nodeid in run.failed() if nodeid.partition("::")[0] in files and nodeid not in files]
    host = stage.host(search.environment) if bad else None
    if host is None:
        return {}
    (compared,) = stage.run([(host, search.environment, bad)])
    return {nodeid: message(run, nodeid) for nodeid in compared.fine(bad)}


def _nested(stage: Stage, search: Search, failed: Mapping[str, str]) -> str:
    """Return what is to be said of tests that still fail and ask for an environment of their own, if all of them do."""
    run = stage.bench.runs[search.environment]
    own = [run.outcomes[nodeid].own_environment if nodeid in run.outcomes else "" for nodeid in failed]
    if not own or not all(own):
        return ""
    names = ", ".join(dict.fromkeys(own))
    first = next(iter(failed.values()))
    return f"still fails in the test's own environment ({names}), which may set these variables itself: {first}"


def _combine(stage: Stage, search: Search) -> None:
    """Search for the smallest combination that works, of remedies that can be applied together."""
    together = [remedy for remedy in search.candidates if not remedy.upgrade]
    candidates: list[Remedy] = []
    for remedy in together:
        if compatible([*search.base, *candidates, remedy]):
            candidates.append(remedy)
    room = MOST - search.reruns
    if len(candidates) < 2 or room < 1:
        return

    def works(numbers: frozenset[int]) -> bool:
        if len(numbers) == 1:
            return False  # as was seen
        _try(stage, [(search, (*search.base, *(candidates[number] for number in sorted(numbers))))])
        return search.trials[-1].works

    search.won = None
    before = len(search.trials)
    found = smallest(range(len(candidates)), works, budget=len(candidates) + room)
    _keep(search, before, None if found is None else (*search.base, *(candidates[number] for number in sorted(found))))


def _keep(search: Search, before: int, found: Remedies | None) -> None:
    """Of the combinations that were tried keep what tells something: the one that was found, or all together."""
    tried = search.trials[before:]
    search.won = next((trial for trial in tried if trial.works and trial.remedies == found), None)
    search.trials[before:] = [search.won] if search.won else tried[:1]


def title(remedies: Iterable[Remedy]) -> str:
    """Return several remedies in a few words."""
    return " ".join(remedy.title for remedy in remedies)
