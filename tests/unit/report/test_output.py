"""Lines on pytest's terminal: harmless, in its characters, within its width."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from pytest_envguard.report.folding import folded, room
from pytest_envguard.report.output import Output


class Reporter:
    """pytest's terminal reporter, as far as it is used."""

    def __init__(self, width: int, encoding: str = "utf-8") -> None:
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        self._tw = SimpleNamespace(fullwidth=width, _file=file)
        self.lines: list[str] = []

    def write_line(self, line: str) -> None:
        """Write as pytest does, strictly."""
        self._tw._file.write(line)
        self.lines.append(line)


def written(line: str, width: int = 80, encoding: str = "utf-8") -> list[str]:
    """Return what a line becomes."""
    reporter = Reporter(width, encoding)
    Output(reporter).write_line(line)
    return reporter.lines


def test_escape_sequences_are_seen_and_not_obeyed() -> None:
    """Whoever wrote them."""
    assert written("  test_\x1b[2J\x1b]0;x\x07") == ["  test_\\x1b[2J\\x1b]0;x\\x07"]


def test_a_terminal_that_knows_ascii_only() -> None:
    """pytest itself would write the whole line as escapes."""
    assert written("two × three … ä", encoding="ascii") == ["two x three ... \\xe4"]


@pytest.mark.parametrize("width", [80, 81, 200])
def test_a_wide_terminal_gets_lines_as_they_are(width: int) -> None:
    """A path that is longer than 80 columns stays in one piece, to be copied."""
    line = "      refused: open /" + "folder/" * 20
    assert written(line, width) == [line]


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
