"""A terminal, for what a program draws on it."""

from __future__ import annotations

import re


class Screen:
    """A terminal: as much of one as is needed to see what stands on it."""

    def __init__(self, columns: int = 80) -> None:
        self.columns = columns
        self.rows = [""]
        self.at = 0
        self.cursor = True
        self.widest = 0

    def take(self, text: str) -> Screen:
        """Draw what a program has written."""
        for part in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r|\n|[^\x1b\r\n]+", text):
            self._take(part)
        return self

    def _take(self, part: str) -> None:
        if part == "\n":
            self.at += 1
            while len(self.rows) <= self.at:
                self.rows.append("")
            self.column = 0
        elif part == "\r":
            self.column = 0
        elif not part.startswith("\x1b"):
            row = self.rows[self.at].ljust(self.column)
            self.rows[self.at] = row[: self.column] + part + row[self.column + len(part) :]
            self.column += len(part)
            self.widest = max(self.widest, self.column)
        elif part.endswith("A"):
            self.at -= int(part[2:-1])
            assert self.at >= 0
        elif part.endswith("J"):
            del self.rows[self.at + 1 :]
            self.rows[self.at] = self.rows[self.at][: self.column]
        elif part in ("\x1b[?25l", "\x1b[?25h"):
            self.cursor = part.endswith("h")
        elif part.endswith("K"):
            self.rows[self.at] = self.rows[self.at][: self.column]

    column = 0
