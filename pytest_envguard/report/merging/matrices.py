"""The axes and cells of several runs as one matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.finding import Audited, Finding, NotAudited, Vulnerability
from pytest_envguard.model.matrix import ENVIRONMENT, HOST, Matrix
from pytest_envguard.report.printable import printable
from pytest_envguard.report.summary import Summary

_MOST = 3


def one_matrix(reports: Sequence[tuple[str, Summary]]) -> tuple[Matrix | None, tuple[str, ...]]:
    """Return where all environments lie on all axes, None without any, and what a reader should know of it.

    An axis that a run doesn't have says "of any version" for its environments.

    Raises:
        EnvguardError: Environments of different names lie at the same place.
    """
    matrices = [summary.matrix for _, summary in reports if summary.matrix]
    if not matrices:
        return None, ()
    versions = list(dict.fromkeys(axis for matrix in matrices for axis in matrix.version_axes))
    profiles = len(matrices) < len(reports) or any(ENVIRONMENT in matrix.axes for matrix in matrices)
    axes = (ENVIRONMENT, *versions) if profiles else tuple(versions)
    coordinates: dict[str, tuple[str, ...]] = {}
    taken: dict[tuple[str, ...], tuple[str, str]] = {}
    for where, summary in reports:
        for name, placed in _placed(summary).items():
            coordinates[name] = tuple(placed.get(axis, "") for axis in axes)
            other, there = taken.setdefault(coordinates[name], (name, where))
            if other != name and there != where:
                raise EnvguardError(
                    f"`{printable(other)}` in {there} and `{printable(name)}` in {where} are the same environment with "
                    "the same versions",
                    "merge reports of runs that ask for profiles in the same way (`--envguard`)",
                )
    cells, notes = _cells(reports)
    names = {cell.cell.name for cell in cells.values()}
    findings = {name: _findings(matrices, name) for name in names}
    audits = {name: audit for name in names if (audit := _audit(matrices, name)) is not None}
    return Matrix(axes, coordinates, cells, findings, audits), notes


def _placed(summary: Summary) -> dict[str, dict[str, str]]:
    """Return for each environment its value on each axis that it has."""
    profiles = {plan.name: HOST if plan.is_host else plan.made_from for plan in summary.plans}
    if summary.matrix is None:
        return {name: {ENVIRONMENT: profile} for name, profile in profiles.items()}
    matrix = summary.matrix
    return {
        name: {ENVIRONMENT: profiles.get(name, HOST), **dict(zip(matrix.axes, values, strict=True))}
        for name, values in matrix.coordinates.items()
    }


def _cells(reports: Iterable[tuple[str, Summary]]) -> tuple[dict[str, Ready | NotReady], tuple[str, ...]]:
    """Return each environment's cell: one for all of a name, as long as the same packages are in it."""
    first: dict[str, tuple[str, Ready | NotReady]] = {}
    cells: dict[str, Ready | NotReady] = {}
    notes: dict[str, None] = {}
    for where, summary in reports:
        for environment, cell in (summary.matrix.cells if summary.matrix else {}).items():
            there, known = first.setdefault(cell.cell.name, (where, cell))
            difference = _difference(known, cell)
            cells.setdefault(environment, cell if difference else known)
            if difference and there != where:
                notes[f"the cell {cell.cell.name} isn't the same in {there} and in {where}: {difference}"] = None
    return cells, tuple(notes)


def _difference(known: Ready | NotReady, other: Ready | NotReady) -> str:
    if not (isinstance(known, Ready) and isinstance(other, Ready)):
        states = [one.kind if isinstance(one, NotReady) else "ready" for one in (known, other)]
        return "" if states[0] == states[1] else " and ".join(states)
    if known.version != other.version:
        return f"Python {known.version} and {other.version}"
    if not (known.packages and other.packages):  # nobody knows those of one of them
        return ""
    names = sorted(known.packages.keys() | other.packages.keys())
    differing = [name for name in names if known.packages.get(name) != other.packages.get(name)]
    told = [f"{name} {known.packages.get(name, '-')} and {other.packages.get(name, '-')}" for name in differing[:_MOST]]
    return "; ".join([*told, *([f"{len(differing) - _MOST} more"] if len(differing) > _MOST else [])])


def _findings(matrices: Iterable[Matrix], cell: str) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(one for matrix in matrices for one in matrix.findings.get(cell, ())))


def _audit(matrices: Iterable[Matrix], cell: str) -> Audited | NotAudited | None:
    """Return what is known of a cell, from all that asked."""
    known = [matrix.audits[cell] for matrix in matrices if cell in matrix.audits]
    audited = [one for one in known if isinstance(one, Audited)]
    if not audited:
        return known[0] if known else None
    first, *others = audited
    for other in others:
        first = _both(first, other)
    return first


def _both(first: Audited, other: Audited) -> Audited:
    checked = {**other.checked, **first.checked}
    found: dict[tuple[str, str, str], Vulnerability] = {}
    for one in (*first.vulnerabilities, *other.vulnerabilities):
        found.setdefault((one.package, one.version, one.id), one)
    return first._replace(
        service=" and ".join(dict.fromkeys((first.service, other.service))),
        vulnerabilities=tuple(found.values()),
        checked=checked,
        unknown=_without(checked, {**other.unknown, **first.unknown}),
        kept_back=_without(checked, {**other.kept_back, **first.kept_back}),
        ignored=tuple(dict.fromkeys((*first.ignored, *other.ignored))),
        notes=tuple(dict.fromkeys((*first.notes, *other.notes))),
        remembered=first.remembered or other.remembered,
        seconds=first.seconds + other.seconds,
    )


def _without(checked: Mapping[str, str], packages: Mapping[str, str]) -> dict[str, str]:
    return {name: reason for name, reason in packages.items() if name not in checked}
