"""The closing table, drawn within 80 columns, or those of a narrower terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_envguard.report.folding import folded, room
from pytest_envguard.report.grid import MARKS, Grid
from pytest_envguard.report.printable import columns as width_of
from pytest_envguard.report.printable import ending, filled

_SHORTEST = 20  # columns to which names of tests are cut before environments lose theirs
_LONGEST_MARK = 7
_TOGETHER = "\N{NO-BREAK SPACE}"  # where no line is folded
_LETTERS = {"passes": ".", "FAILS": "F", "ERROR": "E", "skips": "s", "xfails": "x", "xpasses": "X", "-": "-"}


def lines(table: Grid) -> Iterator[str]:
    """Draw a table: with the names of its columns where they fit on the terminal, else with their numbers."""
    if table.rows:
        width = room()
        heads, cells = _widths(table)
        gaps = len(heads) + len(cells) - 1
        least = min(heads[0], _SHORTEST) if table.of_tests else sum(heads)
        gap = next((gap for gap in ("  ", " ") if least + sum(cells) + gaps * len(gap) <= width), "")
        if not gap:
            yield from _numbered(table, heads, width)
        elif table.of_tests:
            yield from _drawn(table, [min(heads[0], width - sum(cells) - gaps * len(gap))], cells, gap)
        else:
            yield from _drawn(table, heads, cells, gap)
    yield from table.left_out


def _widths(table: Grid) -> tuple[list[int], list[int]]:
    heads = [_widest(texts) for texts in zip(table.axes, *(versions for versions, _ in table.rows), strict=True)]
    cells = [_widest(texts) for texts in zip(table.columns, *(results for _, results in table.rows), strict=True)]
    return heads, [max(_LONGEST_MARK, cell) for cell in cells] if table.of_tests else cells


def _widest(texts: Sequence[str]) -> int:
    return max(map(width_of, texts))


def _drawn(table: Grid, heads: Sequence[int], cells: Sequence[int], gap: str) -> Iterator[str]:
    widths = [*heads, *cells]
    for versions, results in [(table.axes, table.columns), *table.rows]:
        # Of a node id the list above the table has the beginning.
        texts = [*(ending(text, head) for text, head in zip(versions, heads, strict=True)), *results]
        yield gap.join(filled(text, width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _numbered(table: Grid, heads: Sequence[int], width: int) -> Iterator[str]:
    """Draw it with numbers for names, in as many pieces as it takes, and say below what they mean."""
    numbers = tuple(str(number) for number in range(1, len(table.columns) + 1))
    letters = _LETTERS if table.of_tests else {}
    rows = [(versions, tuple(letters.get(text, text) for text in results)) for versions, results in table.rows]
    cell = max(len(numbers[-1]), *(width_of(text) for _, results in rows for text in results)) + 1
    least = min(heads[0], max(_SHORTEST, width // 3)) if table.of_tests else sum(heads) + len(heads) - 1
    at_once = min(len(numbers), max(1, (width - least) // cell))
    heads = [min(heads[0], width - at_once * cell)] if table.of_tests else heads
    for start in range(0, len(numbers), at_once):
        piece = slice(start, start + at_once)
        part = Grid(table.axes, numbers[piece], [(versions, results[piece]) for versions, results in rows])
        yield from _drawn(part, heads, [cell - 1] * len(part.columns), " ")
        yield ""
    named = [f"{number}{_TOGETHER}{name}" for number, name in zip(numbers, table.columns, strict=True)]
    yield from (line.replace(_TOGETHER, " ") for line in folded(", ".join(named), ""))
    used = dict.fromkeys(text for _, results in table.rows for text in results if letters and text in MARKS.values())
    yield from folded(", ".join(f"{letters[text]} {text}" for text in used), "")
