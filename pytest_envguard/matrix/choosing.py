"""Which cells a set of versions is: all combinations of the axes or a covering array, without what is excluded. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, combinations, cycle, islice, product
from random import Random
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.matrix.axes import RELEASE, Choice, Included, VersionSet
from pytest_envguard.model.cell import PYTHON, Cell

MOST_CELLS = 256  # of a run; what GitHub allows for the jobs of one matrix
_COUNTED = 20_000  # combinations, some 50 ms; beyond them an `exclude` isn't counted
_WORK = 300_000  # gains of a value that the search for a small array looks at, some 100 ms
_TRIES = (
    10,
    1,
    30,
    3,
)  # candidates for each row, search by search: more are better on the whole, one finds other arrays

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


class _Clause(NamedTuple):
    """What a combination mustn't be: a value of ``within`` on each of ``axes``.

    Attributes:
        within: The values, as bits.
        escape: The other values of the axes, as bits: a combination that has one of them isn't forbidden by this.
        axes: Positions.
    """

    within: int
    escape: int
    axes: tuple[int, ...]


class Space:
    """All combinations of one value of each axis, without those that are forbidden.

    A value is a number from 0, counted through all axes; a set of values, such as a combination that is half chosen, is an
    integer with these bits.

    Args:
        counts: How many values each axis has, at least one.
        forbidden: Each a position of an axis to positions of values on it; what has one of them on every axis is forbidden.
    """

    def __init__(self, counts: Sequence[int], forbidden: Iterable[Mapping[int, frozenset[int]]] = ()) -> None:
        self.counts = tuple(counts)
        starts = accumulate(counts, initial=0)
        self.axes = [range(start, start + count) for start, count in zip(starts, counts, strict=False)]
        self.whole = [_bits(axis) for axis in self.axes]
        self.touched = 0
        self._clauses: list[_Clause] = []
        for entry in forbidden:
            within = _bits(self.axes[axis][at] for axis, values in entry.items() for at in values)
            escape = sum(self.whole[axis] for axis in entry) & ~within
            self._clauses.append(_Clause(within, escape, tuple(entry)))
            self.touched |= within
        self._telling = [self._least_touched(axis) for axis in self.axes]

    @property
    def entries(self) -> int:
        """How many things are forbidden."""
        return len(self._clauses)

    def _least_touched(self, axis: range) -> list[int]:
        """Return the values of an axis that suffice to see whether one of them is allowed: none is forbidden by less."""
        by_clauses: dict[frozenset[int], int] = {}
        for value in axis:
            clauses = frozenset(n for n, clause in enumerate(self._clauses) if clause.within >> value & 1)
            by_clauses.setdefault(clauses, value)
        return [value for own, value in by_clauses.items() if not any(other < own for other in by_clauses)]

    def extendable(self, chosen: int) -> bool:
        """Whether some allowed combination has all of the ``chosen`` values."""
        return self._extendable(chosen, self._clauses)

    def _extendable(self, chosen: int, clauses: Iterable[_Clause]) -> bool:
        undecided = [clause for clause in clauses if not chosen & clause.escape]
        if not undecided:
            return True
        # The one with the fewest axes left decides most: where none is left, it's what the combination mustn't be.
        tightest = min(undecided, key=lambda clause: len(clause.axes) - (chosen & clause.within).bit_count())
        free = next((axis for axis in tightest.axes if not chosen & self.whole[axis]), None)
        return free is not None and any(
            self._extendable(chosen | 1 << value, undecided) for value in self._telling[free]
        )

    def admits(self, chosen: int, value: int) -> bool:
        """Whether ``chosen``, which is extendable, still is with ``value``: always if nothing forbidden has that value."""
        return not self.touched >> value & 1 or self.extendable(chosen | 1 << value)

    def allowed(self, chosen: int = 0) -> Iterator[tuple[int, ...]]:
        """Yield the allowed combinations with the ``chosen`` values of the first axes, as positions on the axes, in order."""
        axis = chosen.bit_count()
        if not chosen and not self.extendable(0):
            return
        if axis == len(self.axes):
            yield self.positions(chosen)
            return
        for value in self.axes[axis]:
            if self.admits(chosen, value):
                yield from self.allowed(chosen | 1 << value)

    def positions(self, chosen: int) -> tuple[int, ...]:
        """Return a combination as the position of its value on each axis."""
        own = zip(self.whole, self.axes, strict=True)
        return tuple((chosen & whole).bit_length() - 1 - axis.start for whole, axis in own)

    def partners(self) -> list[int]:
        """Return for each value those that it meets in some allowed combination, as bits."""
        partners = [0] * sum(self.counts)
        if not self.extendable(0):
            return partners
        possible = [_bits(value for value in axis if self.admits(0, value)) for axis in self.axes]
        for own, axis in zip(possible, self.axes, strict=True):
            for value in axis:
                partners[value] = (sum(possible) & ~own) * (own >> value & 1)
        for value, other in self._doubtful():
            if partners[value] >> other & 1 and not self.extendable(1 << value | 1 << other):
                partners[value] &= ~(1 << other)
                partners[other] &= ~(1 << value)
        return partners

    def _doubtful(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs of values of different axes that may not be allowed although each of the two is; see `admits`."""
        axes = [[value for value in axis if self.touched >> value & 1] for axis in self.axes]
        for one, other in combinations(axes, 2):
            yield from product(one, other)

    def more_pairs_than(self, limit: int) -> bool:
        """Whether two axes alone have more allowed pairs than ``limit``, each of which needs a combination of its own."""
        for one, other in combinations(self.axes, 2):
            if len(one) * len(other) > limit and self.extendable(0):
                pairs = (
                    (value, with_)
                    for value in one
                    if self.admits(0, value)
                    for with_ in other
                    if self.admits(1 << value, with_)
                )
                if next(islice(pairs, limit, None), None):
                    return True
        return False


def pairwise(space: Space) -> list[tuple[int, ...]]:
    """Return few combinations in which any two values of different axes meet that meet in an allowed one, in order.

    Row by row the best of some candidates (AETG: Cohen, Dalal, Fredman, Patton, IEEE Trans. Software Eng. 23(7), 1997), and the
    smallest of several such arrays. The same space has the same array every time.
    """
    if len(space.counts) < 2:
        return list(space.allowed())
    random = Random(0)  # noqa: S311 - it settles ties
    partners = space.partners()
    fewest = max(
        math.prod(pair) for pair in combinations(space.counts, 2)
    )  # no array is smaller where nothing is forbidden
    of_a_row = sum(space.counts) * (1 + space.entries // 10)
    affordable = max(1, _WORK // (of_a_row * fewest * 2))
    best: list[int] = []
    work = 0
    for tries in cycle(_TRIES):
        rows = _array(space, partners, min(tries, affordable), random)
        if not best or len(rows) < len(best):
            best = rows
        work += len(rows) * min(tries, affordable) * of_a_row
        if len(best) <= fewest or work >= _WORK:
            break
    return sorted(map(space.positions, best))


def _array(space: Space, partners: list[int], tries: int, random: Random) -> list[int]:
    """Return combinations in which every value meets its ``partners``."""
    unmet = list(partners)
    rows = []
    while any(unmet):
        missing = [others.bit_count() for others in unmet]
        firsts = _positions_of_most(missing)
        candidates = (_row(space, unmet, _one_of(firsts, random), random) for _ in range(tries))
        _, row = max(candidates)
        rows.append(row)
        unmet = [others & ~row if row >> value & 1 else others for value, others in enumerate(unmet)]
    return rows


def _row(space: Space, unmet: list[int], first: int, random: Random) -> tuple[int, int]:
    """Return how many pairs an allowed combination with the value ``first`` makes meet, at least one, and the combination."""
    order = [axis for axis in range(len(space.axes)) if not space.whole[axis] >> first & 1]
    order.sort(key=lambda _: random.random())
    # An axis on which `first` has a partner left comes next: so something is gained whatever happens on the others.
    order.sort(key=lambda axis: not unmet[first] & space.whole[axis])
    chosen, gained = 1 << first, 0
    for axis in order:
        values = space.axes[axis]
        gains = [(others & chosen).bit_count() for others in unmet[values.start : values.stop]]
        at = _one_of(_positions_of_most(gains), random)
        while not space.admits(chosen, values[at]):
            gains[at] = -1
            at = _one_of(_positions_of_most(gains), random)
        chosen |= 1 << values[at]
        gained += gains[at]
    return gained, chosen


def _positions_of_most(numbers: list[int]) -> list[int]:
    most = max(numbers)
    return [at for at, number in enumerate(numbers) if number == most]


def _one_of(choices: list[int], random: Random) -> int:
    return choices[int(random.random() * len(choices))]  # the one method whose sequence Python promises to keep


def _bits(values: Iterable[int]) -> int:
    return sum(1 << value for value in values)
