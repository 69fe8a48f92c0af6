"""Small plots as SVG: shapes only, their texts stand beside them. Pure.

Sizes and colours are classes and attributes: a style attribute would need a hole in the page's policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

_WIDTH, _HEIGHT = 240, 36
_MOST_BINS = 120


class Span(NamedTuple):
    """What was measured, on an axis that begins at 0.

    Attributes:
        value: The figure.
        low: What the true value is at least.
        high: What it is at most.
        limit: The budget; None where there's none.
        most: The end of the axis.
        over: Whether it's over the budget.
    """

    value: float
    low: float
    high: float
    limit: float | None
    most: float
    over: bool


def bins(values: Sequence[float], most: int = _MOST_BINS) -> list[float]:
    """Return at most as many values, each the largest of those that it stands for."""
    if len(values) <= most:
        return list(values)
    edges = [len(values) * at // most for at in range(most + 1)]
    return [max(values[start:end]) for start, end in pairwise(edges)]


def timeline(values: Sequence[float], most: float, title: str) -> Markup:
    """Return columns, one for each value in its order, on an axis from 0 to ``most``."""
    drawn = bins(values)
    step = _WIDTH / max(len(drawn), 1)
    path = "".join(
        f"M{_number(at * step)} {_HEIGHT}V{_number(_HEIGHT - _height(value, most))}H{_number((at + 1) * step)}V{_HEIGHT}"
        for at, value in enumerate(drawn)
    )
    return _image(
        "timeline", f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none"', f'<path d="{path}"/>', title
    )


def _height(value: float, most: float) -> float:
    """Return a height that can be seen, however small it is."""
    return max(0.75, min(1.0, value / most) * (_HEIGHT - 1)) if most > 0 else 0.75


def bar(value: float, most: float, title: str) -> Markup:
    """Return a bar as long as its share of ``most``."""
    return _image(
        "bar",
        "",
        f'<rect width="100%" height="100%" class="track"/><rect width="{_share(value, most)}" height="100%"/>',
        title,
    )


def span(one: Span, title: str) -> Markup:
    """Return a dot between the ends of its noise, and the budget as a line."""
    noise = (
        f'<line x1="{_share(one.low, one.most)}" x2="{_share(one.high, one.most)}" y1="50%" y2="50%" class="noise"/>'
    )
    at = _share(one.value, one.most)
    dot = f'<circle cx="{at}" cy="50%" r="4" class="{"over" if one.over else "within"}"/>'
    limit = (
        ""
        if one.limit is None
        else f'<line x1="{_share(one.limit, one.most)}" x2="{_share(one.limit, one.most)}" y1="0" y2="100%" class="limit"/>'
    )
    axis = '<line x1="0" x2="100%" y1="50%" y2="50%" class="axis"/>'
    return _image("span", "", axis + noise + limit + dot, title)


def _image(kind: str, attributes: str, shapes: str, title: str) -> Markup:
    words = Markup('<svg class="{}" role="img" aria-label="{}" ').format(kind, title)
    return words + Markup(f"{attributes}>{shapes}</svg>")  # noqa: S704  # numbers and words of this file


def _share(value: float, most: float) -> str:
    return f"{_number(100 * min(1.0, max(0.0, value / most)) if most > 0 else 0.0)}%"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
