"""The header's lines about versions: which cells there are, and what became of them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pytest_envguard.model.cell import NotReady, Ready

_WIDTH = 80


def cell_lines(cells: Sequence[Ready | NotReady], contents: str) -> list[str]:
    """Return the lines of pytest's header about the cells of a matrix.

    Args:
        cells: All of them.
        contents: What is installed besides the versions, in words.
    """
    ready = [cell for cell in cells if isinstance(cell, Ready)]
    axes = list(dict.fromkeys(axis for cell in cells for axis, _ in cell.cell.versions))
    rest: dict[str, int] = {}
    for cell in cells:
        if isinstance(cell, NotReady):
            rest[cell.kind] = rest.get(cell.kind, 0) + 1
    counts = ", ".join([f"{len(ready)} ready", *(f"{number} {kind}" for kind, number in rest.items())])
    lines = [f"envguard: {_count(len(cells))} of {' × '.join(axes)}: {counts}"]
    if contents:
        lines += _wrapped(f"in each: {contents}")
    for note in dict.fromkeys(note for cell in ready for note in cell.notes):
        having = [cell.cell.name for cell in ready if note in cell.notes]
        where = "" if len(having) == len(cells) else f" ({having[0]}{_more(len(having) - 1)})"
        lines += _wrapped(f"note: {note}{where}")
    return lines


def _count(number: int) -> str:
    return f"{number} cell{'s' * (number != 1)}"


def _more(number: int) -> str:
    return f" and {number} more" if number else ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap("  " + text, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
