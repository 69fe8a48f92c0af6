"""How far the cells of a matrix are: a row for each on a terminal, else a line when one is finished."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TextIO

from pytest_envguard.report.printable import columns, cut, encoding_of, printable, readable
from pytest_envguard.report.terminal.redrawing import BELOW, DONE, EVERY, LEAST, TO_END, TOGETHER, UP

RESOLVING = "resolving"
READY = "ready"
WAITING = ""  # nothing has been done for it yet
_GOES_ON = frozenset({WAITING, RESOLVING, "building", "compiling bytecode", "waiting for another run"})
_SHORTEST_BAR, _LONGEST_BAR = 8, 40
_GREEN, _RED, _DIM, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


class Row(NamedTuple):
    """A cell as it stands.

    Attributes:
        name: Its factors.
        stage: Such as "building"; "" before the first.
        detail: What more there is to say, in one line.
        began: When its first stage began, seconds of any clock; None before.
        ended: When it was finished; None before.
    """

    name: str
    stage: str = WAITING
    detail: str = ""
    began: float | None = None
    ended: float | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.stage not in _GOES_ON

    def at(self, stage: str, detail: str, now: float) -> Row:
        """Return it at another stage."""
        began = now if self.began is None else self.began
        row = self._replace(stage=stage, detail=" ".join(detail.split()), began=began)
        return row._replace(ended=now) if row.finished else row

    def seconds(self, now: float) -> float | None:
        """Return how long it has taken, None before it began."""
        return None if self.began is None else (now if self.ended is None else self.ended) - self.began


def line(row: Row, width: int, names: int, now: float, *, colour: bool) -> str:
    """Return a row in exactly one line of a terminal.

    Args:
        row: What to show.
        width: Columns of the terminal.
        names: Columns for the name.
        now: Of the same clock as the row.
        colour: Whether to use any.
    """
    seconds = row.seconds(now)
    time_shown = "" if seconds is None else f"{seconds:6.1f} s"
    stage = row.stage if not row.detail else f"{row.stage}: {row.detail}"
    names = min(names, max(8, width // 2))
    room = width - 1 - names - 2 - 10  # the last column stays free, where some terminals wrap
    if room < 8:
        text = cut(f"{cut(row.name, names)} {row.stage}", width - 1)
        return _coloured(text, row, colour=colour)
    shown = cut(printable(stage), room)
    padded = f"{cut(row.name, names):<{names}}  "
    return padded + _coloured(shown, row, colour=colour) + " " * (room - columns(shown)) + f"{time_shown:>10}"


def _coloured(text: str, row: Row, *, colour: bool) -> str:
    if not colour or not text:
        return text
    shade = _GREEN if row.stage == READY else _RED if row.finished else _DIM
    return f"{shade}{text}{_PLAIN}"


def bar(rows: Sequence[Row], width: int, *, colour: bool) -> str:
    """Return how much is done as a bar with figures, in exactly one line of a terminal."""
    finished = sum(row.finished for row in rows)
    failed = sum(row.finished and row.stage != READY for row in rows)
    figures = f"{finished} of {len(rows)} cells" + (f", {failed} can't be had" if failed else "")
    room = min(_LONGEST_BAR, width - 1 - len(figures) - 2)
    if room < _SHORTEST_BAR:
        return cut(figures, width - 1)
    full = room * finished // len(rows)
    red = min(full, -(-room * failed // len(rows)))
    parts = [(_GREEN, "━" * (full - red)), (_RED, "━" * red), (_DIM, "╌" * (room - full))]
    drawn = "".join(f"{shade}{text}{_PLAIN}" if colour and text else text for shade, text in parts)
    return f"{drawn}  {figures}"


def screen(rows: Sequence[Row], about: str, width: int, height: int, now: float, *, colour: bool) -> list[str]:
    """Return what stands on the terminal: each cell's row, or, where they don't fit, those that are worked on; a bar."""
    names = max((len(row.name) for row in rows), default=0)
    room = max(1, height - 2 - bool(about))
    several = len(rows) > 1
    shown = list(rows)
    if len(rows) > room - several:
        shown = [row for row in rows if not row.finished and row.stage][: room - 1]
    lines = [line(row, width, names, now, colour=colour) for row in shown]
    return [
        *([cut(printable(about), width - 1)] if about else []),
        *lines,
        *([bar(rows, width, colour=colour)] if several else []),
    ]


class Lines:
    """Progress where nothing can be drawn over: a line for each cell that is finished."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows: dict[str, Row] = {}
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, names: Sequence[str]) -> None:
        """Take note of the cells."""
        with self._lock:
            self._rows = {name: Row(name) for name in names}

    def step(self, name: str, stage: str, detail: str = "") -> None:
        """Say what has become of a cell if that is its end; not of one that was there before."""
        if not name:
            return
        with self._lock:
            now = time.monotonic()
            before = self._rows.get(name, Row(name))
            row = self._rows[name] = before.at(stage, detail, now)
            if row.finished and not self._closed and not (row.stage == READY and before.stage == WAITING):
                # Why it can't be had is told at the end, once for all cells with the same reason.
                done = sum(one.finished for one in self._rows.values())
                text = f"envguard: {name}: {stage} ({row.seconds(now):.1f} s; {done} of {len(self._rows)})\n"
                self._stream.write(readable(text, encoding_of(self._stream)))
                self._stream.flush()

    def close(self) -> None:
        """Do nothing more: who was interrupted doesn't want to hear of what ends by it."""
        with self._lock:
            self._closed = True


class Live:
    """Progress on a terminal: rows that are drawn again where they stand."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._encoding = encoding_of(stream)
        self._rows: dict[str, Row] = {}
        self._about = ""
        self._drawn = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._clock: threading.Thread | None = None

    def begin(self, names: Sequence[str]) -> None:
        """Show the cells, from now on with what happens to them."""
        with self._lock:
            self._rows = {name: Row(name) for name in names}
            self._about = ""
        self._start()

    def step(self, name: str, stage: str, detail: str = "") -> None:
        """Show a cell's stage, or without a name what the run as a whole is about."""
        detail = readable(detail, self._encoding)
        with self._lock:
            if name:
                self._rows[name] = self._rows.get(name, Row(name)).at(stage, detail, time.monotonic())
            else:
                self._about = f"{stage}: {detail}" if detail else stage
        if not name:
            self._start()

    def _start(self) -> None:
        if self._clock is None:
            self._clock = threading.Thread(target=self._run, name="envguard-progress", daemon=True)
            self._clock.start()

    def _run(self) -> None:
        """Draw again and again; nothing at all where everything is there at once."""
        while not self._closed.wait(EVERY):
            self._draw()

    def _draw(self) -> None:
        size = _size(self._stream)
        if size.columns < LEAST:
            return
        with self._lock:
            rows, about = list(self._rows.values()), self._about
        lines = screen(rows, about, size.columns, size.lines, time.monotonic(), colour=self._colour)
        back = UP.format(self._drawn) if self._drawn else ""
        self._write(f"{TOGETHER}{back}\r{self._body(lines)}{BELOW}{DONE}")
        self._drawn = len(lines)

    def _body(self, lines: Sequence[str]) -> str:
        """Return the lines with what moves the cursor; what stands for a character that the terminal lacks is as wide."""
        sign = "…" if readable("…", self._encoding) == "…" else "~"
        return "".join(f"{readable(text.replace('…', sign), self._encoding)}{TO_END}\n" for text in lines)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone, which is nothing to fail for
            self._closed.set()

    def close(self) -> None:
        """Leave the rows of cells that can't be had, and remove the others."""
        self._closed.set()
        if self._clock is not None:
            self._clock.join()
        if not self._drawn:
            return
        with self._lock:
            rows = [row for row in self._rows.values() if row.finished and row.stage != READY]
        width = max(LEAST, _size(self._stream).columns)
        names = max((len(row.name) for row in rows), default=0)
        lines = [line(row, width, names, time.monotonic(), colour=self._colour) for row in rows]
        self._write(f"{UP.format(self._drawn)}\r{self._body(lines)}{BELOW}")
        self._drawn = 0


def _size(stream: TextIO) -> os.terminal_size:
    """Return the terminal's size: of the very stream, for pytest may have turned descriptor 1 to a file meanwhile."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return shutil.get_terminal_size()
    return size if size.columns and size.lines else shutil.get_terminal_size()


class Quiet:
    """Progress that isn't shown."""

    def begin(self, names: Sequence[str]) -> None:
        """Do nothing."""

    def step(self, name: str, stage: str, detail: str = "") -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def showing(
    stream: TextIO, *, quiet: bool = False, colour: bool | None = None, environ: Mapping[str, str] = os.environ
) -> Iterator[Live | Lines | Quiet]:
    """Show progress on ``stream`` as well as it can; whatever happens, the terminal is left as it was.

    Args:
        stream: Usually standard output.
        quiet: Show nothing.
        colour: Whether to use any on a terminal; None for what ``environ`` says.
        environ: NO_COLOR and TERM are looked at.
    """
    shown = _shown(stream, environ, colour) if not quiet else Quiet()
    try:
        yield shown
    finally:
        shown.close()


def _shown(stream: TextIO, environ: Mapping[str, str], colour: bool | None) -> Live | Lines:
    if not stream.isatty() or environ.get("TERM", "dumb") == "dumb":
        return Lines(stream)
    return Live(stream, colour=not environ.get("NO_COLOR") if colour is None else colour)
