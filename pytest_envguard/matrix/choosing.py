"""Which cells a set of versions is: all combinations of the axes or a covering array, without what is excluded. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.matrix.axes import RELEASE, Choice, Included, VersionSet
from pytest_envguard.matrix.covering import Space, pairwise
from pytest_envguard.model.cell import PYTHON, Cell

MOST_CELLS = 256  # of a run; what GitHub allows for the jobs of one matrix
_COUNTED = 20_000  # combinations, some 50 ms; beyond them an `exclude` isn't counted


Resolved = Mapping[str, Mapping[Choice, tuple[str, ...]]]


class _Value(NamedTuple):
    """One version on an axis, and the choices that stand for it."""

    version: str
    choices: frozenset[Choice]


def to_resolve(versions: VersionSet) -> dict[str, tuple[Choice, ...]]:
    """Return what an index must be asked before `choose`: package to choices, those of ``include`` with them.

    An exact one only has to exist. Interpreters aren't there: they stand for themselves.
    """
    asked: dict[str, dict[Choice, None]] = {}
    for axis in versions.axes:
        asked.setdefault(axis.name, {}).update(dict.fromkeys(axis.choices))
    for included in versions.include:
        for name, choice in included.versions:
            asked.setdefault(name, {})[choice] = None
    return {name: tuple(choices) for name, choices in asked.items() if name != PYTHON}


def choose(versions: VersionSet, resolved: Resolved) -> list[Cell]:
    """Return the cells of a set, in the order of its axes; those of ``include`` last.

    An ``include`` entry with the very versions of a combination takes its place, so no two cells have the same name.
    ``as_of`` is still `RELEASE` where the set says so; see `dated`.

    Args:
        versions: What was asked for.
        resolved: The answers to `to_resolve`: each choice to the versions it stands for.

    Raises:
        EnvguardError: An axis without versions, an ``exclude`` that names no axis, nothing left of the matrix, more than
            `MOST_CELLS`, or two ``include`` entries that differ in their date or requirements only.
    """
    axes = {axis.name: _values(versions, axis.name, axis.choices, resolved) for axis in versions.axes}
    space = Space([len(values) for values in axes.values()], _forbidden(versions, axes))
    included = _included_cells(versions, axes, resolved)
    cells: dict[tuple[tuple[str, str], ...], Cell] = {}
    if axes and not space.extendable(0) and not included:
        raise _none_left(versions, space)
    for row in _rows(versions, space) if axes else ():
        pins = tuple((name, values[at].version) for at, (name, values) in zip(row, axes.items(), strict=True))
        cells[pins] = Cell(pins, versions.as_of, versions.extra)
    cells.update(included)
    if len(cells) > MOST_CELLS:
        raise _too_many(versions, space, len(included))
    return list(cells.values())


def dated(cells: Iterable[Cell], released: Mapping[str, Mapping[str, str]]) -> list[Cell]:
    """Return the cells with a day instead of `RELEASE`: the one on which the newest of their pinned releases came out.

    Args:
        cells: From `choose`.
        released: Package to version to ISO date.

    Raises:
        EnvguardError: A pinned release has no date.
    """
    return [_dated(cell, released) if cell.as_of == RELEASE else cell for cell in cells]


def _dated(cell: Cell, released: Mapping[str, Mapping[str, str]]) -> Cell:
    days = []
    for name, version in cell.versions:
        if name == PYTHON:
            continue
        day = released.get(name, {}).get(version, "")
        if not day:
            raise EnvguardError(
                f"`as-of = {RELEASE}`: the index doesn't say when {name} {version} came out",
                "give a date: `as-of = 2024-06-20`",
            )
        days.append(day)
    return cell._replace(as_of=max(days, default=""))


def _values(versions: VersionSet, name: str, choices: Iterable[Choice], resolved: Resolved) -> list[_Value]:
    """Return the versions of an axis in the order of its choices, each once; 1.0 and 1.0.0 are one."""
    found: dict[Version, _Value] = {}
    for choice in choices:
        for text in _stands_for(name, choice, resolved):
            value = found.setdefault(Version(text), _Value(text, frozenset()))
            found[Version(text)] = value._replace(choices=value.choices | {choice})
    if not found:
        asked = ", ".join(choice.text for choice in choices)
        raise EnvguardError(f"{versions.where}: the axis `{name}` is empty: no release is `{asked}`")
    return list(found.values())


def _stands_for(name: str, choice: Choice, resolved: Resolved) -> tuple[str, ...]:
    return (choice.text,) if name == PYTHON else resolved[name][choice]


def _forbidden(versions: VersionSet, axes: Mapping[str, list[_Value]]) -> list[dict[int, frozenset[int]]]:
    """Return each ``exclude`` entry as what it means: a combination with one of the given values on each given axis."""
    positions = {name: position for position, name in enumerate(axes)}
    forbidden = []
    for entry in versions.exclude:
        for name, _ in entry:
            if name not in positions:
                raise EnvguardError(f"{versions.where}: `exclude`: no axis is named `{name}`", nearest(name, positions))
        forbidden.append(
            {
                positions[name]: frozenset(at for at, value in enumerate(axes[name]) if _matches(choice, value))
                for name, choice in entry
            }
        )
    return forbidden


def _matches(choice: Choice, value: _Value) -> bool:
    if choice.kind == "exact":
        return Version(choice.text) == Version(value.version)
    if choice.kind == "range":
        return SpecifierSet(choice.text).contains(value.version, prereleases=True)
    return choice in value.choices


def _included_cells(
    versions: VersionSet, axes: Mapping[str, list[_Value]], resolved: Resolved
) -> dict[tuple[tuple[str, str], ...], Cell]:
    cells: dict[tuple[tuple[str, str], ...], Cell] = {}
    for included in versions.include:
        pins = _pins(versions, included, axes, resolved)
        extra = tuple(dict.fromkeys((*versions.extra, *included.extra)))
        cell = Cell(pins, included.as_of or versions.as_of, extra)
        if cells.setdefault(pins, cell) != cell:
            raise EnvguardError(
                f"{versions.where}: `include`: two entries are the cell {cell.name}, with another `as-of` or `with`",
                "a run has one cell of a name: pin what differs, or put one of them into a set of its own",
            )
    return cells


def _pins(
    versions: VersionSet, included: Included, axes: Mapping[str, list[_Value]], resolved: Resolved
) -> tuple[tuple[str, str], ...]:
    """Return the versions of an ``include`` entry, the axes first and in their order, written as the axes have them."""
    own = dict(included.versions)
    pins = []
    for name in (*(name for name in axes if name in own), *(name for name in own if name not in axes)):
        (value,) = _values(versions, name, [own[name]], resolved)
        known = {Version(other.version): other.version for other in axes.get(name, ())}
        pins.append((name, known.get(Version(value.version), value.version)))
    return tuple(pins)


def _rows(versions: VersionSet, space: Space) -> list[tuple[int, ...]]:
    """Return the combinations that the set's strategy takes: more than `MOST_CELLS` of them stand for any such number."""
    if versions.strategy == "all" or space.more_pairs_than(MOST_CELLS):
        return list(islice(space.allowed(), MOST_CELLS + 1))
    return pairwise(space)


def _none_left(versions: VersionSet, space: Space) -> EnvguardError:
    shape = " × ".join(map(str, space.counts))
    what = f"{shape} combinations" if len(space.counts) > 1 else f"{shape} version{'s' * (shape != '1')}"
    return EnvguardError(f"{versions.where}: `exclude` leaves none of {what}", "exclude less")


def _too_many(versions: VersionSet, space: Space, included: int) -> EnvguardError:
    """Return the error that counts without building what is too much."""
    shape = " × ".join(map(str, space.counts))
    total = math.prod(space.counts)
    counted = f"{shape} = {total} cells" if len(space.counts) > 1 else f"{total} cells"
    if space.touched:
        left = sum(1 for _ in islice(space.allowed(), _COUNTED + 1))
        counted += f" ({left} without what is excluded)" if left <= _COUNTED else " (less what is excluded)"
    if included:
        counted += f" and {included} included"
    if len(space.counts) <= 2:
        fewest, hint = "", "take fewer versions; `strategy=pairwise` leaves nothing out here"
    else:
        beyond = space.more_pairs_than(MOST_CELLS)
        pairs = 0 if beyond else len(pairwise(space)) + included
        fewest = f"more than {MOST_CELLS}" if beyond else str(pairs)
        hint = f"`strategy=pairwise` has {fewest}: any two versions of different axes meet in one of them"
        if beyond or pairs > MOST_CELLS:
            hint = f"take fewer versions; `strategy=pairwise` has {fewest}, which is too many as well"
    if versions.strategy == "pairwise" and fewest:
        counted, hint = f"`strategy=pairwise` has {fewest} cells of {counted}", "take fewer versions"
    return EnvguardError(f"{versions.where}: {counted}; a run has {MOST_CELLS} at most", hint)
