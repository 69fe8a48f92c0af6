"""A terminal to write lines on: whatever stands in them, they can't control it, it has their characters, and they fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from pytest_envguard.report.folding import LONGEST, WIDTH, narrowed, wrapped
from pytest_envguard.report.printable import columns, encoding_of, printable, readable

_NARROWEST = 20  # columns below which folding makes nothing better
_PYTESTS_LEAST = 40


def columns_of(writer: Any) -> int:
    """Return the columns of the terminal behind pytest's writer, which takes one of fewer than 40 for one of 80."""
    full = int(getattr(writer, "fullwidth", WIDTH))
    try:
        real = os.get_terminal_size(writer._file.fileno()).columns  # noqa: SLF001  # it has no public name
    except (AttributeError, OSError, ValueError):
        return full
    return real if 0 < real < _PYTESTS_LEAST and "COLUMNS" not in os.environ else full


class Output:
    """Stands before pytest's terminal reporter.

    Attributes:
        width: Columns for tables and folded texts: 80, or those of a narrower terminal.
    """

    def __init__(self, reporter: Any) -> None:
        """Take pytest's reporter, or whatever has its ``write_sep`` and ``write_line``."""
        self._reporter = reporter
        writer = getattr(reporter, "_tw", None)  # pytest has no public name for its width and its encoding
        stream = getattr(writer, "_file", None)
        shown = max(_NARROWEST, columns_of(writer))
        self.width = min(WIDTH, shown)
        # In a file or a log nothing is as narrow as the 80 columns that pytest takes it for.
        self._edge = shown if shown < WIDTH or (stream is not None and stream.isatty()) else None
        self._encoding = encoding_of(stream)

    def write_sep(self, character: str, title: str) -> None:
        """Write a title between two rules."""
        self._reporter.write_sep(character, self._plain(title))

    def write_line(self, text: str, **markup: bool) -> None:
        """Write a line, on a narrow terminal folded."""
        for line in self.lines([text]):
            self._reporter.write_line(line, **markup)

    def fitting(self) -> AbstractContextManager[None]:
        """Let what is folded meanwhile be folded for it."""
        return narrowed(self._edge or LONGEST)

    def folded(self, make: Callable[[], Iterable[str]]) -> list[str]:
        """Return lines as they can be written, made for its width."""
        with self.fitting():
            return self.lines(make())

    def lines(self, lines: Iterable[str]) -> list[str]:
        """Return lines as they can be written."""
        return [part for line in lines for part in self._fitted(self._plain(line))]

    def _plain(self, line: str) -> str:
        return readable(printable(line), self._encoding)

    def _fitted(self, line: str) -> list[str]:
        if self._edge is None or columns(line) <= self._edge:
            return [line]
        text = line.lstrip()
        lead = line[: len(line) - len(text)][: self._edge // 3]
        return wrapped(text, self._edge, initial_indent=lead, subsequent_indent=f"{lead}  ")
