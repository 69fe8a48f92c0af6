"""The header's lines about versions: which cells there are, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.report.folding import folded
from pytest_envguard.report.groups import count


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
    lines = [f"envguard: {count(len(cells), 'cell')} of {' × '.join(axes)}: {counts}"]
    if contents:
        lines += _wrapped(f"in each: {contents}")
    for note in dict.fromkeys(note for cell in ready for note in cell.notes):
        having = [cell.cell.name for cell in ready if note in cell.notes]
        where = "" if len(having) == len(cells) else f" ({having[0]}{_more(len(having) - 1)})"
        lines += _wrapped(f"note: {note}{where}")
    return lines


def _more(number: int) -> str:
    return f" and {number} more" if number else ""


def _wrapped(text: str) -> list[str]:
    return folded("  " + " ".join(text.split()), "    ")
