"""A terminal recorded: a program is run in one, and what stood on it over time becomes an SVG that moves."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

LONGEST_PAUSE = 1.2  # seconds; what takes longer is shown as that
SHORTEST_FRAME = 0.35
LAST_FRAME = 8.0
WIDE, HIGH = 8.43, 18.0  # of a character at 14 px; every run of text is put on its column, whatever the font is
MARGIN, TITLE = 14, 34
COLOURS = {31: "red", 32: "green", 33: "yellow", 34: "blue", 36: "cyan"}
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d4d7dd; white-space: pre }
.red { fill: #ff8080 } .green { fill: #7fd68a } .yellow { fill: #e8c872 } .blue { fill: #8ab8ff } .cyan { fill: #7cd5d9 }
.bold { font-weight: 700; fill: #ffffff } .red.bold { fill: #ff8080 } .yellow.bold { fill: #e8c872 } .dim { opacity: .65 }
"""


class Shot(NamedTuple):
    """What was written at a moment.

    Attributes:
        at: Seconds since the program began.
        text: What it wrote.
    """

    at: float
    text: str


def record(words: Sequence[str], folder: Path, columns: int, rows: int, environ: Mapping[str, str]) -> list[Shot]:
    """Run a program in a terminal of this size and return what it wrote, when."""
    child, ours = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe(words[0], words, {"TERM": "xterm-256color", **environ})
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    began, shots, rest = time.monotonic(), [], b""
    while True:
        select.select([ours], [], [])
        try:
            data = os.read(ours, 65536)
        except OSError:  # Linux's answer when the other side is closed
            break
        if not data:
            break
        whole = rest + data
        text = whole.decode("utf-8", "ignore")
        rest = whole[len(text.encode()) :]
        shots.append(Shot(time.monotonic() - began, text))
    os.waitpid(child, 0)
    return shots


class Part(NamedTuple):
    """Some characters of a row that look the same.

    Attributes:
        column: Where they begin.
        text: The characters.
        look: Classes of the style sheet.
    """

    column: int
    text: str
    look: str


class Screen:
    """As much of a terminal as pytest and its plugins use."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns, self._height = columns, rows
        self._rows: list[list[tuple[str, str]]] = [[]]
        self._at, self._column = 0, 0
        self._look: tuple[str, ...] = ()

    def take(self, text: str) -> None:
        """Draw what a program has written."""
        for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\r\n]|[^\x1b\r\n]+", text):
            if part.startswith("\x1b["):
                self._obey(part[2:-1], part[-1])
            elif part == "\n":
                self._go_down()
            elif part == "\r":
                self._column = 0
            elif not part.startswith("\x1b"):
                self._write(part)

    def _obey(self, numbers: str, command: str) -> None:
        if command == "m":
            for number in (int(one or 0) for one in numbers.split(";")):
                self._paint(number)
        elif command == "A":
            self._at = max(0, self._at - int(numbers or 1))
        elif command in "JK":
            del self._rows[self._at][self._column :]
            if command == "J":
                del self._rows[self._at + 1 :]
        elif not numbers.startswith("?"):
            raise ValueError(f"a sequence that this terminal doesn't know: {numbers}{command}")

    def _paint(self, number: int) -> None:
        if number == 0:
            self._look = ()
        elif number in (1, 2):
            self._look = (*self._look, "bold" if number == 1 else "dim")
        elif number in COLOURS:
            self._look = (COLOURS[number], *(word for word in self._look if word in ("bold", "dim")))

    def _go_down(self) -> None:
        self._at += 1
        if self._at == len(self._rows):
            self._rows.append([])

    def _write(self, text: str) -> None:
        for char in text:
            if self._column == self._columns:
                self._go_down()
                self._column = 0
            row = self._rows[self._at]
            row.extend([(" ", "")] * (self._column - len(row)))
            row[self._column : self._column + 1] = [(char, " ".join(self._look))]
            self._column += 1

    def picture(self) -> tuple[tuple[Part, ...], ...]:
        """Return the rows that can be seen: the last ones."""
        rows = [tuple(_parts(row)) for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        return tuple(rows[-self._height :])


def _parts(row: Sequence[tuple[str, str]]) -> Iterator[Part]:
    column = 0
    while column < len(row):
        end = next((at for at in range(column, len(row)) if row[at][1] != row[column][1]), len(row))
        text = "".join(char for char, _ in row[column:end])
        if text.strip():
            blank = len(text) - len(text.lstrip())
            yield Part(column + blank, text.strip(), row[column][1])
        column = end


Picture = tuple[tuple[Part, ...], ...]


def frames(shots: Sequence[Shot], columns: int, rows: int) -> list[tuple[float, Picture]]:
    """Return what could be seen and for how many seconds, pauses shortened."""
    screen = Screen(columns, rows)
    found: list[tuple[float, Picture]] = []
    before, since = 0.0, 0.0
    for shot in shots:
        since += min(LONGEST_PAUSE, shot.at - before)
        before = shot.at
        if since >= SHORTEST_FRAME and found and screen.picture() != found[-1][1]:
            found.append((since, screen.picture()))
            since = 0.0
        screen.take(shot.text)
        found = found or [(0.0, screen.picture())]
    return [*found, (LAST_FRAME, screen.picture())]


def svg(seen: Sequence[tuple[float, Picture]], title: str, columns: int, rows: int) -> str:
    """Return a picture that shows one frame after the other, or only the last where no movement is wanted."""
    width, height = columns * WIDE + 2 * MARGIN, rows * HIGH + 2 * MARGIN
    known: dict[tuple[Part, ...], str] = {}
    strip = []
    for number, (_, picture) in enumerate(seen):
        for row, parts in enumerate(picture):
            if parts:
                name = known.setdefault(parts, f"r{len(known)}")
                strip.append(f'<use href="#{name}" y="{number * height + MARGIN + row * HIGH + 13:.0f}"/>')
    total = sum(seconds for seconds, _ in seen)
    steps, at = [], 0.0
    for number, (seconds, _) in enumerate(seen):
        steps.append(f"{100 * at / total:.2f}% {{ transform: translateY({-number * height:.0f}px) }}")
        at += seconds
    last = f"translateY({-(len(seen) - 1) * height:.0f}px)"
    moving = (
        f"@keyframes run {{ {' '.join(steps)} }} .strip {{ animation: run {total:.1f}s step-end infinite }}\n"
        f"@media (prefers-reduced-motion: reduce) {{ .strip {{ animation: none; transform: {last} }} }}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height + TITLE:.0f}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title><style>{STYLE}{moving}</style>",
            f'<rect width="100%" height="100%" rx="8" fill="#1b1f27"/><text x="{MARGIN}" y="23" class="bold">$ {escape(title)}</text>',
            "<defs>",
            *(_row(name, parts) for parts, name in known.items()),
            "</defs>",
            f'<svg y="{TITLE}" width="{width:.0f}" height="{height:.0f}"><g class="strip">',
            *strip,
            "</g></svg></svg>",
            "",
        ]
    )


def _row(name: str, parts: Sequence[Part]) -> str:
    spans = "".join(
        f'<tspan x="{MARGIN + part.column * WIDE:.1f}" textLength="{len(part.text) * WIDE:.1f}"'
        + (f' class="{part.look}"' if part.look else "")
        + f">{escape(part.text, quote=False)}</tspan>"
        for part in parts
    )
    return f'<text id="{name}" xml:space="preserve">{spans}</text>'
