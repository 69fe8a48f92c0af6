"""Boxes of versions in words: "with tiktoken 0.7.0 in lambda, whatever litellm"."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from pytest_envguard.model.cell import PYTHON
from pytest_envguard.model.matrix import ENVIRONMENT, HOST, Matrix
from pytest_envguard.report.axes import Box, Coordinates

_MOST_BOXES = 3  # more than that explain nothing
_SHORTEST_RANGE = 3
_NOT_PINNED = "of any version"  # a cell of its own, such as one that is included, may leave an axis out


class Axes(NamedTuple):
    """The axes of a matrix with all their values, versions in their order."""

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, matrix: Matrix) -> Axes:
        """Return those of ``matrix``."""
        occurring = zip(*matrix.coordinates.values(), strict=True) if matrix.coordinates else [()] * len(matrix.axes)
        values = [dict.fromkeys(column) for column in occurring]
        return cls(
            matrix.axes,
            tuple(
                tuple(column) if name == ENVIRONMENT else in_order(column)
                for name, column in zip(matrix.axes, values, strict=True)
            ),
        )

    def of_versions(self) -> Axes:
        """Return them without that of profiles."""
        kept = [(name, values) for name, values in zip(self.names, self.values, strict=True) if name != ENVIRONMENT]
        return Axes(tuple(name for name, _ in kept), tuple(values for _, values in kept))


def in_order(versions: Iterable[str]) -> tuple[str, ...]:
    """Return versions from the oldest to the newest; what is none comes last."""
    from packaging.version import InvalidVersion, Version

    def key(text: str) -> tuple[bool, Version, str]:
        try:
            return False, Version(text), text
        except InvalidVersion:
            return True, Version("0"), text

    return tuple(sorted(versions, key=key))


def phrase(axes: Axes, boxes: Sequence[Box], cells: Collection[Coordinates], ran: Collection[Coordinates]) -> str:
    """Return where something holds, as in "fails …": "with litellm 1.53.9 in lambda, and also with tiktoken 0.7.0".

    Args:
        axes: Those of the matrix.
        boxes: What was found to describe ``cells``.
        cells: Where it holds.
        ran: All that was looked at.
    """
    if len(boxes) > _MOST_BOXES:
        return f"in {len(_of_matrix(axes, cells))} of {len(_of_matrix(axes, ran))} cells"
    tried = [set(values) for values in zip(*ran, strict=True)]
    if len(boxes) == 1:
        return _one(axes, boxes[0]) + _whatever(axes, boxes[0], tried)
    return ", and also ".join(_one(axes, box) + _everywhere(axes, box, tried) for box in boxes)


def _of_matrix(axes: Axes, cells: Iterable[Coordinates]) -> list[Coordinates]:
    """Leave out the comparison with the host."""
    return [cell for cell in cells if all(value in values for value, values in zip(cell, axes.values, strict=True))]


def label(axes: Axes, boxes: Sequence[Box], cells: Collection[Coordinates]) -> str:
    """Return the same in few words, as the beginning of a line: "lambda, litellm 1.53.9"; "" for everywhere."""
    if len(boxes) > _MOST_BOXES:
        return f"{len(cells)} cells"
    texts = []
    for box in boxes:
        profiles, versions = _parts(axes, box)
        texts.append(", ".join(filter(None, (_listed(profiles, "and"), " with ".join(versions)))))
    return " and ".join(texts) if all(texts) else ""


def coordinates_label(axes: Sequence[str], values: Sequence[str]) -> str:
    """Return one cell in words: "litellm 1.53.9 with tiktoken 0.7.0"."""
    placed = list(zip(axes, values, strict=True))
    profiles = [value for axis, value in placed if axis == ENVIRONMENT]
    versions = " with ".join(_version(axis, value or _NOT_PINNED) for axis, value in placed if axis != ENVIRONMENT)
    return ", ".join([*profiles, *([versions] if versions else [])])


def _parts(axes: Axes, box: Box) -> tuple[list[str], list[str]]:
    """Return a box's profiles, and for each axis of versions that matters its name and values."""
    profiles: list[str] = []
    versions: list[str] = []
    for name, values, chosen in zip(axes.names, axes.values, box, strict=True):
        if chosen is None:
            continue
        if name == ENVIRONMENT:
            profiles = [value for value in values if value in chosen] + [HOST] * (HOST in chosen and HOST not in values)
        else:
            versions.append(_version(name, _listed(_ranges(values, chosen), "or")))
    return profiles, versions


def _one(axes: Axes, box: Box) -> str:
    profiles, versions = _parts(axes, box)
    texts = []
    if versions:
        first, *others = versions
        texts.append(f"with {first}" + (f" together with {_listed(others, 'and')}" if others else ""))
    if profiles:
        inside = [profile for profile in profiles if profile != HOST]
        where = [f"in {_listed(inside, 'and')}"] if inside else []
        texts.append(_listed([*where, *(["on the host"] if HOST in profiles else [])], "and"))
    return " ".join(texts) or "in every cell"


def _everywhere(axes: Axes, box: Box, tried: Sequence[Collection[str]]) -> str:
    """Say that profiles made no difference, where several were tried."""
    for name, chosen, values in zip(axes.names, box, tried, strict=True):
        if name == ENVIRONMENT and chosen is None and len(values) > 1:
            return " in every environment"
    return ""


def _whatever(axes: Axes, box: Box, tried: Sequence[Collection[str]]) -> str:
    """Name what was tried and made no difference, where an axis of versions did."""
    told = list(zip(axes.names, box, tried, strict=True))
    if not any(chosen is not None and name != ENVIRONMENT for name, chosen, _ in told):
        return ""
    where = _everywhere(axes, box, tried)
    if where and any(name == ENVIRONMENT and HOST in values for name, _, values in told):
        where = ", on the host too"
    free = [_title(name) for name, chosen, values in told if chosen is None and name != ENVIRONMENT and len(values) > 1]
    return where + (f", whatever {_listed(free, 'and')}" if free else "")


def _ranges(values: Sequence[str], chosen: Collection[str]) -> list[str]:
    """Return the chosen ones of a row of values, three and more that follow each other as a range."""
    runs: list[list[str]] = [[]]
    for value in filter(None, values):
        if value in chosen:
            runs[-1].append(value)
        elif runs[-1]:
            runs.append([])
    texts: list[str] = []
    for run in runs:
        texts += [f"{run[0]} to {run[-1]}"] if len(run) >= _SHORTEST_RANGE else run
    return texts + [_NOT_PINNED] * ("" in chosen)


def _listed(texts: Sequence[str], joining: str) -> str:
    if not texts:
        return ""
    *most, last = texts
    return f"{', '.join(most)} {joining} {last}" if most else last


def _version(axis: str, values: str) -> str:
    return f"{_title(axis)} {values}"


def _title(axis: str) -> str:
    return "Python" if axis == PYTHON else axis
