"""The run as one JSON document, with every fact that the other reports choose from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest_envguard
from pytest_envguard.model.budget import Figure
from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.diagnosis import Cause, Cost, Remedy, Trial
from pytest_envguard.model.finding import Audited, Finding, Ignored, NotAudited, Vulnerability
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.axes import Box
from pytest_envguard.report.causes import lineages, ready
from pytest_envguard.report.groups import Group, Places, groups, reasons
from pytest_envguard.report.phrases import in_order
from pytest_envguard.report.summary import Loss, Row, Summary

SCHEMA = 1  # counts up when a reader of the former one would misunderstand

Facts = dict[str, Any]


def document(summary: Summary) -> Facts:
    """Return the run in lists, dicts, texts and numbers.

    ``outcomes`` of a test are one word for each environment; what went wrong stands in ``failures``.
    """
    places = Places(summary.matrix)
    facts: Facts = {
        "schema": SCHEMA,
        "tool": {"name": "pytest-envguard", "version": pytest_envguard.__version__},
        "environments": [
            _environment(plan, run, summary) for plan, run in zip(summary.plans, summary.runs, strict=True)
        ],
        "compared_with_host": summary.compared,
        "tests": _tests(summary),
        "groups": [_group(group, summary, places) for group in groups(summary, places)],
        "refused_but_passed": [_loss(loss) for loss in summary.losses],
        "causes": [_cause(cause, lineages(summary)) for cause in summary.causes],
    }
    return facts | (_matrix(summary.matrix) if summary.matrix else {})


def dumps(summary: Summary) -> str:
    """Return the document as text, the same for the same run: in the order of the environments and of the tests."""
    text = json.dumps(document(summary), indent=1, ensure_ascii=False)
    # What no encoding has (a file name's odd byte) is left as JSON's own escape.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def _environment(plan: Plan, run: Run, summary: Summary) -> Facts:
    facts: Facts = {
        "name": run.environment,
        "summary": plan.summary,
        "enforcement": [
            {
                "dimension": item.dimension,
                "value": item.shown,
                "strength": item.strength.name.lower(),
                "mechanism": item.mechanism,
                "reason": item.reason,
            }
            for item in plan.enforcements
        ],
        "notes": list(plan.notes),
        "seconds": round(run.resources.seconds, 3),
        "peak_memory_bytes": run.resources.peak_memory,
        "peak_tmp_bytes": run.resources.peak_tmp,
        "tests": len(run.outcomes),
        "failed": len(run.failed()),
        "stopped": list(run.broken.promises) if run.broken else [],
        "deaths": list(run.deaths),
        "refusals_not_listed": run.unwatched,
        "machine": plan.machine.name if plan.machine else "",
    }
    matrix = summary.matrix
    if matrix and run.environment in matrix.coordinates:
        cell = matrix.cells.get(run.environment)
        facts["profile"] = matrix.profile(run.environment)
        facts["versions"] = _versions(matrix, run.environment)
        facts["cell"] = cell.cell.name if cell else ""
    return facts


def _versions(matrix: Matrix, environment: str) -> dict[str, str]:
    return dict(zip(matrix.version_axes, matrix.versions(environment), strict=True))


def _tests(summary: Summary) -> list[Facts]:
    rows = {row.nodeid: row for row in summary.rows}
    nodeids = dict.fromkeys(nodeid for run in summary.runs for nodeid in (*run.outcomes, *run.refusals))
    tests = []
    for nodeid in nodeids:
        outcomes = {run.environment: run.outcomes[nodeid] for run in summary.runs if nodeid in run.outcomes}
        test: Facts = {
            "nodeid": nodeid,
            "outcomes": {name: outcome.word for name, outcome in outcomes.items()},
        }
        own = next((outcome.own_environment for outcome in outcomes.values() if outcome.own_environment), "")
        refusals = {run.environment: run.refusals[nodeid] for run in summary.runs if nodeid in run.refusals}
        test |= {"own_environment": own} if own else {}
        test |= {"failures": _failures(rows[nodeid])} if nodeid in rows else {}
        test |= {"refusals": {name: list(map(_refusal, found)) for name, found in refusals.items()}} if refusals else {}
        measured = {run.environment: run.figures[nodeid] for run in summary.runs if nodeid in run.figures}
        test |= {"measured": {name: list(map(_figure, found)) for name, found in measured.items()}} if measured else {}
        tests.append(test)
    return tests


def _failures(row: Row) -> dict[str, Facts]:
    return {
        name: {
            "message": outcome.message,
            "verdict": row.verdicts[name].value,
            "on_host": _word(row.hosts.get(name) if row.hosts else row.on_host),
            "place": {"file": outcome.place[0], "line": outcome.place[1]} if outcome.place else None,
        }
        for name, outcome in row.outcomes.items()
        if outcome.bad
    }


def _word(outcome: Outcome | None) -> str | None:
    return outcome.word if outcome else None


def _refusal(refusal: Refusal) -> Facts:
    return refusal._asdict()


def _figure(figure: Figure) -> Facts:
    return figure._asdict()


def _loss(loss: Loss) -> Facts:
    return {
        "environments": list(loss.environments),
        "refusal": _refusal(loss.refusal),
        "nodeids": list(loss.nodeids),
    }


def _cause(cause: Cause, lineage: Mapping[str, Sequence[str]]) -> Facts:
    diagnosis = cause.diagnosis
    return {
        "explanation": diagnosis.text,
        "certain": diagnosis.certain,
        "silent": cause.silent,
        "library": diagnosis.library,
        "version": diagnosis.version,
        "rule": diagnosis.rule,
        "dimension": diagnosis.dimension,
        "place": diagnosis.place,
        "target": diagnosis.target,
        "error": diagnosis.error,
        "tests": {environment: list(nodeids) for environment, nodeids in cause.where.items()},
        "remedies": [_remedy(remedy) for remedy in diagnosis.remedies],
        "tried": [_trial(trial) for trial in cause.trials],
        "costs": [_cost(cost) for cost in cause.costs],
        "ready": [
            {"remedies": [remedy.title for remedy in one.remedies], "worked": one.worked, "forms": dict(one.forms)}
            for one in ready(cause, lineage)
        ],
    }


def _remedy(remedy: Remedy) -> Facts:
    seed = remedy.seed
    return {
        "title": remedy.title,
        "says": remedy.says,
        "set": dict(remedy.set),
        "unset": list(remedy.unset),
        "seed": seed._asdict() | {"sources": list(seed.sources)} if seed else None,
        "upgrade": remedy.upgrade,
        "guess": remedy.guess,
    }


def _trial(trial: Trial) -> Facts:
    return {
        "environment": trial.environment,
        "remedies": [remedy.title for remedy in trial.remedies],
        "works": trial.works,
        "passed": list(trial.passed),
        "failed": dict(trial.failed),
        "broken": dict(trial.broken),
        "seconds": round(trial.seconds, 3),
        "problem": trial.problem,
        "cell": trial.cell,
    }


def _cost(cost: Cost) -> Facts:
    return {
        "environment": cost.environment,
        "code": cost.code,
        "seconds": round(cost.without, 3),
        "seconds_with_remedy": round(cost.remedied, 3),
        "remedy": cost.remedy.title,
    }


def _group(group: Group, summary: Summary, places: Places) -> Facts:
    boxes = [_box(box, summary.matrix) for box in group.boxes] if summary.matrix else []
    return {
        "explanation": group.title,
        "boxes": boxes,
        "tests": [
            {
                "nodeid": row.nodeid,
                "reasons": [
                    {"where": told.where, "message": told.text, "environments": list(told.environments)}
                    for told in reasons(row, places)
                ],
            }
            for row in group.rows
        ],
    }


def _box(box: Box, matrix: Matrix) -> dict[str, list[str]]:
    """Return the values on the axes that matter."""
    return {axis: list(in_order(values)) for axis, values in zip(matrix.axes, box, strict=True) if values is not None}


def _matrix(matrix: Matrix) -> Facts:
    cells = {name: matrix.cells[environment] for name, environment in matrix.by_cell().items()}
    return {
        "axes": list(matrix.axes),
        "cells": [_cell(name, cell, _versions(matrix, matrix.by_cell()[name]), matrix) for name, cell in cells.items()],
    }


def _cell(name: str, cell: Ready | NotReady, versions: Mapping[str, str], matrix: Matrix) -> Facts:
    facts: Facts = {
        "name": name,
        "versions": dict(versions),
        "as_of": cell.cell.as_of,
        "requirements": [*cell.cell.pins, *cell.cell.extra],
        "state": "ready" if isinstance(cell, Ready) else cell.kind,
    }
    if isinstance(cell, NotReady):
        return facts | {"reason": cell.reason}
    return facts | {
        "python": cell.version,
        "interpreter": cell.python,
        "folder": cell.folder,
        "packages": dict(sorted(cell.packages.items())),
        "resolved": cell.resolved,
        "notes": list(cell.notes),
        "build_seconds": round(cell.seconds, 3),
        "findings": [_finding(one) for one in matrix.findings.get(name, ())],
        "audit": _audit(matrix.audits.get(name)),
    }


def _finding(finding: Finding) -> Facts:
    return finding._asdict() | {"details": list(finding.details)}


def _audit(audit: Audited | NotAudited | None) -> Facts | None:
    """Return what is known; null where nobody asked for an audit."""
    if audit is None:
        return None
    if isinstance(audit, NotAudited):
        return {"state": "not audited", "reason": audit.reason, "hint": audit.hint}
    return {
        "state": "audited",
        "service": audit.service,
        "vulnerabilities": [_vulnerability(one) for one in audit.vulnerabilities],
        "ignored": _ignored(audit.ignored),
        "checked": sorted(audit.checked),
        "unknown": dict(audit.unknown),
        "not_sent": dict(audit.kept_back),
        "notes": list(audit.notes),
        "asked_earlier_today": audit.remembered,
    }


def _vulnerability(one: Vulnerability) -> Facts:
    return one._asdict() | {"aliases": list(one.aliases), "fixed_in": list(one.fixed_in)}


def _ignored(several: Iterable[Ignored]) -> list[Facts]:
    return [
        _vulnerability(one.vulnerability) | {"ignored_because": one.reason, "ignored_until": one.until}
        for one in several
    ]
