"""pytest's letters in lanes: on a terminal they grow where they stand, else a line is written when it's full."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TextIO

import pytest

from pytest_envguard.engine import workers
from pytest_envguard.report.printable import encoding_of, readable
from pytest_envguard.report.terminal.lanes import Drawn, Lanes, Letter
from pytest_envguard.report.terminal.output import columns_of
from pytest_envguard.report.terminal.redrawing import BELOW, DONE, EVERY, LEAST, TO_END, TOGETHER, UP

_SILENT = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\))+")  # escape sequences that show nothing
_COLOURS = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "skipped": "yellow",
    "xfailed": "yellow",
    "xpassed": "yellow",
}


class Below:
    """A terminal's stream whose last lines are drawn again below whatever else is written to it.

    The cursor stands above them, on an empty line. So what a worker writes on standard error comes where it would have
    come, and the lines are drawn again behind it: nothing of it is lost.
    """

    def __init__(self, stream: TextIO, lines: Callable[[], Sequence[str]]) -> None:
        """Take the stream, and what returns the lines."""
        self._stream = stream
        self._lines = lines
        self._shown: Sequence[str] = []
        self._at_start = True
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._run, name="envguard-display", daemon=True)
        self._clock.start()

    def __getattr__(self, name: str) -> Any:
        """Be the stream in all other respects."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write in the place of the lines; they come back at the next drawing."""
        with self._lock:
            if text and not _SILENT.fullmatch(text):
                self._erase()
                self._at_start = text.endswith("\n")
            return self._stream.write(text)

    def _run(self) -> None:
        while not self._closed.wait(EVERY):
            with self._lock:
                if self._at_start and not self._closed.is_set():
                    self._draw()

    def _draw(self) -> None:
        lines = self._lines()
        if lines == self._shown:
            return
        body = "".join(f"{TO_END}\n{line}" for line in lines)
        back = UP.format(len(lines)) if lines else ""
        try:
            self._stream.write(f"{TOGETHER}\r{body}{BELOW}{back}\r{DONE}")
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone, which is nothing to fail for
            self._closed.set()
        self._shown = lines

    def _erase(self) -> None:
        if self._shown:
            self._stream.write(f"\r{BELOW}")
            self._shown = []

    def close(self) -> None:
        """Leave nothing of the lines."""
        self._closed.set()
        self._clock.join()
        with self._lock:
            self._erase()
            self._stream.flush()


class Display:
    """A plugin of the controller, while the tests of the environments run.

    Registered only where pytest's own reporter would write letters: nobody could say which environment they're from.
    """

    def __init__(self, config: pytest.Config, reporter: Any, names: Sequence[str]) -> None:
        self._config = config
        self._reporter = reporter
        self._writer = config.get_terminal_writer()
        self._encoding = encoding_of(self._writer._file)  # noqa: SLF001  # it has no public name
        self._lanes = Lanes(names, max(LEAST, columns_of(self._writer)))
        self._letter: Letter | None = None
        self._below: Below | None = None
        self._lock = threading.Lock()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Leave the terminal as it was where an environment can't be entered."""
        try:
            return (yield)
        except BaseException:
            self.end()
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Take the place of pytest's letters, and on a terminal draw."""
        self._reporter._show_progress_info = False  # noqa: SLF001  # percentages of all environments together
        stream = self._writer._file  # noqa: SLF001
        if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            self._below = self._writer._file = Below(stream, self._now)  # noqa: SLF001

    def end(self) -> None:
        """Write what there is of lines that aren't full, and let pytest write as before."""
        self._write(self._rest())
        if self._below:
            self._below.close()
            self._writer._file = self._below._stream  # noqa: SLF001
            self._below = None

    def _rest(self) -> list[Drawn]:
        with self._lock:
            return self._lanes.rest()

    @pytest.hookimpl(tryfirst=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Show an environment from when a worker of it collects; what is said while it starts needs the terminal."""
        with self._lock:
            self._lanes[workers.environment(node)].begun = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Learn how many tests there are."""
        with self._lock:
            self._lanes[workers.environment(node)].total = len(ids)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Generator[None, Any, Any]:
        """Take the letter from whoever is about to write it."""
        status = yield
        if not (status and hasattr(report, "node") and getattr(report, "when", None)):
            return status
        category, letter, word = status
        markup = word[1] if isinstance(word, tuple) else {}
        colour = next((name for name, on in markup.items() if on), _COLOURS.get(category, ""))
        self._letter = Letter(letter, colour) if letter else None
        return (category, "", word)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Put the letter into its lane."""
        if not hasattr(report, "node"):
            return
        name = workers.environment(report.node)
        letter, self._letter = self._letter, None
        with self._lock:
            lines = self._lanes.take(name, letter) if letter else []
            if report.when not in ("setup", "call"):
                lines += self._lanes.ended(name)
        self._write(lines)

    def _write(self, lines: Iterable[Drawn]) -> None:
        for line in lines:
            for part in line.parts():
                markup = {part.colour: True} if part.colour else {}
                self._writer.write(readable(part.text, self._encoding), **markup)
            self._writer.line()

    def _now(self) -> list[str]:
        """Return the lines to be drawn on a terminal."""
        try:
            height = os.get_terminal_size(self._writer._file.fileno()).lines  # noqa: SLF001
        except (OSError, ValueError):
            height = 24
        width = max(LEAST, columns_of(self._writer))
        with self._lock:
            self._lanes.resize(width)  # the user may have changed it
            lines = self._lanes.now(max(1, height - 3))
        return [self._coloured(line) for line in lines]

    def _coloured(self, line: Drawn) -> str:
        texts = ((readable(part.text, self._encoding), part.colour) for part in line.parts())
        return "".join(self._writer.markup(text, **({colour: True} if colour else {})) for text, colour in texts)


def display(config: pytest.Config, names: Sequence[str]) -> Display | None:
    """Return a display of lanes; None where pytest, a plugin or the user has another one."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if type(reporter) is not pytest.TerminalReporter or columns_of(config.get_terminal_writer()) < LEAST:
        return None
    # With live logging pytest turns to a line for each test later.
    lines = config.getoption("log_cli_level", None) is not None or bool(config.getini("log_cli"))
    letters = config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES) <= 0 and not lines
    return Display(config, reporter, names) if letters and config.getini("console_output_style") != "classic" else None


def hush(told: Any) -> None:
    """Keep xdist's line about its workers away: where environments begin one after another it draws over the tests."""
    if told is not None:
        told._isatty = False  # noqa: SLF001
        told.ensure_show_status = lambda: None
