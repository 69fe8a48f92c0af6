"""What became worse, and what better, from one run to another: pure.

Environments are compared by name. What only one of the runs has is told, and is neither worse nor better; what can't be
known, because the new run didn't get there, is worse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import count
from pytest_envguard.report.summary import Summary, folder_of

_CHANGING = re.compile(r"\b(?:tmp|pip-[a-z]+-)[a-z0-9_]{8}\b|\d+")  # temporary names, and numbers of processes and runs


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
        fixed: Tests that failed and pass now.
        newly_refused: What was refused to nobody in that environment before.
        no_longer_refused: What is refused to nobody there any more.
        newly_lost: Environments and tests about which nothing is known any more: stopped, not to be had, interrupted.
        over: Figures that are beyond their budget now, and weren't.
        within: Figures that were beyond their budget, and aren't now.
        new_tests: Tests that only the new run has.
        gone_tests: Tests that only the old one has.
        new_environments: Environments that only the new run has, with how many tests fail there.
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
    new_tests: tuple[str, ...]
    gone_tests: tuple[str, ...]
    new_environments: tuple[str, ...]
    gone_environments: tuple[str, ...]
    unsure: tuple[str, ...] = ()

    @property
    def worse(self) -> bool:
        """Whether anything is worse than it was, or not known any more."""
        return bool(self.newly_failing or self.newly_refused or self.newly_lost or self.over)


def difference(old: Summary, new: Summary) -> Difference:
    """Return what differs.

    Raises:
        EnvguardError: They have no environment in common, or no test.
    """
    before, after = _runs(old), _runs(new)
    _check_comparable(before, after, new)
    pairs = [(run, after[name]) for name, run in before.items() if name in after]
    seen, there = _tests(before.values()), _tests(after.values())
    gone = [nodeid for nodeid in seen if nodeid not in there]
    unknown = {nodeid for name, run in before.items() for nodeid in gone if _unknown(nodeid, run, after.get(name), new)}
    watched = [(known, run) for known, run in pairs if not (known.unwatched or run.unwatched)]
    return Difference(
        _together(change for pair in pairs for change in _outcomes(*pair, failing=True)),
        _together(change for pair in pairs for change in _outcomes(*pair, failing=False)),
        _together(change for pair in watched for change in _newly_refused(*pair, old, new)),
        _together(change for pair in watched for change in _no_longer_refused(*pair, old, new)),
        (*_lost_environments(old, new), *_together(change for pair in pairs for change in _not_run(*pair, new))),
        _together(change for pair in pairs for change in _figures(*pair, failing=True)),
        _together(change for pair in pairs for change in _figures(*pair, failing=False)),
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


def _named(names: Iterable[str]) -> str:
    several = list(names)
    return ", ".join(several[:3]) + (f" and {len(several) - 3} more" if len(several) > 3 else "")


def _together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return changes that differ in nothing but the environment as one."""
    found: dict[tuple[str, str, str, str], Change] = {}
    for change in changes:
        key = (change.subject, change.before, change.after, change.details)
        known = found.get(key)
        names = (*known.environments, *change.environments) if known else change.environments
        found[key] = change._replace(environments=names)
    return tuple(found.values())


def _outcomes(before: Run, after: Run, *, failing: bool) -> Iterator[Change]:
    """Yield tests that fail now and didn't, or the other way round."""
    for nodeid, outcome in after.outcomes.items():
        known = before.outcomes.get(nodeid)
        worse = outcome.bad and not (known and known.bad)
        better = known is not None and known.bad and outcome.fine
        if worse if failing else better:
            was = known.word if known else "not there"
            yield Change(nodeid, (after.environment,), was, outcome.word, outcome.message)


def _refusals(run: Run, summary: Summary) -> dict[tuple[str, ...], tuple[Refusal, str]]:
    """Return what was refused in an environment, to whichever test: the first of those whose names differ by chance."""
    found: dict[tuple[str, ...], tuple[Refusal, str]] = {}
    for nodeid, refusals in run.refusals.items():
        for refusal in refusals:
            file = refusal.place.rpartition(":")[0]  # lines move with every release
            texts = (folder_of(refusal.target), refusal.library or file, refusal.process)
            plain = (summary.matrix.plain(run.environment, text) if summary.matrix else text for text in texts)
            key = (refusal.operation, refusal.error, *(_CHANGING.sub("#", text) for text in plain))
            found.setdefault(key, (refusal._replace(times=1), nodeid))
    return found


def _newly_refused(before: Run, after: Run, old: Summary, new: Summary) -> Iterator[Change]:
    known = _refusals(before, old)
    for key, (refusal, nodeid) in _refusals(after, new).items():
        if key not in known:
            yield Change(str(refusal), (after.environment,), "not refused", "refused", nodeid)


def _no_longer_refused(before: Run, after: Run, old: Summary, new: Summary) -> Iterator[Change]:
    """Yield what isn't refused any more, as long as the test ran that it was refused to."""
    found = _refusals(after, new)
    for key, (refusal, nodeid) in _refusals(before, old).items():
        if key not in found and (nodeid in after.outcomes or nodeid not in before.outcomes):
            yield Change(str(refusal), (after.environment,), "refused", "not refused", nodeid)


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


def _unsure(old: Summary, new: Summary) -> Iterator[str]:
    for name, summary in (("old", old), ("new", new)):
        if summary.interrupted:
            yield f"the {name} run isn't whole: {summary.interrupted}"
        unwatched = [run.environment for run in summary.runs if run.unwatched]
        if unwatched:
            yield f"the {name} run doesn't list what was refused in {_named(unwatched)}"
    ran = {
        (run.environment, nodeid) for run in old.runs for nodeid, how in run.outcomes.items() if how.word != "skipped"
    }
    skipped = {nodeid for run in new.runs for nodeid, how in run.outcomes.items() if how.word == "skipped"
               and (run.environment, nodeid) in ran}  # fmt: skip
    if skipped:
        yield f"skipped in the new run, and not in the old one: {count(len(skipped), 'test')}: {_named(sorted(skipped))}"
