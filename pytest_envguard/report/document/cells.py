"""The version cells of a run as facts of a document, and back: each thing beside its inverse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_envguard.model.cell import Cell, NotReady, Ready
from pytest_envguard.model.finding import (
    CONFLICT,
    MISSING,
    PYTHON,
    TOO_BIG,
    TOO_OLD,
    UNREADABLE,
    Audited,
    Finding,
    Ignored,
    NotAudited,
    Vulnerability,
)
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report.document.taken import Part

Facts = dict[str, Any]

_READY, _AUDITED, _NOT_AUDITED = "ready", "audited", "not audited"
_FINDINGS = (MISSING, CONFLICT, TOO_OLD, PYTHON, TOO_BIG, UNREADABLE)


def versions(matrix: Matrix, environment: str) -> dict[str, str]:
    """Return axis to version, "" where the environment has none of its own."""
    return dict(zip(matrix.version_axes, matrix.versions(environment), strict=True))


def matrix_facts(matrix: Matrix) -> Facts:
    """Return the axes, where each environment lies on them, and each cell once."""
    return {
        "axes": list(matrix.axes),
        "coordinates": {name: list(values) for name, values in matrix.coordinates.items()},
        "cells": [_cell(cell, environments, matrix) for cell, environments in _distinct(matrix)],
    }


def read_matrix(document: Part) -> Matrix | None:
    """Return the matrix of a document, None if it has none."""
    if document.get("axes", None).is_null:
        return None
    axes = document["axes"].names()
    coordinates = {name: part.names() for name, part in document["coordinates"].members().items()}
    for name, values in coordinates.items():
        if len(values) != len(axes):
            raise document["coordinates"][name].wrong(f"a value for each of {len(axes)} axes")
    cells: dict[str, Ready | NotReady] = {}
    findings: dict[str, tuple[Finding, ...]] = {}
    audits: dict[str, Audited | NotAudited] = {}
    for part in document["cells"].parts():
        cell = _read_cell(part)
        for environment in part["environments"].parts():
            cells[environment.one_of(coordinates)] = cell
        if isinstance(cell, Ready):
            findings[cell.cell.name] = tuple(map(_read_finding, part["findings"].parts()))
            if (audit := _read_audit(part["audit"])) is not None:
                audits[cell.cell.name] = audit
    # In the order of the environments, by which reports name the first of several.
    ordered = {name: cells[name] for name in coordinates if name in cells}
    return Matrix(axes, coordinates, ordered, findings, audits)


def _distinct(matrix: Matrix) -> list[tuple[Ready | NotReady, list[str]]]:
    """Return each cell with its environments: usually one of a name, but merged runs may have made it twice."""
    by_name: dict[str, list[tuple[Ready | NotReady, list[str]]]] = {}
    for environment, cell in matrix.cells.items():
        alike = by_name.setdefault(cell.cell.name, [])
        known = next((environments for other, environments in alike if other == cell), None)
        if known is None:
            alike.append((cell, known := []))
        known.append(environment)
    return [each for alike in by_name.values() for each in alike]


def _cell(cell: Ready | NotReady, environments: list[str], matrix: Matrix) -> Facts:
    facts: Facts = {
        "name": cell.cell.name,
        "environments": environments,
        "versions": versions(matrix, environments[0]),
        "pinned": [list(pair) for pair in cell.cell.versions],
        "as_of": cell.cell.as_of,
        "extra": list(cell.cell.extra),
        "requirements": [*cell.cell.pins, *cell.cell.extra],
        "state": _READY if isinstance(cell, Ready) else cell.kind,
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
        "build_seconds": cell.seconds,
        "findings": [_finding(one) for one in matrix.findings.get(cell.cell.name, ())],
        "audit": _audit(matrix.audits.get(cell.cell.name)),
    }


def _read_cell(part: Part) -> Ready | NotReady:
    pinned = []
    for pair in part["pinned"].parts():
        axis, version = pair.names() if len(pair.parts()) == 2 else ("", "")
        if not axis:
            raise pair.wrong("an axis and its version")
        pinned.append((axis, version))
    cell = Cell(tuple(pinned), part["as_of"].text(), part["extra"].texts())
    if (state := part["state"].name()) != _READY:
        return NotReady(cell, state, part["reason"].text())
    return Ready(
        cell,
        part["folder"].text(),
        part["interpreter"].text(),
        "",  # base and path are for whoever runs something in it
        (),
        part["python"].name(),
        {name: version.name() for name, version in part["packages"].members().items()},
        part["resolved"].text(),
        part["notes"].texts(),
        part["build_seconds"].number(),
    )


def _finding(finding: Finding) -> Facts:
    return finding._asdict() | {"details": list(finding.details)}


def _read_finding(part: Part) -> Finding:
    package, text, by, environment = (part[key].text() for key in ("package", "text", "by", "environment"))
    return Finding(part["kind"].one_of(_FINDINGS), package, text, by, environment, part["details"].texts())


def _audit(audit: Audited | NotAudited | None) -> Facts | None:
    """Return what is known; null where nobody asked for an audit."""
    if audit is None:
        return None
    if isinstance(audit, NotAudited):
        return {"state": _NOT_AUDITED, "reason": audit.reason, "hint": audit.hint}
    return {
        "state": _AUDITED,
        "service": audit.service,
        "vulnerabilities": [_vulnerability(one) for one in audit.vulnerabilities],
        "ignored": _ignored(audit.ignored),
        "checked": dict(sorted(audit.checked.items())),
        "unknown": dict(audit.unknown),
        "not_sent": dict(audit.kept_back),
        "notes": list(audit.notes),
        "asked_earlier_today": audit.remembered,
        "seconds": audit.seconds,
    }


def _read_audit(part: Part) -> Audited | NotAudited | None:
    if part.is_null:
        return None
    if part["state"].one_of((_AUDITED, _NOT_AUDITED)) == _NOT_AUDITED:
        return NotAudited(part["reason"].text(), part["hint"].text())
    return Audited(
        part["service"].text(),
        tuple(map(_read_vulnerability, part["vulnerabilities"].parts())),
        {name: version.name() for name, version in part["checked"].members().items()},
        part["unknown"].table(),
        part["not_sent"].table(),
        tuple(
            Ignored(_read_vulnerability(one), one["ignored_because"].text(), one["ignored_until"].text())
            for one in part["ignored"].parts()
        ),
        part["notes"].texts(),
        part["asked_earlier_today"].flag(),
        part["seconds"].number(),
    )


def _vulnerability(one: Vulnerability) -> Facts:
    return one._asdict() | {"aliases": list(one.aliases), "fixed_in": list(one.fixed_in)}


def _read_vulnerability(part: Part) -> Vulnerability:
    package, version, name = (part[key].name() for key in ("package", "version", "id"))
    return Vulnerability(
        package, version, name, part["aliases"].names(), part["fixed_in"].names(), part["summary"].text()
    )


def _ignored(several: Iterable[Ignored]) -> list[Facts]:
    return [
        _vulnerability(one.vulnerability) | {"ignored_because": one.reason, "ignored_until": one.until}
        for one in several
    ]
