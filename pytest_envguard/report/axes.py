"""Which values of which axes tell failing cells from passing ones: pure, exact as long as that is cheap.

A cell is a point: a value on each axis. What fails is described by boxes, which hold a set of values on some axes and
whatever is on the others. A box holds no cell that passed; of cells that never ran it may hold some, which is why it
claims "whatever" only on an axis on which it has seen two values fail, and lists no value that it hasn't seen fail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

Coordinates = tuple[str, ...]
Box = tuple["frozenset[str] | None", ...]  # per axis the values; None: it doesn't matter

_STEPS_FOR_ONE = 20_000
_STEPS_FOR_ALL = 200_000
_MOST_GREEDY = 6
_MOST_AXES = 10  # of which every subset is tried


class Explainer:
    """Explains many tests: the same cells once, and within a budget of steps, so that hundreds of flaky tests end soon."""

    def __init__(self) -> None:
        self._known: dict[tuple[frozenset[Coordinates], frozenset[Coordinates]], tuple[Box, ...]] = {}
        self._left = _STEPS_FOR_ALL

    def __call__(self, failing: Collection[Coordinates], passing: Collection[Coordinates]) -> tuple[Box, ...]:
        """Return what `explain` does."""
        key = frozenset(failing), frozenset(passing)
        if key not in self._known:
            effort = Effort(min(self._left, _STEPS_FOR_ONE))
            before = effort.left
            self._known[key] = explain(*key, effort)
            self._left -= before - max(effort.left, 0)
        return self._known[key]


class Effort:
    """How many steps a search may still make."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self) -> bool:
        """Take one step; return whether there was one."""
        self.left -= 1
        return self.left >= 0


def explain(
    failing: Collection[Coordinates], passing: Collection[Coordinates], effort: Effort | None = None
) -> tuple[Box, ...]:
    """Return boxes that together hold all ``failing`` cells and none that is ``passing``.

    As few boxes as possible, of these the ones that mention the fewest axes, then the fewest values. With many cells that
    follow no pattern, when the effort is spent, there may be more of them than necessary.

    Args:
        failing: Cells in which a test failed, all with the same number of axes.
        passing: Cells in which it didn't.
        effort: What the search may cost; None for enough.
    """
    failing, passing = set(failing), set(passing) - set(failing)
    if not failing:
        return ()
    effort = effort or Effort(_STEPS_FOR_ONE)
    one = _one_box(failing, passing)
    if one is not None:
        return (one,)
    if effort.left <= 0:
        return _cell_by_cell(failing, passing)
    space = _Space(failing, passing)
    joins = _joins(space, effort)
    found = _cheapest_cover(space, _candidates(space, joins), effort) if joins else _greedy_cover(space)
    return tuple(space.box(candidate.sets, candidate.free) for candidate in found)


def _one_box(failing: set[Coordinates], passing: set[Coordinates]) -> Box | None:
    """Return the single box that explains all, or None: what nearly always is the answer, found without a search."""
    occurring = [set(values) for values in zip(*failing, *passing, strict=True)]
    shown = [set(values) for values in zip(*failing, strict=True)]
    matters = [axis for axis, values in enumerate(shown) if values != occurring[axis]]
    # On which axes a passing cell is outside: one of them must be mentioned.
    outside = {sum(1 << axis for axis in matters if cell[axis] not in shown[axis]) for cell in passing}
    if 0 in outside:
        return None
    fixed = sum(1 << axis for axis in matters if len(shown[axis]) == 1)
    always = fixed | sum(1 << axis for axis in matters[_MOST_AXES:])
    choices = dict.fromkeys(mentioned | always for mentioned in _subsets(matters))
    cheapest = min(
        (mentioned for mentioned in choices if all(mentioned & needed for needed in outside)),
        key=lambda mentioned: _cost_of_sets([len(values) for values in shown], mentioned),
    )
    return tuple(frozenset(values) if cheapest >> axis & 1 else None for axis, values in enumerate(shown))


def _cell_by_cell(failing: set[Coordinates], passing: set[Coordinates]) -> tuple[Box, ...]:
    varied = [len(set(values)) > 1 for values in zip(*failing, *passing, strict=True)]
    return tuple(
        tuple(frozenset((value,)) if told else None for value, told in zip(cell, varied, strict=True))
        for cell in sorted(failing)
    )


def _subsets(axes: Sequence[int]) -> Iterator[int]:
    tried = axes[:_MOST_AXES]
    for chosen in range(1 << len(tried)):
        yield sum(1 << axis for number, axis in enumerate(tried) if chosen >> number & 1)


def _cost_of_sets(sizes: Sequence[int], mentioned: int) -> tuple[int, int, int]:
    """How long a box is in words: axes mentioned, values mentioned; what is left is decided by the order of the axes."""
    values = sum(size for axis, size in enumerate(sizes) if mentioned >> axis & 1)
    return mentioned.bit_count(), values, mentioned


class _Space:
    """The evidence in numbers: values that behave the same are one, a cell is a bit, a set of cells an integer.

    Attributes:
        failing_cells: Per axis the bit of its class of values; likewise for sets of values, which are several bits.
        failing: Bits of the cells that failed.
        passing: Bits of those that passed.
    """

    def __init__(self, failing: set[Coordinates], passing: set[Coordinates]) -> None:
        cells, self._classes = _merged(failing, passing)
        numbered = list(enumerate(sorted(cells.items())))
        self.failing_cells = [tuple(1 << value for value in cell) for _, (cell, bad) in numbered if bad]
        self.failing = sum(1 << number for number, (_, bad) in numbered if bad)
        self.passing = sum(1 << number for number, (_, bad) in numbered if not bad)
        self._everything = self.failing | self.passing
        self._having = [[0] * len(classes) for classes in self._classes]
        for number, (cell, _) in numbered:
            for axis, value in enumerate(cell):
                self._having[axis][value] |= 1 << number
        self._known: list[dict[int, int]] = [{} for _ in self._classes]
        self.full = tuple((1 << len(classes)) - 1 for classes in self._classes)

    def inside(self, sets: Sequence[int], free: int = 0) -> int:
        """Return the cells of a box whose axes in ``free`` don't matter."""
        cells = self._everything
        for axis, values in enumerate(sets):
            if not free >> axis & 1:
                cells &= self._slice(axis, values)
        return cells

    def _slice(self, axis: int, values: int) -> int:
        known = self._known[axis].get(values)
        if known is None:
            known = 0
            for number, cells in enumerate(self._having[axis]):
                if values >> number & 1:
                    known |= cells
            self._known[axis][values] = known
        return known

    def size(self, axis: int, values: int) -> int:
        """Return how many values of the user's there are in a set."""
        return sum(len(names) for number, names in enumerate(self._classes[axis]) if values >> number & 1)

    def cost(self, sets: Sequence[int], free: int) -> tuple[int, int, int]:
        """Return how long the box is in words, as above."""
        mentioned = sum(
            1 << axis for axis in range(len(sets)) if not free >> axis & 1 and sets[axis] != self.full[axis]
        )
        return _cost_of_sets([self.size(axis, values) for axis, values in enumerate(sets)], mentioned)

    def may_be_free(self, sets: Sequence[int]) -> list[int]:
        """Return axes on which two values were seen, so that one may say that it doesn't matter."""
        return [axis for axis, values in enumerate(sets) if values != self.full[axis] and self.size(axis, values) > 1]

    def box(self, sets: Sequence[int], free: int) -> Box:
        """Return the box in the user's values."""
        return tuple(
            None
            if free >> axis & 1 or values == self.full[axis]
            else frozenset().union(*(names for n, names in enumerate(self._classes[axis]) if values >> n & 1))
            for axis, values in enumerate(sets)
        )


def _merged(
    failing: Iterable[Coordinates], passing: Iterable[Coordinates]
) -> tuple[dict[tuple[int, ...], bool], list[list[frozenset[str]]]]:
    """Replace values by numbers, the same for values whose cells did the same: no description tells them apart."""
    cells: dict[tuple[str | int, ...], bool] = {**dict.fromkeys(passing, False), **dict.fromkeys(failing, True)}
    classes: list[list[frozenset[str]]] = []
    for axis in range(len(next(iter(cells)))):
        behaviour: dict[str | int, set[tuple[tuple[str | int, ...], bool]]] = {}
        for cell, bad in cells.items():
            behaviour.setdefault(cell[axis], set()).add((cell[:axis] + cell[axis + 1 :], bad))
        alike: dict[frozenset[tuple[tuple[str | int, ...], bool]], list[str]] = {}
        for value in sorted(map(str, behaviour)):
            alike.setdefault(frozenset(behaviour[value]), []).append(value)
        number = {value: index for index, values in enumerate(alike.values()) for value in values}
        classes.append([frozenset(values) for values in alike.values()])
        cells = {(*cell[:axis], number[str(cell[axis])], *cell[axis + 1 :]): bad for cell, bad in cells.items()}
    return {tuple(map(int, cell)): bad for cell, bad in cells.items()}, classes


class _Candidate(NamedTuple):
    """A box that could be part of the description, and the failing cells in it."""

    cost: tuple[int, int, int]
    sets: tuple[int, ...]
    free: int
    holds: int


def _joins(space: _Space, effort: Effort) -> list[tuple[int, ...]]:
    """Return all smallest boxes around sets of failing cells that hold no passing one; none if that is too much."""
    singles = space.failing_cells
    seen = dict.fromkeys(singles, True)
    joins = list(singles)
    for join in joins:  # which grows
        for single in singles:
            if not effort.spend():
                return []
            wider = tuple(first | second for first, second in zip(join, single, strict=True))
            if wider not in seen:
                seen[wider] = not space.inside(wider) & space.passing
                if seen[wider]:
                    joins.append(wider)
    return joins


def _candidates(space: _Space, joins: Iterable[tuple[int, ...]]) -> list[_Candidate]:
    """Return the boxes worth a thought: for the same failing cells the cheapest, and no smaller one that costs as much."""
    best: dict[int, _Candidate] = {}
    for sets in joins:
        for free in _subsets(space.may_be_free(sets)):
            cells = space.inside(sets, free)
            if not cells & space.passing:
                candidate = _Candidate(space.cost(sets, free), sets, free, cells)
                known = best.get(cells)
                if known is None or candidate < known:
                    best[cells] = candidate
    kept: list[_Candidate] = []
    for candidate in sorted(best.values(), key=lambda one: (-one.holds.bit_count(), one)):
        if not any(candidate.holds & ~other.holds == 0 and other.cost <= candidate.cost for other in kept):
            kept.append(candidate)
    return sorted(kept)


def _cheapest_cover(space: _Space, candidates: list[_Candidate], effort: Effort) -> list[_Candidate]:
    """Return the fewest, then shortest candidates that hold all failing cells: branch and bound."""
    holders = {
        bit: [candidate for candidate in candidates if candidate.holds & bit]
        for bit in (1 << number for number in range(space.failing.bit_length()))
        if space.failing & bit
    }
    best: list[_Candidate] = []
    best_cost: tuple[int, int, int] | None = None

    def search(chosen: list[_Candidate], left: int) -> None:
        nonlocal best, best_cost
        cost = (len(chosen), sum(one.cost[0] for one in chosen), sum(one.cost[1] for one in chosen))
        if not left:
            if best_cost is None or cost < best_cost:
                best, best_cost = chosen, cost
            return
        # The first description is always finished.
        if best_cost is not None and (not effort.spend() or (cost[0] + 1, cost[1], cost[2]) >= best_cost):
            return
        fewest = min((bit for bit in holders if bit & left), key=lambda bit: len(holders[bit]))
        for candidate in sorted(holders[fewest], key=lambda one: (-(one.holds & left).bit_count(), one)):
            search([*chosen, candidate], left & ~candidate.holds)

    search([], space.failing)
    return sorted(best)


def _greedy_cover(space: _Space) -> list[_Candidate]:
    """Grow boxes around the first cells that none holds yet; what is left after a few follows no pattern."""
    found: list[_Candidate] = []
    left = space.failing
    for cell in space.failing_cells:
        if not space.inside(cell) & left:
            continue
        sets, free = cell, 0
        if len(found) < _MOST_GREEDY:
            for other in space.failing_cells:
                wider = tuple(first | second for first, second in zip(sets, other, strict=True))
                if not space.inside(wider) & space.passing:
                    sets = wider
            for axis in space.may_be_free(sets):
                if not space.inside(sets, free | 1 << axis) & space.passing:
                    free |= 1 << axis
        holds = space.inside(sets, free)
        left &= ~holds
        found.append(_Candidate(space.cost(sets, free), sets, free, holds))
    return found
