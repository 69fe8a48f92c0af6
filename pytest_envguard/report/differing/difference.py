"""What became worse, and what better, from one run to another: pure.

Environments are compared by name. What only one of the runs has is told, and is neither worse nor better; what can't be
known, because the new run didn't get there, is worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.differing.refusals import key
from pytest_envguard.report.groups import count
from pytest_envguard.report.summary import Summary


class Change(NamedTuple):
    """A test, or something refused or measured in it, that isn't as it was in an environment.

    Attributes:
        subject: The test; of a refusal what was refused; of an environment its name.
        environments: Where.
        before: How it was.
        after: How it is now.
        details: What there is to say besides, such as the first line of what went wrong.
    """

    subject: str
    environments: tuple[str, ...]
    before: str
    after: str
    details: str = ""


class Difference(NamedTuple):
    """All that differs between two runs.

    Attributes:
        newly_failing: Tests that fail where they didn't; new ones that fail as well.
        fixed: Tests that failed and pass now, files that could not be imported and can be.
        newly_refused: What was refused to nobody in that environment before.
        no_longer_refused: What is refused to nobody there any more.
        newly_lost: Environments and tests about which nothing is known any more: stopped, not to be had, interrupted.
        over: Figures that are beyond their budget now, and weren't.
        within: Figures that were beyond their budget, and aren't now.
        new_reasons: Why the run fails besides its tests, and didn't: advisories about its packages.
        new_tests: Tests that only the new run has.
        gone_tests: Tests that only the old one has.
        new_environments: Environments that only the new run has.
        gone_environments: Environments that only the old one has.
        unsure: What keeps the comparison from being whole, in sentences.
    """

    newly_failing: tuple[Change, ...]
    fixed: tuple[Change, ...]
    newly_refused: tuple[Change, ...]
    no_longer_refused: tuple[Change, ...]
    newly_lost: tuple[Change, ...]
    over: tuple[Change, ...]
    within: tuple[Change, ...]
    new_reasons: tuple[Change, ...]
    new_tests: tuple[str, ...]
    gone_tests: tuple[str, ...]
    new_environments: tuple[str, ...]
    gone_environments: tuple[str, ...]
    unsure: tuple[str, ...] = ()

    @property
    def worse(self) -> bool:
        """Whether anything is worse than it was, or not known any more."""
        return bool(self.newly_failing or self.newly_refused or self.newly_lost or self.over or self.new_reasons)


def difference(old: Summary, new: Summary) -> Difference:
    """Return what differs.

    Raises:
        EnvguardError: They have no environment in common, or no test.
    """
    before, after = _runs(old), _runs(new)
    _check_comparable(before, after, new)
    pairs = [(run, after[name]) for name, run in before.items() if name in after]
    seen, there = _tests(before.values()), _tests(after.values())
    imported = frozenset(file for run in after.values() for file in _files(run))
    gone = [nodeid for nodeid in seen if nodeid not in there and nodeid not in imported]
    unknown = {nodeid for name, run in before.items() for nodeid in gone if _unknown(nodeid, run, after.get(name), new)}
    watched = [(known, run) for known, run in pairs if not (known.unwatched or run.unwatched)]
    return Difference(
        _together(change for pair in pairs for change in _newly_failing(*pair, old)),
        _together(change for pair in pairs for change in _fixed(*pair)),
        _alike(each for pair in watched for each in _newly_refused(*pair, old, new)),
        _alike(each for pair in watched for each in _no_longer_refused(*pair, old, new)),
        (*_lost_environments(old, new), *_together(change for pair in pairs for change in _not_run(*pair, new))),
        _together(change for pair in pairs for change in _figures(*pair, failing=True)),
        _together(change for pair in pairs for change in _figures(*pair, failing=False)),
        tuple(_new_reasons(old, new)),
        tuple(name for name in there if name not in seen),
        tuple(nodeid for nodeid in gone if nodeid not in unknown),
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(_unsure(old, new)),
    )


def _runs(summary: Summary) -> dict[str, Run]:
    return {run.environment: run for run in summary.runs}


def _tests(runs: Iterable[Run]) -> dict[str, None]:
    """Return all tests that were to be run: one that an interruption kept from it isn't gone."""
    return dict.fromkeys(nodeid for run in runs for nodeid in (*run.outcomes, *(run.collected or ())))


def _check_comparable(before: Mapping[str, Run], after: Mapping[str, Run], new: Summary) -> None:
    known = {*after, *(new.matrix.coordinates if new.matrix else ())}
    if known.isdisjoint(before):
        raise EnvguardError(
            f"the runs have no environment in common: {_named(before)}; {_named(after)}",
            "compare runs with the same `--envguard`, and the same versions if there are any",
        )
    old_tests, new_tests = _tests(before.values()), _tests(after.values())
    if old_tests and new_tests and new_tests.keys().isdisjoint(old_tests):
        raise EnvguardError(
            f"the runs have no test in common: {next(iter(old_tests))} …; {next(iter(new_tests))} …",
            "compare runs of the same suite, called from the same folder",
        )
    whole = not (
        new.interrupted or any(run.broken for run in after.values()) or (new.matrix and new.matrix.not_ready())
    )
    if old_tests and not new_tests and whole:
        raise EnvguardError(
            f"the new run has no tests, the old one has {len(old_tests)}: {next(iter(old_tests))} …",
            "compare runs of the same suite; were its tests deselected, or not found?",
        )


def _named(names: Iterable[str]) -> str:
    several = list(names)
    return ", ".join(several[:3]) + (f" and {len(several) - 3} more" if len(several) > 3 else "")


def _together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return changes that differ in nothing but the environment as one, all of a test behind each other."""
    subjects: dict[str, dict[tuple[str, str, str], Change]] = {}
    for change in changes:
        found = subjects.setdefault(change.subject, {})
        how = (change.before, change.after, change.details)
        found[how] = _with(found.get(how), change)
    return tuple(change for found in subjects.values() for change in found.values())


def _alike(changes: Iterable[tuple[tuple[str, ...], Change]]) -> tuple[Change, ...]:
    """Return changes that are the same by their keys as one."""
    found: dict[tuple[str, ...], Change] = {}
    for same, change in changes:
        found[same] = _with(found.get(same), change)
    return tuple(found.values())


def _with(known: Change | None, change: Change) -> Change:
    return known._replace(environments=(*known.environments, *change.environments)) if known else change


def _newly_failing(before: Run, after: Run, old: Summary) -> Iterator[Change]:
    # Where it didn't get as far as to see its tests, nobody knows which were there.
    unseen = before.collected is None and bool(before.broken or old.interrupted)
    for nodeid, outcome in after.outcomes.items():
        known = before.outcomes.get(nodeid)
        if outcome.bad and not (known and known.bad):
            waited = unseen or nodeid in (before.collected or ())
            was = known.word if known else "did not run" if waited else "not there"
            yield Change(nodeid, (after.environment,), was, outcome.word, outcome.message)


def _fixed(before: Run, after: Run) -> Iterator[Change]:
    """Yield tests that failed and pass, and files that could not be imported and whose tests ran."""
    files = _files(after)
    for nodeid, known in before.outcomes.items():
        outcome = after.outcomes.get(nodeid)
        if known.bad and outcome and outcome.passes:
            yield Change(nodeid, (after.environment,), known.word, outcome.word, outcome.message)
        elif known.bad and not outcome and nodeid in files:
            yield Change(nodeid, (after.environment,), known.word, "imported")


def _files(run: Run) -> frozenset[str]:
    return frozenset(nodeid.partition("::")[0] for nodeid in run.outcomes if "::" in nodeid)


Refused = dict[tuple[str, ...], tuple[Refusal, str]]


def _refusals(run: Run, summary: Summary) -> Refused:
    """Return what was refused in an environment, to whichever test: the first of those whose names differ by chance."""
    found: Refused = {}
    for nodeid, refusals in run.refusals.items():
        for refusal in refusals:
            same = key(refusal, run.environment, summary.matrix)
            found.setdefault(same, (refusal._replace(times=1), nodeid))
    return found


def _newly_refused(before: Run, after: Run, old: Summary, new: Summary) -> Iterator[tuple[tuple[str, ...], Change]]:
    known = _refusals(before, old)
    for same, (refusal, nodeid) in _refusals(after, new).items():
        if same not in known:
            yield same, Change(str(refusal), (after.environment,), "not refused", "refused", nodeid)


def _no_longer_refused(before: Run, after: Run, old: Summary, new: Summary) -> Iterator[tuple[tuple[str, ...], Change]]:
    """Yield what isn't refused any more, as long as the test ran that it was refused to."""
    found = _refusals(after, new)
    for same, (refusal, nodeid) in _refusals(before, old).items():
        if same not in found and (nodeid in after.outcomes or nodeid not in before.outcomes):
            yield same, Change(str(refusal), (after.environment,), "refused", "not refused", nodeid)


def _lost_environments(old: Summary, new: Summary) -> Iterator[Change]:
    """Yield environments that ran, and were stopped this time or could not be had."""
    after = _runs(new)
    missing = new.matrix.not_ready() if new.matrix else {}
    for run in old.runs:
        name = run.environment
        if run.broken:
            continue
        if name in after and (broken := after[name].broken):
            yield Change(name, (name,), "ran", "stopped", "; ".join(broken.promises))
        elif name not in after and name in missing:
            yield Change(name, (name,), "ran", missing[name].kind, " ".join(missing[name].reason.split()))


def _not_run(before: Run, after: Run, new: Summary) -> Iterator[Change]:
    """Yield tests that ran, and did not this time although they are still there, or nobody knows whether they are."""
    if after.broken and not before.broken:
        return  # of the environment as a whole that's told already
    waiting = frozenset(after.collected or ())
    for nodeid, outcome in before.outcomes.items():
        if nodeid not in after.outcomes and (nodeid in waiting or _unknown(nodeid, before, after, new)):
            yield Change(nodeid, (after.environment,), outcome.word, "did not run")


def _unknown(nodeid: str, before: Run, after: Run | None, new: Summary) -> bool:
    """Whether a test that ran may still be there: the new run did not get so far as to see it."""
    if nodeid not in before.outcomes:
        return False
    if after is None:
        return bool(new.matrix and before.environment in new.matrix.not_ready())
    if after.collected is None and (after.broken or new.interrupted):
        return True
    file = after.outcomes.get(nodeid.partition("::")[0])
    return file is not None and file.bad and "::" in nodeid


def _figures(before: Run, after: Run, *, failing: bool) -> Iterator[Change]:
    """Yield figures that have crossed their budget, in the direction that is asked for."""
    for nodeid, figures in after.figures.items():
        known = {figure.name: figure for figure in before.figures.get(nodeid, ())}
        for figure in figures:
            was = known.get(figure.name)
            crossed = figure.failed and not (was and was.failed)
            recovered = was is not None and was.failed and not figure.failed
            if crossed if failing else recovered:
                told = was.short if was else "not measured"
                yield Change(nodeid, (after.environment,), told, figure.short, figure.details)


def _new_reasons(old: Summary, new: Summary) -> Iterator[Change]:
    known = {_without_cells(reason) for reason in old.failing}
    for reason in new.failing:
        if _without_cells(reason) not in known:
            yield Change(reason, (), "no reason to fail", "a reason to fail")


def _without_cells(reason: str) -> str:
    """Return an advisory's sentence without where its package is installed."""
    return reason.rpartition(" (")[0] or reason


def _unsure(old: Summary, new: Summary) -> Iterator[str]:
    for name, summary in (("old", old), ("new", new)):
        if summary.interrupted:
            yield f"the {name} run isn't whole: {summary.interrupted}"
        unwatched = [run.environment for run in summary.runs if run.unwatched]
        if unwatched:
            yield f"the {name} run doesn't list what was refused in {_named(unwatched)}"
    for word, said in (("skipped", "skipped"), ("xfailed", "expected to fail")):
        found = sorted(_ended_so(word, old, new))
        if found:
            yield f"{said} in the new run, and not in the old one: {count(len(found), 'test')}: {_named(found)}"


def _ended_so(word: str, old: Summary, new: Summary) -> set[str]:
    """Return tests that ended so in an environment in which they ended otherwise."""
    before = {run.environment: run.outcomes for run in old.runs}
    return {
        nodeid
        for run in new.runs
        for nodeid, outcome in run.outcomes.items()
        if outcome.word == word and (known := before.get(run.environment, {}).get(nodeid)) and known.word != word
    }
