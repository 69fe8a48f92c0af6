"""Runs of the same environments on several Pythons, told apart: the interpreter becomes an axis, as if it had been asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pytest_envguard.model.cell import PYTHON, Cell, NotReady, Ready
from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.matrix import ENVIRONMENT, Matrix
from pytest_envguard.model.plan import Plan
from pytest_envguard.report.summary import Invocation, Row, Summary

_Fact = TypeVar("_Fact")
Rename = Callable[[str], str]


def pythons(summary: Summary) -> dict[str, str]:
    """Return for each environment the version of its interpreter, such as "3.11.7"; "" where nobody knows a single one.

    It's the cell's own; without cells that of pytest, in the call that the environment ran in.
    """
    named = summary.matrix.coordinates if summary.matrix else ()
    names = dict.fromkeys((*(run.environment for run in summary.runs), *named))
    return {name: _own(name, summary.matrix) or _of_calls(name, summary.invocations) for name in names}


def has_python(summary: Summary) -> bool:
    """Whether interpreters are an axis of a run."""
    return summary.matrix is not None and PYTHON in summary.matrix.axes


def minor(version: str) -> str:
    """Return "3.11" of "3.11.7"."""
    return ".".join(version.split(".")[:2])


def _own(name: str, matrix: Matrix | None) -> str:
    if matrix is None or name not in matrix.coordinates:
        return ""
    cell = matrix.cells.get(name)
    placed = dict(zip(matrix.axes, matrix.coordinates[name], strict=True))
    return (cell.version if isinstance(cell, Ready) else "") or placed.get(PYTHON, "")


def _of_calls(name: str, invocations: Sequence[Invocation]) -> str:
    """Return what the calls ran with in which it ran; of one that never ran (its cell could not be had) what all did."""
    ran = [one.python for one in invocations if name in one.environments or not one.environments]
    found = ran or [one.python for one in invocations]
    return found[0] if len(set(map(minor, found))) == 1 else ""


def with_python(summary: Summary) -> Summary:
    """Return a run with its interpreters as the first axis of versions: ``lambda`` is called ``lambda-py311``.

    Environments whose interpreter nobody knows keep their names.

    Args:
        summary: One in which it is no axis yet.
    """
    versions = {name: minor(version) for name, version in pythons(summary).items()}
    plans = {plan.name: plan for plan in summary.plans}
    before = summary.matrix or Matrix((ENVIRONMENT,), {name: (plan.made_from,) for name, plan in plans.items()}, {})
    names = {name: _name(name, before, versions[name]) for name in before.coordinates}
    names |= {name: _called(name, versions[name], after=True) for name in plans if name not in names}

    def rename(name: str) -> str:
        return names.get(name, name)

    cells = {names[name]: _with_version(before, name, summary) for name in before.coordinates if versions[name]}
    return summary._replace(
        plans=[_plan(plan, rename(plan.name), cells.get(rename(plan.name))) for plan in summary.plans],
        runs=[replace(run, environment=rename(run.environment)) for run in summary.runs],
        rows=[_row(row, rename) for row in summary.rows],
        losses=[loss._replace(environments=tuple(map(rename, loss.environments))) for loss in summary.losses],
        matrix=_matrix(before, versions, rename, cells),
        causes=tuple(_cause(cause, rename, versions) for cause in summary.causes),
        invocations=tuple(
            one._replace(environments=tuple(map(rename, one.environments))) for one in summary.invocations
        ),
    )


def _cell(cell: Cell, version: str) -> Cell:
    return cell._replace(versions=((PYTHON, version), *cell.versions))


def _name(environment: str, matrix: Matrix, version: str) -> str:
    if not version:
        return environment
    known = matrix.cells.get(environment)
    cell = _cell(known.cell if known else Cell(()), version)
    return f"{matrix.profile(environment)}-{cell.name}" if ENVIRONMENT in matrix.axes else cell.name


def _with_version(matrix: Matrix, environment: str, summary: Summary) -> Ready | NotReady:
    known = matrix.cells.get(environment)
    version = pythons(summary)[environment]
    if known is None:  # of whose packages nobody knows anything
        return Ready(_cell(Cell(()), minor(version)), "", "", "", (), version, {}, "")
    return known._replace(cell=_cell(known.cell, minor(version)))


def _matrix(before: Matrix, versions: Mapping[str, str], rename: Rename, cells: dict[str, Ready | NotReady]) -> Matrix:
    first = 1 if before.axes[:1] == (ENVIRONMENT,) else 0
    kept = {name: cell for name, cell in before.cells.items() if not versions[name]}
    return Matrix(
        (*before.axes[:first], PYTHON, *before.axes[first:]),
        {rename(name): (*where[:first], versions[name], *where[first:]) for name, where in before.coordinates.items()},
        {**cells, **kept},
        _by_version(before.findings, before, versions),
        _by_version(before.audits, before, versions),
    )


def _by_version(known: Mapping[str, _Fact], before: Matrix, versions: Mapping[str, str]) -> dict[str, _Fact]:
    """Return what is known of cells under the names that they have now: one of a name may have become several."""
    return {
        _called(cell.cell.name, versions[name]): known[cell.cell.name]
        for name, cell in before.cells.items()
        if cell.cell.name in known
    }


def _called(name: str, version: str, *, after: bool = False) -> str:
    """Return a name with its interpreter's, which stands first in those of cells."""
    parts = [_cell(Cell(()), version).name if version else "", name]
    return "-".join(filter(None, reversed(parts) if after else parts))


def _plan(plan: Plan, name: str, cell: Ready | NotReady | None) -> Plan:
    if name == plan.name:
        return plan
    return plan._replace(name=name, profile=plan.made_from, cell=cell if isinstance(cell, Ready) else None)


def _row(row: Row, rename: Rename) -> Row:
    return row._replace(
        outcomes={rename(name): outcome for name, outcome in row.outcomes.items()},
        verdicts={rename(name): verdict for name, verdict in row.verdicts.items()},
        refusals={rename(name): refusals for name, refusals in row.refusals.items()},
        hosts={rename(name): outcome for name, outcome in row.compared_with.items()},
    )


def _cause(cause: Cause, rename: Rename, versions: Mapping[str, str]) -> Cause:
    return cause._replace(
        where={rename(name): nodeids for name, nodeids in cause.where.items()},
        remedies={rename(name): remedies for name, remedies in cause.remedies.items()},
        holding={rename(name): one for name, one in cause.holding.items()},
        trials=tuple(
            trial._replace(
                environment=rename(trial.environment),
                cell=_called(trial.cell, versions.get(trial.environment, "")) if trial.cell else "",
            )
            for trial in cause.trials
        ),
        costs=tuple(cost._replace(environment=rename(cost.environment)) for cost in cause.costs),
    )
