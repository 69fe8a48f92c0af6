"""The run as one JSON document, with every fact that the other reports choose from; `reading` is its inverse."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest_envguard
from pytest_envguard.model.budget import Figure
from pytest_envguard.model.host import Machine
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.axes import Box
from pytest_envguard.report.causes import lineages
from pytest_envguard.report.document.causes import cause_facts
from pytest_envguard.report.document.cells import matrix_facts, versions
from pytest_envguard.report.groups import Group, Places, groups, reasons
from pytest_envguard.report.phrases import in_order
from pytest_envguard.report.summary import Invocation, Loss, Row, Summary

SCHEMA = 1  # counts up when a reader of the former one would misunderstand
TOOL = "pytest-envguard"

Facts = dict[str, Any]


def document(summary: Summary) -> Facts:
    """Return the run in lists, dicts, texts and numbers; `schema.json` says what each of them is.

    ``outcomes`` of a test are one word for each environment; what went wrong stands in ``failures``. ``groups``, and what
    is ``ready`` of a cause, follow from the rest.
    """
    places = Places(summary.matrix)
    nodeids = _nodeids(summary)
    lineage = lineages(summary)
    facts: Facts = {
        "schema": SCHEMA,
        "tool": {"name": TOOL, "version": pytest_envguard.__version__},
        "invocations": [_invocation(one) for one in summary.invocations],
        "notes": list(summary.notes),
        "environments": [
            _environment(plan, run, nodeids, summary.matrix)
            for plan, run in zip(summary.plans, summary.runs, strict=True)
        ],
        "compared_with_host": summary.compared,
        "tests": _tests(nodeids, summary),
        "groups": [_group(group, summary, places) for group in groups(summary, places)],
        "refused_but_passed": [_loss(loss) for loss in summary.losses],
        "causes": [cause_facts(cause, lineage) for cause in summary.causes],
    }
    return facts | (matrix_facts(summary.matrix) if summary.matrix else {})


def dumps(summary: Summary) -> str:
    """Return the document as text, the same for the same run: in the order of the environments and of the tests."""
    text = json.dumps(document(summary), indent=1, ensure_ascii=False, allow_nan=False)
    # What no encoding has (a file name's odd byte) is left as JSON's own escape.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def _invocation(one: Invocation) -> Facts:
    lists = {"command": one.command, "environments": one.environments, "failing": one.failing}
    return one._asdict() | {name: list(texts) for name, texts in lists.items()}


def _environment(plan: Plan, run: Run, nodeids: Mapping[str, int], matrix: Matrix | None) -> Facts:
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
                "mend": item.mend,
            }
            for item in plan.enforcements
        ],
        "answers_system_calls": bool(plan.script.get("trapped")),
        "made_from": plan.made_from,
        "lineage": list(plan.lineage),
        "notes": list(plan.notes),
        "seconds": run.resources.seconds,
        "peak_memory_bytes": run.resources.peak_memory,
        "peak_tmp_bytes": run.resources.peak_tmp,
        "tests": len(run.outcomes),
        "failed": len(run.failed()),
        "stopped": list(run.broken.promises) if run.broken else [],
        "deaths": list(run.deaths),
        "refusals_not_listed": run.unwatched,
        "did_not_run": None if run.collected is None else [one for one in run.collected if one not in run.outcomes],
        "order": _order(run, nodeids),
        "machine": plan.machine.name if plan.machine else "",
        "machine_facts": _machine(plan.machine) if plan.machine else None,
    }
    if matrix and run.environment in matrix.coordinates:
        cell = matrix.cells.get(run.environment)
        facts["profile"] = matrix.profile(run.environment)
        facts["versions"] = versions(matrix, run.environment)
        facts["cell"] = cell.cell.name if cell else ""
    return facts


def _machine(machine: Machine) -> Facts:
    """Return what a reader wants to know of another machine, without what it takes to start workers there."""
    return {
        "name": machine.name,
        "python": ".".join(map(str, machine.version)),
        "system": machine.system,
        "processors": machine.processors,
        "user": machine.user,
        "notes": list(machine.notes),
        "lost": machine.lost,
    }


def _nodeids(summary: Summary) -> dict[str, int]:
    """Return all tests, those that ended first: then who reads them in this order, and writes them again, writes the same."""
    ended = (nodeid for run in summary.runs for nodeid in run.outcomes)
    refused = (nodeid for run in summary.runs for nodeid in run.refusals)
    return {nodeid: number for number, nodeid in enumerate(dict.fromkeys((*ended, *refused)))}


def _order(run: Run, nodeids: Mapping[str, int]) -> list[int] | None:
    numbers = [nodeids[nodeid] for nodeid in run.outcomes]
    return None if numbers == sorted(numbers) else numbers


def _tests(nodeids: Iterable[str], summary: Summary) -> list[Facts]:
    rows = {row.nodeid: row for row in summary.rows}
    return [_test(nodeid, summary.runs, rows.get(nodeid)) for nodeid in nodeids]


def _test(nodeid: str, runs: Sequence[Run], row: Row | None) -> Facts:
    outcomes = {run.environment: run.outcomes[nodeid] for run in runs if nodeid in run.outcomes}
    test: Facts = {
        "nodeid": nodeid,
        "outcomes": {name: outcome.word for name, outcome in outcomes.items()},
    }
    own = next((outcome.own_environment for outcome in outcomes.values() if outcome.own_environment), "")
    test |= {"own_environment": own} if own else {}
    if any(outcome.own_environment != own for outcome in outcomes.values()):  # a worker that died couldn't say it
        test["own_environments"] = {name: outcome.own_environment for name, outcome in outcomes.items()}
    if row:
        test |= {"failures": _failures(row), "on_host": _outcome(row.on_host)}
        test |= {"hosts": {name: _outcome(outcome) for name, outcome in row.hosts.items()}} if row.hosts else {}
    several: Facts = {
        "refusals": {run.environment: _listed(run.refusals[nodeid]) for run in runs if nodeid in run.refusals},
        "measured": {run.environment: list(map(_figure, run.figures[nodeid])) for run in runs if nodeid in run.figures},
        "seconds": {run.environment: run.seconds[nodeid] for run in runs if nodeid in run.seconds},
    }
    return test | {key: facts for key, facts in several.items() if facts}


def _outcome(outcome: Outcome | None) -> Facts | None:
    if outcome is None:
        return None
    return outcome._asdict() | {"place": _place(outcome.place)}


def _place(place: tuple[str, int] | None) -> Facts | None:
    return {"file": place[0], "line": place[1]} if place else None


def _listed(refusals: Sequence[Refusal]) -> list[Facts]:
    return [refusal._asdict() for refusal in refusals]


def _failures(row: Row) -> dict[str, Facts]:
    return {
        name: {
            "message": outcome.message,
            "verdict": row.verdicts[name].value,
            "on_host": _word(row.hosts.get(name) if row.hosts else row.on_host),
            "place": _place(outcome.place),
        }
        for name, outcome in row.outcomes.items()
        if outcome.bad
    }


def _word(outcome: Outcome | None) -> str | None:
    return outcome.word if outcome else None


def _figure(figure: Figure) -> Facts:
    # JSON has no infinity, and "at most infinity" says nothing.
    return {
        key: None if isinstance(fact, float) and not math.isfinite(fact) else fact
        for key, fact in figure._asdict().items()
    }


def _loss(loss: Loss) -> Facts:
    return {
        "environments": list(loss.environments),
        "refusal": loss.refusal._asdict(),
        "nodeids": list(loss.nodeids),
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
