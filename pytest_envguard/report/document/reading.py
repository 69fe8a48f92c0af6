"""A report's JSON, read back into the summary that it was written from: the inverse of `document`.

What others wrote is taken apart value by value, and the first that isn't as it should be is the one error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import BYTES, FREE, MISSING, OVER, SECONDS, TOO_FEW, UNCERTAIN, WITHIN, Figure
from pytest_envguard.model.cell import Ready
from pytest_envguard.model.host import Machine
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run, Verdict
from pytest_envguard.report.document.causes import read_cause
from pytest_envguard.report.document.cells import read_matrix
from pytest_envguard.report.document.taken import NotAsExpectedError, Part, distinct
from pytest_envguard.report.document.writing import SCHEMA, TOOL
from pytest_envguard.report.printable import printable
from pytest_envguard.report.summary import Invocation, Loss, Row, Summary

_WORDS = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
_UNITS, _VERDICTS = (SECONDS, BYTES), (WITHIN, OVER, UNCERTAIN, TOO_FEW, MISSING, FREE)
_STRENGTHS = {strength.name.lower(): strength for strength in Strength}
_JUDGED = {verdict.value: verdict for verdict in Verdict}
_BEGUN = {
    word[:end] for word in ("true", "false", "null", "-") for end in range(len(word) + 1)
}  # what a text can end in
_WRITE_ONE = "a report is written by `pytest --envguard=PROFILES --envguard-report=FILE.json`"


def read(text_or_facts: str | Mapping[str, Any], where: str) -> Summary:
    """Return the summary that a document stands for; `document` of it is the same document.

    Args:
        text_or_facts: The document, or its text.
        where: What errors call it, such as the file's name.

    Raises:
        EnvguardError: It isn't JSON, or not whole, or not a report, or one of a newer version, or something in it isn't
            what the schema says.
    """
    facts = _parsed(text_or_facts, where) if isinstance(text_or_facts, str) else dict(text_or_facts)
    _check_kind(facts, where)
    try:
        return _summary(Part(facts))
    except NotAsExpectedError as error:
        raise EnvguardError(
            f"{where} is not as pytest-envguard writes reports: {printable(str(error))}",
            "take the file that pytest wrote; `envguard report schema` prints what is expected",
        ) from None


def _parsed(text: str, where: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if not text.strip():
            what = "is empty"
        elif "Unterminated" in error.msg or text[error.pos : error.pos + 6].rstrip() in _BEGUN:
            what = f"is not whole: it ends in line {text.count(chr(10)) + (not text.endswith(chr(10)))}"
        else:
            what = f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise EnvguardError(f"{where} {what}", _WRITE_ONE) from None
    except RecursionError:
        raise EnvguardError(f"{where} is no report: its lists lie too deep in each other", _WRITE_ONE) from None
    except _NoNumberError as error:
        raise EnvguardError(f"{where} is not JSON, which has no number {error}", _WRITE_ONE) from None
    except ValueError:
        raise EnvguardError(f"{where} is no report: it has a number of thousands of digits", _WRITE_ONE) from None


class _NoNumberError(ValueError):
    """NaN or an infinity, which Python's parser takes."""


def _no_constant(name: str) -> NoReturn:
    raise _NoNumberError(name)


def _check_kind(facts: object, where: str) -> None:
    """Refuse what is no report of ours, and what a newer version has written."""
    tool = facts.get("tool") if isinstance(facts, dict) else None
    if not isinstance(facts, dict) or not isinstance(tool, dict) or tool.get("name") != TOOL:
        raise EnvguardError(f"{where} is JSON, but no report of pytest-envguard", _WRITE_ONE)
    schema = facts.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or not 1 <= schema < 2**31:
        raise EnvguardError(f"{where} is no report of pytest-envguard: its `schema` is no number from 1 on", _WRITE_ONE)
    if schema > SCHEMA:
        import pytest_envguard

        written = f" by pytest-envguard {printable(str(tool['version'])[:40])}" if "version" in tool else ""
        raise EnvguardError(
            f"{where} was written{written} with schema {schema}; pytest-envguard {pytest_envguard.__version__} reads {SCHEMA}",
            "install a newer one: `python -m pip install -U pytest-envguard`",
        )


def _summary(document: Part) -> Summary:
    matrix = read_matrix(document)
    told = document["environments"].parts()
    plans = [_plan(part, matrix) for part in told]
    distinct([(part["name"], plan.name) for part, plan in zip(told, plans, strict=True)])
    runs = {plan.name: _run(part, plan.name) for part, plan in zip(told, plans, strict=True)}
    tests = document["tests"].parts()
    distinct([(part["nodeid"], part["nodeid"].text()) for part in tests])
    rows = [row for part in tests if (row := _test(part, runs)) is not None]
    nodeids = [part["nodeid"].text() for part in tests]
    for part, run in zip(told, runs.values(), strict=True):  # once it's known which tests ran
        _put_in_order(part["order"], run, nodeids)
        _did_not_run(part["did_not_run"], run)
    return Summary(
        plans,
        list(runs.values()),
        rows,
        document["compared_with_host"].flag(),
        [_loss(part, runs) for part in document["refused_but_passed"].parts()],
        matrix,
        tuple(read_cause(part, runs) for part in document["causes"].parts()),
        tuple(map(_invocation, document["invocations"].parts())),
        document["notes"].texts(),
    )


def _invocation(part: Part) -> Invocation:
    texts = {key: part[key].text() for key in ("version", "project", "begun", "interrupted", "python", "pytest")}
    return Invocation(
        **texts,
        system=part["system"].text(),
        command=part["command"].texts(),
        seconds=part["seconds"].number(),
        processors=part["processors"].whole(),
        memory=part["memory"].whole(),
        environments=part["environments"].names(),
        failing=part.get("failing", []).texts(),
    )


def _plan(part: Part, matrix: Matrix | None) -> Plan:
    name, made_from = part["name"].name(), part["made_from"].name()
    cell = matrix.cells.get(name) if matrix and matrix.version_axes else None
    return Plan(
        name,
        part["summary"].text(),
        tuple(map(_enforcement, part["enforcement"].parts())),
        part["notes"].texts(),
        script={"trapped": True} if part["answers_system_calls"].flag() else {},
        cell=cell if isinstance(cell, Ready) else None,
        profile="" if made_from == name else made_from,
        machine=None if part["machine_facts"].is_null else _machine(part["machine_facts"]),
        lineage=part["lineage"].names(),
    )


def _enforcement(part: Part) -> Enforcement:
    strength = _STRENGTHS[part["strength"].one_of(_STRENGTHS)]
    dimension, value, mechanism, reason, mend = (
        part[key].text() for key in ("dimension", "value", "mechanism", "reason", "mend")
    )
    return Enforcement(dimension, value, strength, mechanism, reason, mend)


def _machine(part: Part) -> Machine:
    version = part["python"].name()
    if not all(number.isdecimal() and len(number) < 10 for number in version.split(".") if version):
        raise part["python"].wrong("a version such as 3.11.7")
    return Machine(
        part["name"].name(),
        version=tuple(map(int, version.split("."))) if version else (),
        system=part["system"].text(),
        processors=part["processors"].whole(),
        user=part["user"].text(),
        notes=part["notes"].texts(),
        lost=part["lost"].text(),
    )


def _run(part: Part, name: str) -> Run:
    used = Resources(part["seconds"].number(), part["peak_memory_bytes"].whole(), part["peak_tmp_bytes"].whole())
    return Run(
        name,
        resources=used,
        broken=Broken(stopped) if (stopped := part["stopped"].texts()) else None,
        deaths=list(part["deaths"].texts()),
        unwatched=part["refusals_not_listed"].text(),
    )


def _put_in_order(part: Part, run: Run, nodeids: Sequence[str]) -> None:
    """Let the tests of an environment follow each other as they ran, where that isn't as they stand in the document."""
    if part.is_null:
        return
    order = {nodeids[number]: None for one in part.parts() if (number := one.whole()) < len(nodeids)}
    if order.keys() != run.outcomes.keys():
        raise part.wrong(f"the numbers of all {len(run.outcomes)} tests that ran in {run.environment}")
    tables: tuple[dict[str, Any], ...] = (run.outcomes, run.refusals, run.seconds, run.figures)
    for table in tables:
        known = dict(table)
        table.clear()
        table.update({nodeid: known[nodeid] for nodeid in (*order, *known) if nodeid in known})


def _did_not_run(part: Part, run: Run) -> None:
    if not part.is_null:
        run.collected = (*run.outcomes, *part.texts())


def _test(part: Part, runs: Mapping[str, Run]) -> Row | None:
    """Note what happened to a test in all environments; return what is told of it if it fails in any."""
    nodeid, own = part["nodeid"].text(), part.get("own_environment", "").text()
    owns = part.get("own_environments", {}).table()
    failures = part.get("failures", {}).members()
    for name, word in part["outcomes"].members().items():
        run = _of(name, runs, part["outcomes"])
        outcome = Outcome(word.one_of(_WORDS), own_environment=owns.get(name, own))
        if outcome.bad != (name in failures):
            raise word.wrong("a failure where there is one in `failures`, and only there")
        if outcome.bad:
            told = failures[name]
            outcome = outcome._replace(message=told["message"].text(), place=_place(told["place"]))
        run.outcomes[nodeid] = outcome
    _note_more(part, nodeid, runs)
    if not failures:
        return None
    ran = {name: run for name, run in runs.items() if nodeid in run.outcomes}
    if not failures.keys() <= ran.keys():
        raise part["failures"].wrong("failures in environments in which the test ran")
    verdicts = {
        name: _JUDGED[failures[name]["verdict"].one_of(_JUDGED)] if name in failures else Verdict.PASSES for name in ran
    }
    hosts = {name: _outcome(one) for name, one in part.get("hosts", {}).members().items()}
    return Row(
        nodeid,
        {name: run.outcomes[nodeid] for name, run in ran.items()},
        verdicts,
        None if part["on_host"].is_null else _outcome(part["on_host"]),
        {name: run.refusals[nodeid] for name, run in runs.items() if nodeid in run.refusals},
        hosts,
    )


def _note_more(part: Part, nodeid: str, runs: Mapping[str, Run]) -> None:
    """Note what was refused to a test, what was measured in it, and how long it took."""
    for name, found in part.get("refusals", {}).members().items():
        _of(name, runs, part["refusals"]).refusals[nodeid] = tuple(map(_refusal, found.parts()))
    for name, found in part.get("measured", {}).members().items():
        _of(name, runs, part["measured"]).figures[nodeid] = tuple(map(_figure, found.parts()))
    for name, found in part.get("seconds", {}).members().items():
        _of(name, runs, part["seconds"]).seconds[nodeid] = found.number()


def _of(name: str, runs: Mapping[str, Run], part: Part) -> Run:
    if name not in runs:
        raise Part(name, part.place).wrong("an environment of this run")
    return runs[name]


def _outcome(part: Part) -> Outcome:
    word, message, own = part["word"].one_of(_WORDS), part["message"].text(), part["own_environment"].text()
    return Outcome(word, message, own, _place(part["place"]))


def _place(part: Part) -> tuple[str, int] | None:
    return None if part.is_null else (part["file"].text(), part["line"].whole())


def _refusal(part: Part) -> Refusal:
    operation, target, error, library, place = (
        part[key].text() for key in ("operation", "target", "error", "library", "place")
    )
    times, phase, process = part["times"].whole(), part["phase"].text(), part["process"].text()
    return Refusal(operation, target, error, library, place, times, phase, process)


def _figure(part: Part) -> Figure:
    value, limit, low, high = (
        None if part[key].is_null else part[key].number() for key in ("value", "limit", "low", "high")
    )
    name, unit, verdict = part["name"].text(), part["unit"].one_of(_UNITS), part["verdict"].one_of(_VERDICTS)
    return Figure(name, unit, value, limit, verdict, low, high, part["note"].text())


def _loss(part: Part, runs: Mapping[str, Run]) -> Loss:
    names = tuple(one.one_of(runs) for one in part["environments"].parts())
    nodeids = part["nodeids"].texts()
    if not names or not nodeids:
        raise part.wrong("at least one environment and one test")
    return Loss(names, _refusal(part["refusal"]), nodeids)
