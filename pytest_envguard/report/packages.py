"""What is known about the packages of cells, in lines: what doesn't fit, what advisories say, what could not be had."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.finding import Audited, NotAudited, Vulnerability
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report.groups import Places, count
from pytest_envguard.report.phrases import in_order


class Lost(NamedTuple):
    """Cells that could not be had for the same reason.

    Attributes:
        where: Which, in words.
        kind: Such as "not resolvable".
        reason: What uv said.
        cells: Their names.
    """

    where: str
    kind: str
    reason: str
    cells: tuple[str, ...]


class Item(NamedTuple):
    """Something that is said about the packages of several cells.

    Attributes:
        where: Which cells, in words; "" for all.
        text: What.
        cells: Their names.
        details: More about it, a line each.
    """

    where: str
    text: str
    cells: tuple[str, ...]
    details: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All in one line; where isn't said twice."""
        if self.text.startswith((f"{self.where}:", f"{self.where} ")):
            return self.text
        return f"{self.where}: {self.text}" if self.where else self.text


class Advisories(NamedTuple):
    """What advisory services said about all cells.

    Attributes:
        found: Vulnerabilities, with the cells that have them, and the one that has the fix.
        ignored: Those that the project lives with.
        not_audited: Cells about which nothing is known, with the reason.
        scope: What an audit says of its own completeness, grouped.
    """

    found: list[Item]
    ignored: list[Item]
    not_audited: list[Item]
    scope: list[Item]


def lost(matrix: Matrix, places: Places) -> list[Lost]:
    """Return cells that could not be had, those with the same reason together."""
    together: dict[tuple[str, str], list[str]] = {}
    for environment in matrix.by_cell().values():
        cell = matrix.cells[environment]
        if isinstance(cell, NotReady):
            together.setdefault((cell.kind, cell.reason), []).append(environment)
    return [
        Lost(_where(matrix, places, names), kind, reason, tuple(matrix.cells[name].cell.name for name in names))
        for (kind, reason), names in together.items()
    ]


def notes(matrix: Matrix, places: Places) -> list[Item]:
    """Return what a user should know about how cells were made."""
    cells = [(name, matrix.cells[name]) for name in matrix.by_cell().values()]
    found = [(name, note) for name, cell in cells if isinstance(cell, Ready) for note in cell.notes]
    return _grouped(matrix, places, found)


def findings(matrix: Matrix, places: Places) -> list[Item]:
    """Return what was found wrong with packages before the suite ran."""
    environments = matrix.by_cell()
    found = [
        (environments[name], one)
        for name, several in matrix.findings.items()
        for one in several
        if name in environments
    ]
    texts = {one: f"{one.environment}: {one}" if one.environment else str(one) for _, one in found}
    details = {text: one.details for one, text in texts.items()}
    return _grouped(matrix, places, [(environment, texts[one]) for environment, one in found], details)


def advisories(matrix: Matrix, places: Places) -> Advisories:
    """Return what advisory services said, each advisory once."""
    environments = matrix.by_cell()
    audits = {environments[name]: audit for name, audit in matrix.audits.items() if name in environments}
    audited = {name: audit for name, audit in audits.items() if isinstance(audit, Audited)}
    unknown = [(name, str(audit)) for name, audit in audits.items() if isinstance(audit, NotAudited)]
    hints = {str(audit): (audit.hint,) for audit in audits.values() if isinstance(audit, NotAudited) and audit.hint}
    ignored = [(name, str(one)) for name, audit in audited.items() for one in audit.ignored]
    incomplete = [(name, _scope(audit)) for name, audit in audited.items()]
    return Advisories(
        _vulnerabilities(matrix, places, audited, list(audits)),
        _grouped(matrix, places, ignored, among=list(audits)),
        _grouped(matrix, places, unknown, hints, among=list(audits)),
        _grouped(matrix, places, incomplete, among=list(audits)),
    )


def _scope(audit: Audited) -> str:
    """What an audit covers, in its own words where it found nothing."""
    if not audit.vulnerabilities:
        return f"{audit} ({audit.service})"
    total = len(audit.checked) + len(audit.unknown) + len(audit.kept_back)
    return f"audited {len(audit.checked)} of {count(total, 'package')} ({audit.service})"


def _vulnerabilities(
    matrix: Matrix, places: Places, audited: Mapping[str, Audited], among: Collection[str]
) -> list[Item]:
    having: dict[tuple[str, str], list[tuple[str, Vulnerability]]] = {}
    for name, audit in audited.items():
        for one in audit.vulnerabilities:
            having.setdefault((one.package, one.id), []).append((name, one))
    items = []
    for found in having.values():
        one = found[0][1]._replace(version=" and ".join(dict.fromkeys(each.version for _, each in found)))
        names = [name for name, _ in found]
        item = _item(matrix, places, names, str(one), among)
        items.append(item._replace(details=tuple(_elsewhere(places, one, names, audited, among))))
    return items


def _elsewhere(
    places: Places,
    one: Vulnerability,
    having: Collection[str],
    audited: Mapping[str, Audited],
    among: Collection[str],
) -> Iterator[str]:
    """Say which other cells have the package without the advisory, and whether that is because they have the fix."""
    without: dict[str, list[str]] = {}
    for name, audit in audited.items():
        ignored = any(other.vulnerability.id == one.id for other in audit.ignored)
        if one.package in audit.checked and name not in having and not ignored:
            without.setdefault(audit.checked[one.package], []).append(name)
    fixed = False
    for version in in_order(without):
        where = places.versions(without[version], among)
        is_fix = bool(one.fixed_in) and in_order((version, one.fixed_in[0]))[-1] == version
        fixed |= is_fix
        shown = f"{one.package} {version}"
        # The package may be an axis itself.
        cells = where if where == shown or where.startswith(f"{shown} ") else ": ".join(filter(None, (shown, where)))
        yield f"{'fixed in' if is_fix else 'not affected:'} {cells}"
    if one.fixed_in and not fixed:
        yield "no cell of this matrix has the fix"


def _grouped(
    matrix: Matrix,
    places: Places,
    texts: Iterable[tuple[str, str]],
    details: Mapping[str, tuple[str, ...]] | None = None,
    among: Collection[str] = (),
) -> list[Item]:
    together: dict[str, list[str]] = {}
    for environment, text in texts:
        together.setdefault(text, []).append(environment)
    return [
        _item(matrix, places, names, text, among)._replace(details=(details or {}).get(text, ()))
        for text, names in together.items()
    ]


def _item(matrix: Matrix, places: Places, names: Sequence[str], text: str, among: Collection[str] = ()) -> Item:
    cells = tuple(matrix.cells[name].cell.name for name in names)
    return Item(_where(matrix, places, names, among), text, cells)


def _where(matrix: Matrix, places: Places, names: Sequence[str], among: Collection[str] = ()) -> str:
    """Name cells by their versions: an environment stands for those of all profiles."""
    return places.versions(names, among or list(matrix.by_cell().values()))
