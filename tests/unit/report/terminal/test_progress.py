"""How far the cells are: rows on a terminal that are drawn over, else a line for each that is finished."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_envguard.report.terminal.progress import Lines, Live, Quiet, Row, bar, line, screen, showing
from tests.screen import Screen

ROOT = Path(__file__).parents[4]
COLOUR = re.compile(r"\x1b\[\d*m")


class Terminal(io.StringIO):
    """A stream that says that it's a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


READY = Row("litellm1.53.9", "ready", "", 0.0, 2.5)
REFUSED = Row("litellm1.60.8", "not resolvable", "Because litellm==1.60.8 depends on openai>=1.55", 0.0, 0.4)
BUILDING = Row("litellm1.67.6", "building", "tokenizers must be compiled", 1.0)


def test_a_row_has_its_name_its_stage_and_its_seconds() -> None:
    """In columns, the last one of the terminal left free."""
    rows = [line(row, 72, 14, 4.0, colour=False) for row in (READY, REFUSED, BUILDING, Row("litellm1.74.15"))]
    assert rows == [
        "litellm1.53.9   ready                                             2.5 s",
        "litellm1.60.8   not resolvable: Because litellm==1.60.8 depe…     0.4 s",
        "litellm1.67.6   building: tokenizers must be compiled             3.0 s",
        "litellm1.74.15" + 57 * " ",
    ]
    assert all(len(row) == 71 for row in rows)


@pytest.mark.parametrize("width", [20, 25, 30, 40, 60, 200])
def test_a_row_fits_into_any_terminal(width: int) -> None:
    """One that is wrapped would be drawn over wrongly."""
    long = Row("py311-litellm1.53.9-tiktoken0.7.0-transformers4.57.1", "not resolvable", "x" * 300, 0.0, 1.0)
    for row in (long, BUILDING, READY):
        assert len(line(row, width, 52, 5.0, colour=False)) < width
        assert len(COLOUR.sub("", line(row, width, 52, 5.0, colour=True))) < width


def test_colours_tell_good_from_bad() -> None:
    """And what goes on stands back."""
    shown = [line(row, 80, 14, 4.0, colour=True) for row in (READY, REFUSED, BUILDING)]
    assert ["\x1b[32m" in shown[0], "\x1b[31m" in shown[1], "\x1b[2m" in shown[2]] == [True] * 3


def test_more_cells_than_lines_are_summed_up() -> None:
    """Those that are worked on are shown; the others are a number."""
    rows = [READY] * 30 + [REFUSED] * 2 + [BUILDING] * 3 + [Row("x")] * 20
    shown = screen(rows, "", 80, 10, 4.0, colour=False)
    assert len(shown) == 4 and all("building" in text for text in shown[:3])
    assert shown[-1] == "━" * 21 + "━" * 2 + "╌" * 17 + "  32 of 55 cells, 2 can't be had"
    assert len(screen([BUILDING] * 50, "looking up releases", 80, 10, 4.0, colour=False)) <= 9


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_a_bar_fits_into_any_terminal(width: int) -> None:
    """Where there is no room for one, its figures stand alone."""
    rows = [READY] * 3 + [REFUSED] + [BUILDING] * 4
    assert len(bar(rows, width, colour=False)) < width
    assert len(COLOUR.sub("", bar(rows, width, colour=True))) < width
    assert ("━" in bar(rows, width, colour=False)) == (width > 20)


def test_a_bar_shows_what_cannot_be_had() -> None:
    """One of a thousand as well, and a full bar is said of all only."""
    assert "\x1b[31m━\x1b[0m" in bar([READY] * 999 + [REFUSED], 80, colour=True)
    assert "╌" in bar([READY] * 999 + [BUILDING], 80, colour=False)
    assert "╌" not in bar([READY] * 1000, 80, colour=False)


def test_a_terminal_without_utf_8_is_drawn_in_ascii() -> None:
    """In as many columns as with it: what is wrapped would be drawn over wrongly."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    live = Live(file, colour=False)
    live.begin(["a1", "b2"])
    live.step("a1", "not resolvable", "Because “x→y” " * 20)
    time.sleep(0.25)
    live.close()
    file.flush()
    seen = Screen(80).take(file.buffer.getvalue().decode("ascii"))
    assert 'not resolvable: Because "x->y"' in seen.rows[0] and seen.widest < 80


def test_without_a_terminal_each_finished_cell_is_a_line() -> None:
    """Reasons stand in the report; one that was there before is nothing to speak of."""
    stream = io.StringIO()
    with showing(stream) as progress:
        assert isinstance(progress, Lines)
        progress.begin(["a1", "b2", "c3"])
        progress.step("", "looking up releases", "a: 3")
        progress.step("c3", "ready")
        progress.step("a1", "resolving")
        progress.step("b2", "resolving")
        progress.step("b2", "not resolvable", "Because\n  of a")
        progress.step("a1", "building")
        progress.step("a1", "ready")
    written = re.sub(r"\d+\.\d s", "N s", stream.getvalue())
    assert written == "envguard: b2: not resolvable (N s; 2 of 3)\nenvguard: a1: ready (N s; 3 of 3)\n"


@pytest.mark.parametrize(
    ("environ", "kind", "colour"),
    [
        ({"TERM": "xterm"}, Live, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Live, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, Live, True),
        ({"TERM": "dumb"}, Lines, False),
        ({}, Lines, False),
    ],
)
def test_the_terminal_gets_what_it_can(environ: dict[str, str], kind: type, colour: bool) -> None:
    """NO_COLOR (no-color.org) forbids colours, a dumb terminal can't be drawn over."""
    stream = Terminal()
    with showing(stream, environ=environ) as progress:
        assert type(progress) is kind
        progress.begin(["a1"])
        progress.step("a1", "resolving")
        time.sleep(0.25)
        progress.step("a1", "ready")
    assert (COLOUR.search(stream.getvalue()) is not None) == colour


@pytest.mark.parametrize(("colour", "environ"), [(True, {"NO_COLOR": "1"}), (False, {})])
def test_who_knows_better_says_whether_there_are_colours(colour: bool, environ: dict[str, str]) -> None:
    """pytest has --color, PY_COLORS and FORCE_COLOR besides."""
    stream = Terminal()
    with showing(stream, colour=colour, environ={"TERM": "xterm", **environ}) as progress:
        progress.begin(["a1"])
        progress.step("a1", "resolving")
        time.sleep(0.25)
    assert (COLOUR.search(stream.getvalue()) is not None) == colour


def test_who_was_interrupted_hears_nothing_of_what_ends_by_it() -> None:
    """Threads still say how their cells ended."""
    stream = io.StringIO()
    with showing(stream) as progress:
        progress.begin(["a1"])
    progress.step("a1", "not built", "stopped")
    assert stream.getvalue() == ""


def test_quiet_is_quiet() -> None:
    """On a terminal too."""
    stream = Terminal()
    with showing(stream, quiet=True, environ={"TERM": "xterm"}) as progress:
        assert isinstance(progress, Quiet)
        progress.begin(["a1"])
        progress.step("a1", "not built", "x")
    assert stream.getvalue() == ""


def test_rows_are_drawn_where_they_stand() -> None:
    """Afterwards only what can't be had is left. The cursor is always seen: who is killed could not show it again."""
    stream = Terminal()
    stream.write("header\n")
    with showing(stream, environ={"TERM": "xterm"}) as progress:
        progress.begin(["a1", "b2", "c3"])
        for name in ("a1", "b2"):
            progress.step(name, "resolving")
        time.sleep(0.25)
        seen = Screen().take(stream.getvalue())
        assert [row.split()[:2] for row in seen.rows[1:3]] == [["a1", "resolving"], ["b2", "resolving"]]
        assert seen.rows[0] == "header" and seen.rows[3].split() == ["c3"] and seen.cursor
        assert seen.rows[4].rstrip().endswith("  0 of 3 cells")
        progress.step("a1", "ready")
        progress.step("b2", "not resolvable", "Because of a")
        progress.step("c3", "building")
        time.sleep(0.25)
        seen = Screen().take(stream.getvalue())
        assert [row.split()[:2] for row in seen.rows[1:4]] == [["a1", "ready"], ["b2", "not"], ["c3", "building"]]
        progress.step("c3", "ready")
    stream.write("footer\n")
    seen = Screen().take(stream.getvalue())
    assert [row.rstrip() for row in seen.rows] == ["header", seen.rows[1].rstrip(), "footer", ""] and seen.cursor
    assert seen.rows[1].startswith("b2") and "Because of a" in seen.rows[1]


def test_nothing_is_drawn_where_everything_is_there() -> None:
    """A second run needs no display that flashes by."""
    stream = Terminal()
    with showing(stream, environ={"TERM": "xterm"}) as progress:
        progress.begin(["a1"])
        progress.step("a1", "ready")
    assert stream.getvalue() == ""


def test_a_stream_that_is_closed_is_nothing_to_fail_for() -> None:
    """The cells are made all the same."""
    stream = Terminal()
    with showing(stream, environ={"TERM": "xterm"}) as progress:
        progress.begin(["a1"])
        stream.close()
        time.sleep(0.25)
        progress.step("a1", "ready")


def test_ctrl_c_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    """On a real terminal, a narrow one."""
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests may ignore it
        "from pytest_envguard.report.terminal.progress import showing\n"
        "with showing(sys.stdout) as progress:\n"
        "    progress.begin(['some-library1.53.9-another1.2.3', 'b2'])\n"
        "    progress.step('b2', 'building', 'a long detail that has no room at all in here')\n"
        "    time.sleep(0.5)\n    print('', end='', file=sys.stderr)\n    time.sleep(60)\n"
    )
    leader, follower = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    environ = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environ.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, str(script)], stdin=follower, stdout=follower, stderr=subprocess.PIPE, env=environ
    )
    os.close(follower)
    written = b""
    while b"building" not in written:
        written += os.read(leader, 10_000)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None and "KeyboardInterrupt" in process.stderr.read().decode()
    process.wait()
    try:
        while more := os.read(leader, 10_000):
            written += more
    except OSError:  # a terminal that nobody has open any more answers so
        pass
    os.close(leader)
    seen = Screen(40).take(written.decode())
    assert seen.cursor and seen.widest < 40 and [row for row in seen.rows if row] == []
