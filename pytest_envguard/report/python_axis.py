"""Runs of the same environments on several Pythons, told apart: the interpreter becomes an axis, as if it had been asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_envguard.model.cell import PYTHON, Cell, NotReady, Ready
from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.matrix import ENVIRONMENT, Matrix
from pytest_envguard.model.plan import Plan
from pytest_envguard.report.summary import Row, Summary

Rename = Callable[[str], str]


def python_of(summary: Summary) -> str:
    """Return the minor version of the interpreter of a run, such as "3.11"; "" where nobody knows, or there are several."""
    pythons = {one.python for one in summary.invocations}
    return ".".join(pythons.pop().split(".")[:2]) if len(pythons) == 1 else ""


def with_python(summary: Summary) -> Summary:
    """Return a run with its interpreter as the first axis of versions: ``lambda`` is called ``lambda-py311``.

    Args:
        summary: One whose interpreter is known, and is no axis yet.
    """
    version = python_of(summary)
    plans = {plan.name: plan for plan in summary.plans}
    before = summary.matrix or Matrix((ENVIRONMENT,), {name: (plan.made_from,) for name, plan in plans.items()}, {})
    names = {name: _name(name, before, version) for name in before.coordinates}
    names |= {name: f"{name}-{_cell(Cell(()), version).name}" for name in plans if name not in names}

    def rename(name: str) -> str:
        return names.get(name, name)

    cells = {names[name]: _with_version(before, name, summary) for name in before.coordinates}
    matrix = _matrix(before, version, rename, cells)
    return summary._replace(
        plans=[_plan(plan, rename(plan.name), cells.get(rename(plan.name))) for plan in summary.plans],
        runs=[replace(run, environment=rename(run.environment)) for run in summary.runs],
        rows=[_row(row, rename) for row in summary.rows],
        losses=[loss._replace(environments=tuple(map(rename, loss.environments))) for loss in summary.losses],
        matrix=matrix,
        causes=tuple(_cause(cause, rename, version) for cause in summary.causes),
        invocations=tuple(
            one._replace(environments=tuple(map(rename, one.environments))) for one in summary.invocations
        ),
    )


def _cell(cell: Cell, version: str) -> Cell:
    return cell._replace(versions=((PYTHON, version), *cell.versions))


def _name(environment: str, matrix: Matrix, version: str) -> str:
    known = matrix.cells.get(environment)
    cell = _cell(known.cell if known else Cell(()), version)
    return f"{matrix.profile(environment)}-{cell.name}" if ENVIRONMENT in matrix.axes else cell.name


def _with_version(matrix: Matrix, environment: str, summary: Summary) -> Ready | NotReady:
    known = matrix.cells.get(environment)
    version = python_of(summary)
    if known is None:  # of whose packages nobody knows anything
        return Ready(_cell(Cell(()), version), "", "", "", (), summary.invocations[0].python, {}, "")
    return known._replace(cell=_cell(known.cell, version))


def _matrix(before: Matrix, version: str, rename: Rename, cells: dict[str, Ready | NotReady]) -> Matrix:
    first = 1 if before.axes[:1] == (ENVIRONMENT,) else 0
    return Matrix(
        (*before.axes[:first], PYTHON, *before.axes[first:]),
        {rename(name): (*where[:first], version, *where[first:]) for name, where in before.coordinates.items()},
        cells,
        {_called(name, version): findings for name, findings in before.findings.items()},
        {_called(name, version): audit for name, audit in before.audits.items()},
    )


def _called(cell: str, version: str) -> str:
    """Return the name of a cell with its interpreter's version."""
    return "-".join(filter(None, (_cell(Cell(()), version).name, cell)))


def _plan(plan: Plan, name: str, cell: Ready | NotReady | None) -> Plan:
    return plan._replace(name=name, profile=plan.made_from, cell=cell if isinstance(cell, Ready) else None)


def _row(row: Row, rename: Rename) -> Row:
    return row._replace(
        outcomes={rename(name): outcome for name, outcome in row.outcomes.items()},
        verdicts={rename(name): verdict for name, verdict in row.verdicts.items()},
        refusals={rename(name): refusals for name, refusals in row.refusals.items()},
        hosts={rename(name): outcome for name, outcome in row.compared_with.items()},
    )


def _cause(cause: Cause, rename: Rename, version: str) -> Cause:
    return cause._replace(
        where={rename(name): nodeids for name, nodeids in cause.where.items()},
        remedies={rename(name): remedies for name, remedies in cause.remedies.items()},
        trials=tuple(
            trial._replace(
                environment=rename(trial.environment), cell=_called(trial.cell, version) if trial.cell else ""
            )
            for trial in cause.trials
        ),
        costs=tuple(cost._replace(environment=rename(cost.environment)) for cost in cause.costs),
    )
