"""A terminal to write lines on: whatever stands in them, they can't control it, it has their characters, and they fit."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from pytest_envguard.report.folding import WIDTH, narrowed
from pytest_envguard.report.printable import encoding_of, printable, readable

_NARROWEST = 20  # columns below which folding makes nothing better


class Output:
    """Stands before pytest's terminal reporter.

    Attributes:
        width: Columns for tables and folded texts: 80, or those of a narrower terminal.
    """

    def __init__(self, reporter: Any) -> None:
        """Take pytest's reporter, or whatever has its ``write_sep`` and ``write_line``."""
        self._reporter = reporter
        writer = getattr(reporter, "_tw", None)  # pytest has no public name for its width and its encoding
        self.width = min(WIDTH, max(_NARROWEST, getattr(writer, "fullwidth", WIDTH)))
        self._encoding = encoding_of(getattr(writer, "_file", None))

    def write_sep(self, character: str, title: str) -> None:
        """Write a title between two rules."""
        self._reporter.write_sep(character, self._plain(title))

    def write_line(self, text: str, **markup: bool) -> None:
        """Write a line, on a narrow terminal folded."""
        for line in self.lines([text]):
            self._reporter.write_line(line, **markup)

    def folded(self, make: Callable[[], Iterable[str]]) -> list[str]:
        """Return lines as they can be written, made for its width."""
        with narrowed(self.width):
            return self.lines(make())

    def lines(self, lines: Iterable[str]) -> list[str]:
        """Return lines as they can be written."""
        return [part for line in lines for part in self._fitted(self._plain(line))]

    def _plain(self, line: str) -> str:
        return readable(printable(line), self._encoding)

    def _fitted(self, line: str) -> list[str]:
        if self.width >= WIDTH or len(line) <= self.width:
            return [line]
        text = line.lstrip()
        lead = line[: len(line) - len(text)][: self.width // 3]
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=lead,
            subsequent_indent=f"{lead}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
