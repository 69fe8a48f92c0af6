"""Several runs as one, such as those of the jobs of a workflow: pure, and refused where the sum would not be true."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from pytest_envguard.diagnosis.telling import retold
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.diagnosis import Cause, each_once
from pytest_envguard.model.verdict import Run, Verdict
from pytest_envguard.report.groups import count, together
from pytest_envguard.report.merging.joining import Part, joined, overlap
from pytest_envguard.report.merging.matrices import one_matrix
from pytest_envguard.report.merging.pythons import has_python, minor, pythons, with_python
from pytest_envguard.report.printable import printable
from pytest_envguard.report.summary import Invocation, Row, Summary, find_losses

Reports = Sequence[tuple[str, Summary]]

_MOST = 3


def merge(reports: Reports) -> Summary:
    """Return several runs as one.

    Environments stand side by side, and what each was compared with stays as it is. One that is in several runs is put
    together if they ran different tests in it, or the same with the same end. Runs on different Pythons get the
    interpreter as an axis, if nothing else tells their environments apart.

    Args:
        reports: What errors call a run, such as its file's name, and the run; at least one.

    Raises:
        EnvguardError: They are of different projects, have no test in common, or contradict each other.
    """
    if len(reports) == 1:
        return reports[0][1]
    _check_projects(reports)
    reports = _told_apart(reports)
    _check_tests(reports)
    environments = [joined(parts) for parts in _by_environment(reports).values()]
    plans, runs = [plan for plan, _ in environments], [run for _, run in environments]
    matrix, differing = one_matrix(reports)
    summaries = [summary for _, summary in reports]
    return Summary(
        plans,
        runs,
        _rows(runs, summaries, crossed=matrix is not None),
        any(one.compared for one in summaries) and all(one.compared or not one.rows for one in summaries),
        find_losses(runs, matrix),
        matrix,
        tuple(_causes(summaries)),
        tuple(dict.fromkeys(one for summary in summaries for one in _invocations(summary))),
        tuple(dict.fromkeys((*(note for one in summaries for note in one.notes), *_notes(reports), *differing))),
    )


def _check_projects(reports: Reports) -> None:
    known = [(where, one.project) for where, summary in reports for one in summary.invocations if one.project]
    for where, project in known[1:]:
        first, name = known[0]
        if project != name:
            raise EnvguardError(
                f"{first} is of the project `{printable(name)}`, {where} of `{printable(project)}`",
                "merge reports of one project: tests of the same name would be taken for the same",
            )


def _told_apart(reports: Reports) -> Reports:
    """Make an axis of the interpreters where one of the runs has it, or the same tests ran in an environment on several."""
    if not any(has_python(summary) for _, summary in reports) and not any(
        overlap(parts) and len({part.python for part in parts} - {""}) > 1
        for parts in _by_environment(reports).values()
    ):
        return reports
    return [(where, summary if has_python(summary) else with_python(summary)) for where, summary in reports]


def _by_environment(reports: Reports) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for where, summary in reports:
        versions = pythons(summary)
        for plan, run in zip(summary.plans, summary.runs, strict=True):
            found.setdefault(plan.name, []).append(Part(where, plan, run, minor(versions[plan.name])))
    return found


def _check_tests(reports: Reports) -> None:
    """Refuse runs that have no test in common with any other: side by side they would only look as if they were compared."""
    groups = [(where, tests) for where, tests in _shards(reports) if tests]
    for number, (where, tests) in enumerate(groups):
        others = [each for other, (_, each) in enumerate(groups) if other != number]
        if others and tests.isdisjoint(frozenset().union(*others)):
            first = next(iter(sorted(tests)))
            raise EnvguardError(
                f"{where} has no test in common with the others, such as {printable(first)}",
                "merge reports of the same suite, called from the same folder; shards of it have the same environments",
            )


def _shards(reports: Reports) -> list[tuple[str, frozenset[str]]]:
    """Return the tests of each run, of those with an environment in common together."""
    groups: list[tuple[str, set[str], set[str]]] = []
    for where, summary in reports:
        names = {run.environment for run in summary.runs}
        tests = {nodeid for run in summary.runs for nodeid in (*run.outcomes, *(run.collected or ()))}
        linked = [group for group in groups if group[1] & names]
        groups = [group for group in groups if not group[1] & names]
        first = linked[0][0] if linked else where
        groups.append(
            (first, names.union(*(group[1] for group in linked)), tests.union(*(group[2] for group in linked)))
        )
    return [(where, frozenset(tests)) for where, _, tests in groups]


def _notes(reports: Reports) -> Iterator[str]:
    """Say what the runs don't have in common."""
    versions: dict[str, list[str]] = {}
    for where, summary in reports:
        for one in summary.invocations:
            versions.setdefault(one.version or "unknown", []).append(where)
    if len(versions) > 1:
        told = (f"{version} ({', '.join(dict.fromkeys(files))})" for version, files in versions.items())
        yield f"written by several versions of pytest-envguard: {together(told)}"
    groups = [tests for _, tests in _shards(reports) if tests]
    if len(groups) > 1:
        partial = sorted(frozenset().union(*groups) - groups[0].intersection(*groups[1:]))
        if partial:
            more = f" and {len(partial) - _MOST} more" if len(partial) > _MOST else ""
            yield f"not in all of the merged runs: {count(len(partial), 'test')}: {', '.join(partial[:_MOST])}{more}"
    for name, parts in _by_environment(reports).items():
        if overlap(parts):
            yield f"{name} ran more than once, with the same outcomes: {together(part.where for part in parts)}"


def _rows(runs: Sequence[Run], summaries: Sequence[Summary], *, crossed: bool) -> list[Row]:
    known: dict[str, list[Row]] = {}
    for summary in summaries:
        for row in summary.rows:
            told = row._replace(hosts=row.compared_with) if crossed and summary.matrix is None else row
            known.setdefault(row.nodeid, []).append(told)
    ran = dict.fromkeys(nodeid for run in runs for nodeid in run.outcomes)
    return [_row(nodeid, runs, known[nodeid]) for nodeid in ran if nodeid in known]


def _row(nodeid: str, runs: Sequence[Run], rows: Sequence[Row]) -> Row:
    outcomes = {run.environment: run.outcomes[nodeid] for run in runs if nodeid in run.outcomes}
    verdicts = {name: _verdict(name, rows) if outcome.bad else Verdict.PASSES for name, outcome in outcomes.items()}
    hosts = {name: outcome for row in reversed(rows) for name, outcome in row.hosts.items()}
    on_host = [row.on_host for row in rows if row.on_host is not None]
    return Row(
        nodeid,
        outcomes,
        verdicts,
        next((outcome for outcome in on_host if outcome.bad), next(iter(on_host), None)),
        {run.environment: run.refusals[nodeid] for run in runs if nodeid in run.refusals},
        {name: hosts[name] for name in (*outcomes, *hosts) if name in hosts},
    )


def _verdict(environment: str, rows: Iterable[Row]) -> Verdict:
    """Return what a run found that compared it; where none did, that it's unknown."""
    found = [row.verdicts[environment] for row in rows if environment in row.verdicts]
    return next((verdict for verdict in found if verdict not in (Verdict.UNKNOWN, Verdict.PASSES)), Verdict.UNKNOWN)


def _causes(summaries: Iterable[Summary]) -> list[Cause]:
    """Return the causes of all runs as one run would have them.

    Those that are alike are one, what most tests fail of comes first, and what made tests fail isn't lost silently as well.
    """
    alike: dict[Hashable, list[Cause]] = {}
    for summary in summaries:
        for cause in summary.causes:
            said = cause.diagnosis.alike or cause.diagnosis._replace(remedies=(), version="")
            alike.setdefault((said, cause.silent), []).append(cause)
    told = {cause.diagnosis.rule for several in alike.values() for cause in several if not cause.silent} - {""}
    merged = [
        several[0] if len(several) == 1 else _cause(several)
        for several in alike.values()
        if not (several[0].silent and several[0].diagnosis.rule in told)
    ]
    return sorted(merged, key=lambda cause: (cause.silent, -len(cause.tests)))


def _cause(several: Sequence[Cause]) -> Cause:
    where: dict[str, tuple[str, ...]] = {}
    for cause in several:
        for name, nodeids in cause.where.items():
            where[name] = tuple(dict.fromkeys((*where.get(name, ()), *nodeids)))
    versions = {cause.diagnosis.version for cause in several}
    diagnosis = several[0].diagnosis._replace(version=versions.pop() if len(versions) == 1 else "")
    offered = {name: cause.offered(name) for cause in reversed(several) for name in cause.where}
    trials = [trial for cause in several for trial in cause.trials]
    costs = [cost for cause in several for cost in cause.costs]
    merged = Cause(
        diagnosis._replace(remedies=each_once(cause.diagnosis.remedies for cause in several)),
        where,
        several[0].silent,
        tuple(trial for number, trial in enumerate(trials) if trial not in trials[:number]),
        tuple(cost for number, cost in enumerate(costs) if cost not in costs[:number]),
        {name: offered[name] for name in where},
        {name: one for cause in several for name, one in cause.holding.items()},
    )
    return retold(merged)


def _invocations(summary: Summary) -> Iterator[Invocation]:
    names = tuple(run.environment for run in summary.runs)
    for one in summary.invocations:
        yield one if one.environments else one._replace(environments=names)
