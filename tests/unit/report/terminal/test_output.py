"""Lines on pytest's terminal: harmless, in its characters, within its width."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from types import SimpleNamespace

import pytest

from pytest_envguard.report.folding import folded, folded_wider, room
from pytest_envguard.report.printable import columns
from pytest_envguard.report.terminal.output import Output, columns_of


class Reporter:
    """pytest's terminal reporter, as far as it is used."""

    def __init__(self, width: int, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        file.isatty = lambda: terminal  # type: ignore[method-assign]
        self._tw = SimpleNamespace(fullwidth=width, _file=file)
        self.lines: list[str] = []

    def write_line(self, line: str) -> None:
        """Write as pytest does, strictly."""
        self._tw._file.write(line)
        self.lines.append(line)


def written(line: str, width: int = 80, encoding: str = "utf-8", *, terminal: bool = False) -> list[str]:
    """Return what a line becomes."""
    reporter = Reporter(width, encoding, terminal=terminal)
    Output(reporter).write_line(line)
    return reporter.lines


def test_escape_sequences_are_seen_and_not_obeyed() -> None:
    """Whoever wrote them."""
    assert written("  test_\x1b[2J\x1b]0;x\x07") == ["  test_\\x1b[2J\\x1b]0;x\\x07"]


def test_a_terminal_that_knows_ascii_only() -> None:
    """pytest itself would write the whole line as escapes."""
    assert written("two × three … ä", encoding="ascii") == ["two x three ... \\xe4"]


@pytest.mark.parametrize("width", [80, 81, 200])
def test_a_file_gets_lines_as_they_are(width: int) -> None:
    """It isn't as narrow as pytest takes it for."""
    line = "      refused: " + "word " * 40 + "end"
    assert written(line, width) == [line]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_terminal_gets_lines_that_are_folded_where_it_ends(width: int) -> None:
    """Between words, where it would break them; a path stays in one piece, to be copied."""
    lines = written("      refused: " + "word " * 40 + "/folder" * 20, width, terminal=True)
    assert all(len(line) <= width for line in lines[:-1]) and max(map(len, lines[:-1])) > width - 10
    assert lines[-1] == " " * 8 + "/folder" * 20


def test_wide_characters_count_twice() -> None:
    """Or the terminal would break the line once more."""
    lines = written("  " + "日本語 " * 30, 80, terminal=True)
    assert len(lines) == 3 and all(70 < columns(line) <= 80 for line in lines[:-1])


@pytest.mark.parametrize(("width", "longest"), [(60, 60), (80, 80), (90, 90), (200, 100)])
def test_messages_are_folded_at_the_terminals_end_or_at_100(width: int, longest: int) -> None:
    """With escapes in the place of what would control it, which take more columns."""
    output = Output(Reporter(width, terminal=True))
    lines = output.folded(lambda: (f"      {line}" for line in folded_wider("\x1b[2J, " * 40, "  ", 6)))
    assert longest - 10 < max(map(len, lines)) <= longest and "\x1b" not in "".join(lines)


def test_a_terminal_of_fewer_columns_than_pytest_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes one of fewer than 40 for one of 80."""
    monkeypatch.delenv("COLUMNS", raising=False)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 25, 0, 0))
    with os.fdopen(follower, "w") as stream:
        assert columns_of(SimpleNamespace(fullwidth=80, _file=stream)) == 25
        assert columns_of(SimpleNamespace(fullwidth=120, _file=io.StringIO())) == 120
    os.close(leader)


def test_a_narrow_terminal_gets_lines_that_are_folded() -> None:
    """Between words, deeper than they began; what can't be folded stays whole."""
    lines = written("  lambda: refused: open /a/path/that/is/much/longer/than/forty/columns: EROFS (x.py:3)", 40)
    assert lines == [
        "  lambda: refused: open",
        "    /a/path/that/is/much/longer/than/forty/columns:",
        "    EROFS (x.py:3)",
    ]


def test_lines_that_are_made_for_a_narrow_terminal_are_folded_once() -> None:
    """At its width, not at 80 and then again."""
    text = "word " * 30
    lines = Output(Reporter(40)).folded(lambda: folded(f"note: {text}", "  "))
    assert max(map(len, lines)) <= 40 and all(len(line) > 30 for line in lines[:-1])
    assert room() == 80


def test_there_is_a_least_width() -> None:
    """Below it nothing gets better."""
    assert Output(Reporter(3)).width == 20
