"""The facts of a run in the order they're told: pure, so that every report says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Outcome, Run, Verdict, judge


class Row(NamedTuple):
    """A test that doesn't pass everywhere.

    Attributes:
        nodeid: Plain node id.
        outcomes: Environment to outcome, for those in which the test ran.
        verdicts: Environment to verdict, for the same.
        on_host: Outcome on the host, None where it did not run there; of several the worst.
        refusals: Environment to what was refused there.
        hosts: Environment to the outcome on the host with the same versions; only with version axes.
    """

    nodeid: str
    outcomes: dict[str, Outcome]
    verdicts: dict[str, Verdict]
    on_host: Outcome | None
    refusals: dict[str, tuple[Refusal, ...]] = {}  # noqa: RUF012  # never changed
    hosts: dict[str, Outcome] = {}  # noqa: RUF012  # never changed

    @property
    def only_in(self) -> list[str]:
        """Environments in which the test fails although it passes on the host."""
        return [name for name, verdict in self.verdicts.items() if verdict is Verdict.ONLY_HERE]

    @property
    def everywhere(self) -> bool:
        """Whether the test fails on the host as well."""
        return Verdict.EVERYWHERE in self.verdicts.values()

    @property
    def compared_with(self) -> dict[str, Outcome]:
        """Environment to the outcome on the host that its own was judged by, whether or not there are axes."""
        if self.hosts or self.on_host is None:
            return self.hosts
        return {name: self.on_host for name, verdict in self.verdicts.items() if verdict is not Verdict.UNKNOWN}

    @property
    def own_environment(self) -> str:
        """The environment that the test asks for itself, on the host too; "" for others."""
        return self.on_host.own_environment if self.on_host else ""


class Loss(NamedTuple):
    """Something that was refused although nothing failed because of it.

    Attributes:
        environments: Where.
        refusal: What, and to whom; its times are those in all tests together.
        nodeids: Tests that passed, or files that were imported, in their order.
    """

    environments: tuple[str, ...]
    refusal: Refusal
    nodeids: tuple[str, ...]


class Invocation(NamedTuple):
    """One call of pytest that a report tells of; what nobody noted is empty, and unknown.

    Attributes:
        version: pytest-envguard's own.
        project: Name of pytest's root folder.
        command: The command line, without what looks secret; see `report.commandline`.
        begun: When it began, ISO 8601 with seconds in UTC, such as "2026-11-21T04:21:00Z".
        seconds: How long it took, from pytest's start to the writing of the reports.
        interrupted: Why it ended before its end, such as "interrupted by Ctrl-C"; "" if it came to its end.
        python: The version of the interpreter that pytest ran with, such as "3.11.7".
        pytest: pytest's version.
        system: Such as "Linux 6.8.0 x86_64".
        processors: How many its user may use.
        memory: Bytes of the machine's memory.
        environments: Those that ran in it; empty for all.
        failing: Why it fails besides its tests, environments and cells, such as advisories; a sentence each.
    """

    version: str = ""
    project: str = ""
    command: tuple[str, ...] = ()
    begun: str = ""
    seconds: float = 0.0
    interrupted: str = ""
    python: str = ""
    pytest: str = ""
    system: str = ""
    processors: int = 0
    memory: int = 0
    environments: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()

    @property
    def moment(self) -> str:
        """When it began as people read it: "2026-11-21 04:21:00 UTC"."""
        return self.begun.replace("T", " ").replace("Z", " UTC")


class Summary(NamedTuple):
    """What a report says.

    Attributes:
        plans: The environments, in the user's order.
        runs: What happened in each, in the same order.
        rows: Tests that fail somewhere, in the order in which they first ran.
        compared: Whether failed tests ran on the host as well.
        losses: What was refused to tests that passed, or to imports.
        matrix: Where the environments lie on the version axes; None without such.
        causes: Why tests fail in environments only, and what was lost silently.
        invocations: The call of pytest; of reports that were merged, all of them.
        notes: What a reader should know of the report itself, such as what the merged runs don't have in common.
    """

    plans: list[Plan]
    runs: list[Run]
    rows: list[Row]
    compared: bool
    losses: list[Loss]
    matrix: Matrix | None = None
    causes: tuple[Cause, ...] = ()
    invocations: tuple[Invocation, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def interrupted(self) -> str:
        """Why it isn't whole: what ended the first call of pytest that was ended; "" if all came to their end."""
        return next((one.interrupted for one in self.invocations if one.interrupted), "")

    @property
    def failing(self) -> tuple[str, ...]:
        """Why it fails although nothing else did, each once."""
        return tuple(dict.fromkeys(reason for one in self.invocations for reason in one.failing))

    @property
    def tests(self) -> int:
        """How many tests ran anywhere."""
        return len({nodeid for run in self.runs for nodeid in run.outcomes})

    def refused(self, environment: str) -> int:
        """Return how many tests in ``environment`` passed although something was refused."""
        return len(self._passed_with_refusals(environment))

    def passed_with_refusals(self) -> int:
        """Return how many tests passed in some environment although something was refused there."""
        return len({nodeid for run in self.runs for nodeid in self._passed_with_refusals(run.environment)})

    def _passed_with_refusals(self, environment: str) -> set[str]:
        run = next(run for run in self.runs if run.environment == environment)
        passed = {nodeid for nodeid, outcome in run.outcomes.items() if outcome.word.endswith("passed")}
        return passed & run.refusals.keys()

    def only_here(self, environment: str) -> int:
        """Return how many tests fail in ``environment`` and pass on the host."""
        return sum(row.verdicts.get(environment) is Verdict.ONLY_HERE for row in self.rows)


def summarise(
    plans: Sequence[Plan],
    runs: Sequence[Run],
    baseline: Run | Mapping[str, Run] | None,
    matrix: Matrix | None = None,
) -> Summary:
    """Return the summary of ``runs``, judged against what the ``baseline`` (the host) did.

    Args:
        plans: The environments.
        runs: What happened in them, in the same order.
        baseline: What happened on the host; with version axes for each environment what happened there with the same
            versions. None where nothing was compared.
        matrix: Where the environments lie on the version axes.
    """
    baselines = _baselines(plans, runs, baseline, matrix)
    nodeids = dict.fromkeys(nodeid for run in runs for nodeid in run.outcomes)
    rows = []
    for nodeid in nodeids:
        outcomes = {run.environment: run.outcomes[nodeid] for run in runs if nodeid in run.outcomes}
        if not any(outcome.bad for outcome in outcomes.values()):
            continue
        hosts = {name: run.outcomes[nodeid] for name, run in baselines.items() if nodeid in run.outcomes}
        verdicts = {name: judge(outcome, hosts.get(name)) for name, outcome in outcomes.items()}
        refusals = {run.environment: run.refusals[nodeid] for run in runs if nodeid in run.refusals}
        on_host = next((outcome for outcome in hosts.values() if outcome.bad), next(iter(hosts.values()), None))
        rows.append(Row(nodeid, outcomes, verdicts, on_host, refusals, hosts if matrix else {}))
    return Summary(list(plans), list(runs), rows, baseline is not None, find_losses(runs, matrix), matrix)


def _baselines(
    plans: Sequence[Plan], runs: Sequence[Run], baseline: Run | Mapping[str, Run] | None, matrix: Matrix | None
) -> Mapping[str, Run]:
    """Return for each environment what happened on the host; with versions one that is the host is its own measure."""
    if isinstance(baseline, Run):
        return {run.environment: baseline for run in runs}
    if matrix is None:
        return baseline or {}
    own = {run.environment: run for plan, run in zip(plans, runs, strict=True) if plan.is_host}
    return own | dict(baseline or {})


def find_losses(runs: Sequence[Run], matrix: Matrix | None) -> list[Loss]:
    """Group refusals by what the same line of the same library tried, whatever temporary name or cell it chose."""
    groups: dict[tuple[str, ...], Loss] = {}
    for run in runs:
        for nodeid, refusals in run.refusals.items():
            outcome = run.outcomes.get(nodeid)
            if outcome is not None and outcome.bad:
                continue
            for refusal in refusals:
                texts = (folder_of(refusal.target), refusal.place, refusal.process)
                plain = texts if matrix is None else (matrix.plain(run.environment, text) for text in texts)
                key = (refusal.operation, refusal.error, *plain)
                known = groups.get(key) or Loss((), refusal._replace(times=0), ())
                groups[key] = Loss(
                    _with(known.environments, run.environment),
                    known.refusal._replace(times=max(known.refusal.times, refusal.times)),
                    _with(known.nodeids, nodeid),
                )
    return list(groups.values())


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def folder_of(target: str) -> str:
    """Return where something was tried, without the name: temporary names differ from run to run."""
    return target.rpartition("/")[0] or target
