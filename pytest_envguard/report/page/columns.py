"""The columns of the matrix: environments and versions, with what enforces them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from pytest_envguard.model.matrix import ENVIRONMENT, HOST, Matrix
from pytest_envguard.report.enforcement import mechanism
from pytest_envguard.report.page.shown import title_of
from pytest_envguard.report.phrases import in_order
from pytest_envguard.report.summary import Summary

_FEW_COLUMNS = 5  # as many have room for words
_MOST_BESIDE = 16  # more don't fit beside the names of tests
_LETTER = 7  # pixels, about
_WIDTHS = {"few": 104, "some": 34, "many": 26}  # pixels of a column, as in the style sheet


class Head(NamedTuple):
    """One heading above columns.

    Attributes:
        text: What it says.
        span: Above how many.
        upright: Whether there's no room for it unless it's turned.
    """

    text: str
    span: int
    upright: bool


class Level(NamedTuple):
    """A row of headings: the environments, the versions on an axis, or the fidelity."""

    title: str
    heads: tuple[Head, ...]


class Columns(NamedTuple):
    """The columns of the matrix.

    Attributes:
        names: Environments, in the order in which they're shown.
        levels: Their headings, from the top.
        compared: Whether the last column, which isn't among ``names``, is the host.
        room: "few", "some" or "many".
    """

    names: tuple[str, ...]
    levels: tuple[Level, ...]
    compared: bool
    room: str

    @property
    def width(self) -> int:
        """How many there are."""
        return len(self.names) + self.compared


def columns(summary: Summary) -> Columns:
    """Return the columns of the matrix: environments by their place on the axes, and the host where it was compared with."""
    names = [run.environment for run in summary.runs]
    matrix = summary.matrix
    if matrix:
        names.sort(key=_position(matrix, names))
    compared = matrix is None and HOST not in names and any(row.on_host for row in summary.rows)
    number = len(names) + compared
    room = "few" if number <= _FEW_COLUMNS else "some" if number <= _MOST_BESIDE else "many"
    rows = [*_placed(names, matrix), ("enforced by", _fidelity(summary, names))]
    beside = {"enforced by": "compared"}
    levels = tuple(
        Level(title, _heads([*texts, *([beside.get(title, HOST)] * compared)], _WIDTHS[room])) for title, texts in rows
    )
    return Columns(tuple(names), levels, compared, room)


def _position(matrix: Matrix, names: Sequence[str]) -> Callable[[str], tuple[bool, list[int]]]:
    """Return a key to sort environments by: profiles in the user's order, versions from the oldest."""
    orders: list[dict[str, int]] = []
    placed = [matrix.coordinates[name] for name in names if name in matrix.coordinates]
    for axis, values in zip(matrix.axes, zip(*placed, strict=True), strict=False):
        known = tuple(dict.fromkeys(values))
        orders.append({value: at for at, value in enumerate(known if axis == ENVIRONMENT else in_order(known))})

    def key(name: str) -> tuple[bool, list[int]]:
        if name not in matrix.coordinates:
            return True, []
        return False, [order[value] for order, value in zip(orders, matrix.coordinates[name], strict=True)]

    return key


def _placed(names: Sequence[str], matrix: Matrix | None) -> Iterable[tuple[str, list[str]]]:
    if matrix is None:
        yield "environment", list(names)
        return
    for at, axis in enumerate(matrix.axes):
        texts = [matrix.coordinates[name][at] if name in matrix.coordinates else "" for name in names]
        if axis == ENVIRONMENT:
            texts = [text or name for text, name in zip(texts, names, strict=True)]
        yield title_of(axis), texts


def _fidelity(summary: Summary, names: Sequence[str]) -> list[str]:
    said = {run.environment: mechanism(plan) for plan, run in zip(summary.plans, summary.runs, strict=True)}
    return [said[name] for name in names]


def _heads(texts: Sequence[str], width: int) -> tuple[Head, ...]:
    """Return headings, equal ones beside each other as one; all are turned if one has no room."""
    found = [(text, len(list(same))) for text, same in groupby(texts)]
    if width < _WIDTHS["few"] and not all(_fits(text, span * width) for text, span in found):
        return tuple(Head(text, 1, upright=True) for text in texts)
    return tuple(Head(text, span, upright=False) for text, span in found)


def _fits(text: str, width: int) -> bool:
    """Whether a text fits in two lines of ``width`` pixels."""
    longest = max(map(len, text.split()), default=0)
    return longest * _LETTER <= width and len(text) * _LETTER <= 2 * width
