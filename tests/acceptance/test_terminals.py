"""What a user sees of a run: on a terminal, on a narrow one, without colours, without UTF-8, in a file."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.screen import Screen

from .conftest import plain_environment

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(number):
    pass

def test_writes():
    open("out\\x1b]0;title\\x07\\x1b[31m.txt", "w")

def test_says():
    assert "\\x1b[2J…×ä" == ""
"""
LOUD = """
import os, time
time.sleep(0.5)

def test_loud(capfd):
    time.sleep(0.5)
    with capfd.disabled():
        os.write(2, b"noise from a worker\\n")
    time.sleep(0.3)
"""
ENVIRONMENTS = "--envguard=readonly_root,host"


@pytest.fixture
def tests(project: Path) -> Path:
    """A project whose tests fail with texts that would control a terminal."""
    (project / "test_it.py").write_text(TESTS)
    return project


def run(project: Path, *options: str, **environ: str) -> str:
    """Return what a run writes where there is no terminal."""
    words = [sys.executable, "-m", "pytest", "-p", "no:randomly", ENVIRONMENTS, "--tb=no", *options]
    done = subprocess.run(
        words, cwd=project, env={**plain_environment(), **environ}, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 1 and b"Traceback" not in done.stdout + done.stderr, done
    return done.stdout.decode()


def on_terminal(project: Path, columns: int, *options: str, **environ: str) -> str:
    """Return what a run writes on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    words = [sys.executable, "-m", "pytest", "-p", "no:randomly", ENVIRONMENTS, "--tb=no", *options]
    variables = {**plain_environment(), "TERM": "xterm", **environ}
    variables.pop("NO_COLOR" if "NO_COLOR" not in environ else "", None)
    process = subprocess.Popen(words, cwd=project, env=variables, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # Linux's answer when the other side is closed
            break
        written += data
    os.close(ours)
    assert process.wait(60) == 1
    return written.decode()


def own(text: str) -> list[str]:
    """Return the lines of the closing section, its title left out."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if re.search("==== envguard ====", line))
    last = next(number for number, line in enumerate(lines) if "short test summary" in line)
    return lines[first + 1 : last]


def test_on_a_terminal_lanes_grow_and_nothing_of_their_drawing_stays(tests: Path) -> None:
    """While they run, each environment has its line; at the end they stand there once, with what happened in each.

    And what a worker says on standard error meanwhile is not drawn over.
    """
    (tests / "test_later.py").write_text(LOUD)
    written = on_terminal(tests, 80)
    assert "collecting" in written and "\x1b[32m" in written
    screen = Screen(80).take(written.replace("\r\n", "\n").partition("plugins: ")[2].partition("==== envguard")[0])
    rows = [row.rstrip() for row in screen.rows[1:]]
    assert not any("collecting" in row or "workers" in row for row in rows)
    lanes = [row for row in rows if re.match(r"(readonly_root|host) .*%\]$", row)]
    assert sorted(lanes) == [
        f"{'host':<13}  ......{'.F.':<52}[100%]",
        f"{'readonly_root':<13}  ......{'FF.':<52}[100%]",
    ]
    assert [row[:19] for row in rows].count("noise from a worker") == 2


def test_no_color_means_none(tests: Path) -> None:
    """No sequence that colours anything (no-color.org), also on a terminal."""
    assert not re.search(r"\x1b\[[0-9;]*m", on_terminal(tests, 80, NO_COLOR="1"))


def test_a_dumb_terminal_is_not_drawn_on(tests: Path) -> None:
    """It gets lines, one for each environment."""
    written = on_terminal(tests, 80, TERM="dumb", NO_COLOR="1")
    assert "\x1b" not in written.partition("==== envguard ====")[0]
    assert len(re.findall(r"\[100%\]\r\n", written)) == 2


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_that_knows_only_ascii(tests: Path, columns: int) -> None:
    """Plain characters for ours, escapes for those of tests, and no traceback; everything fits where it can."""
    text = run(tests, PYTHONIOENCODING="ascii", LC_ALL="C", COLUMNS=str(columns))
    assert text.isascii()
    lines = own(text)
    assert any('"\\x1b[2J...x\\xe4"' in line or "\\x1b[2J...x\\xe4" in line for line in lines)
    head, *rows = lines[next(number for number, line in enumerate(lines) if line.startswith("test  ")) :]
    assert head.split()[-2:] == (["readonly_root", "host"] if columns == 80 else ["1", "2"])
    assert max(map(len, [head, *rows])) <= columns
    # On a narrow one everything is folded; a path stays whole.
    assert columns == 80 or all(len(line) <= columns or " " not in line.strip() for line in lines)


def test_what_tests_say_does_not_control_the_terminal(tests: Path) -> None:
    """Neither paths nor messages: escape sequences are shown, not sent."""
    lines = own(run(tests))
    assert not any("\x1b" in line or "\x07" in line for line in lines)
    assert any("out\\x1b]0;title\\x07\\x1b[31m.txt" in line for line in lines)


def test_quiet_and_verbose(tests: Path) -> None:
    """-q leaves out the header, -qq what pytest doesn't say either; -v has a line for each test, with its environment."""
    quiet, quieter, verbose = run(tests, "-q"), run(tests, "-qq"), run(tests, "-v")
    assert "envguard: " not in quiet and "fails only in readonly_root: 1 test" in quiet
    assert "fails only in" not in quieter and re.search(r"^host +\.{7}F +\[100%\]$", quieter, re.MULTILINE)
    assert "PASSED test_it.py::test_it[0] @host" in verbose and "test_it.py::test_writes @readonly_root" in verbose
    assert not re.search(r"^host +\.", verbose, re.MULTILINE)


def test_a_narrow_terminal_wraps_nothing_that_was_made_for_it(tests: Path) -> None:
    """pytest takes one of fewer than 40 columns for one of 80; what is wrapped can't be drawn over."""
    (tests / "test_slow.py").write_text(
        "import time\n\ndef test_slow():\n    time.sleep(0.4)\n"
    )  # else nothing is drawn
    quiet = {"PYTHONWARNINGS": "ignore"}  # of pytest-asyncio, in each worker, on a line of its own length
    written = on_terminal(tests, 30, "-q", **quiet).replace("\r\n", "\n")
    drawn = written[written.index("\x1b[?2026h") :]
    screen = Screen(30).take(drawn.partition("====")[0])
    assert screen.widest < 30 and any(row.endswith("%]") for row in screen.rows), written
    lines = own(written)
    assert all(len(re.sub(r"\x1b\[\d*m", "", line)) <= 30 or " " not in line.strip() for line in lines)


@pytest.mark.parametrize("option", ["-v", "-olog_cli=true"])
def test_with_a_line_for_each_test_nothing_else_is_drawn(tests: Path, option: str) -> None:
    """No lanes, nothing of xdist's about workers; and the share is that of the environment."""
    written = on_terminal(tests, 80, option, NO_COLOR="1").replace("\r\n", "\n")
    shown = written.partition("plugins: ")[2].partition("==== envguard")[0]
    assert "workers" not in shown and "\r" not in shown and not re.search(r"%\]$", shown, re.MULTILINE)
    for name in ("host", "readonly_root"):
        shares = re.findall(rf"^\[{name}\] \[ *(\d+)%\]", shown, re.MULTILINE)
        assert shares == ["12", "25", "37", "50", "62", "75", "87", "100"]


def test_who_wants_pytests_own_letters_can_have_them(tests: Path) -> None:
    """They don't say where they are from, but the option is pytest's."""
    classic = run(tests, "-o", "console_output_style=classic")
    assert re.search(r"^[.F]{16}$", classic, re.MULTILINE)
