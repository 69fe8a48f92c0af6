"""The facts of a run in the order they're told: pure, so that every report says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run, Verdict, judge


class Row(NamedTuple):
    """A test that doesn't pass everywhere.

    Attributes:
        nodeid: Plain node id.
        outcomes: Environment to outcome, for those in which the test ran.
        verdicts: Environment to verdict, for the same.
        on_host: Outcome on the host, None where it did not run there.
    """

    nodeid: str
    outcomes: dict[str, Outcome]
    verdicts: dict[str, Verdict]
    on_host: Outcome | None

    @property
    def only_in(self) -> list[str]:
        """Environments in which the test fails although it passes on the host."""
        return [name for name, verdict in self.verdicts.items() if verdict is Verdict.ONLY_HERE]

    @property
    def everywhere(self) -> bool:
        """Whether the test fails on the host as well."""
        return Verdict.EVERYWHERE in self.verdicts.values()

    @property
    def own_environment(self) -> str:
        """The environment that the test asks for itself, on the host too; "" for others."""
        return self.on_host.own_environment if self.on_host else ""


class Summary(NamedTuple):
    """What a report says.

    Attributes:
        plans: The environments, in the user's order.
        runs: What happened in each, in the same order.
        rows: Tests that fail somewhere, in the order in which they first ran.
        compared: Whether failed tests ran on the host as well.
    """

    plans: list[Plan]
    runs: list[Run]
    rows: list[Row]
    compared: bool

    def only_here(self, environment: str) -> int:
        """Return how many tests fail in ``environment`` and pass on the host."""
        return sum(environment in row.only_in for row in self.rows)


def summarise(plans: Sequence[Plan], runs: Sequence[Run], baseline: Run | None) -> Summary:
    """Return the summary of ``runs``, judged against what the ``baseline`` (the host) did."""
    on_host = baseline.outcomes if baseline else {}
    nodeids = dict.fromkeys(nodeid for run in runs for nodeid in run.outcomes)
    rows = []
    for nodeid in nodeids:
        outcomes = {run.environment: run.outcomes[nodeid] for run in runs if nodeid in run.outcomes}
        host = on_host.get(nodeid)
        if not any(outcome.bad for outcome in outcomes.values()):
            continue
        verdicts = {name: judge(outcome, host) for name, outcome in outcomes.items()}
        rows.append(Row(nodeid, outcomes, verdicts, host))
    return Summary(list(plans), list(runs), rows, compared=baseline is not None)
