"""The `envguard` command as a user runs it: exit codes, signals, a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import plain_environment

ENVGUARD = [sys.executable, "-m", "pytest_envguard"]


def _envguard(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENVGUARD, *words], cwd=project, env=plain_environment(), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -KILL $$", -9), ("nonesuch", 127)],
)
def test_the_exit_of_the_command_is_passed_through(project: Path, command: str, code: int) -> None:
    """`envguard run` ends the way the command ended, by exit code or by signal."""
    assert _envguard(project, "run", "-q", "lambda", "--", "sh", "-c", command).returncode == code


def test_a_command_that_does_not_exist_is_said(project: Path) -> None:
    """A program that isn't there is exit code 127, as in a shell, with its name."""
    found = _envguard(project, "run", "-q", "lambda", "--", "nonesuch-program")

    assert found.returncode == 127
    assert "exec `nonesuch-program`: No such file or directory" in found.stderr


def test_what_is_enforced_is_printed_to_standard_error(project: Path) -> None:
    """Standard output is the command's own; what the environment is goes to standard error, unless -q."""
    found = _envguard(project, "run", "container", "--", "id", "-u")

    assert found.stdout == "1000\n"
    assert found.stderr.startswith("envguard: container (hardened Docker container")
    assert _envguard(project, "run", "-q", "container", "--", "true").stderr == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "lamda", "--", "true"], "error: no profile is named `lamda`\nhint: did you mean `lambda`?"),
        (["run", "lambda"], "error: no command to run\nhint: envguard run lambda -- COMMAND"),
        (["run"], "error: the following arguments are required: PROFILE"),
        (["profiles", "kubernets"], "error: no profile is named `kubernets`\nhint: did you mean `kubernetes`?"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        ([], "error: the following arguments are required: COMMAND\nhint: see `envguard --help`"),
    ],
)
def test_a_mistake_is_one_clear_error(project: Path, words: list[str], message: str) -> None:
    """Exit code 4, the nearest name, no traceback."""
    found = _envguard(project, *words)

    assert found.returncode == 4
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_the_doctor_finds_a_machine_that_can_do_all_healthy(project: Path) -> None:
    """Every facility and every environment is tried and listed; exit code 0."""
    found = _envguard(project, "doctor")

    assert found.returncode == 0, found
    for line in ("  ok  user namespace", "  ok  read-only mounts", "  ok  container", "  ok  offline-drop"):
        assert line in found.stdout


def test_a_profile_is_shown_with_the_source_of_its_numbers(project: Path) -> None:
    """`envguard profiles lambda` names where each fact is from and what isn't simulated."""
    out = _envguard(project, "profiles", "lambda").stdout

    assert "uid = 993\n" in out
    assert "source: " in out
    assert "not simulated:" in out
    assert out.count("source: ") >= 15


class Terminal:
    """The user's side of a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.screen = b""
        self._read_to = 0

    def wait_for(self, text: str) -> None:
        """Read until ``text`` appears behind what was waited for before."""
        end = time.monotonic() + 60
        while (place := self.screen.find(text.encode(), self._read_to)) < 0:
            assert time.monotonic() < end, self.screen
            self.read()
        self._read_to = place + len(text)

    def write(self, text: str) -> None:
        """Type ``text``."""
        os.write(self._descriptor, text.encode())

    def read(self) -> bool:
        """Read what has come within a second; whether there may be more."""
        if not select.select([self._descriptor], [], [], 1.0)[0]:
            return True
        try:
            chunk = os.read(self._descriptor, 4096)
        except OSError:  # EIO: the other side is gone
            return False
        self.screen += chunk
        return bool(chunk)


def _in_terminal(words: list[str], project: Path, talk: Callable[[Terminal], None]) -> tuple[int, str]:
    """Run ``words`` with a terminal; ``talk`` acts as its user. Returns the exit code and the screen."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(project)
        os.execve(words[0], words, {**plain_environment(), "TERM": "dumb", "NO_COLOR": "1"})
    terminal = Terminal(descriptor)
    try:
        talk(terminal)
        end = time.monotonic() + 60
        while terminal.read():
            assert time.monotonic() < end, terminal.screen
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, terminal.screen.decode(errors="replace")


def test_the_command_has_the_terminal(project: Path) -> None:
    """A program that asks reads the user's answer, and sees a terminal."""

    def talk(terminal: Terminal) -> None:
        terminal.wait_for("name? ")
        terminal.write("Ada\n")

    source = "import os; print('hello', input('name? '), os.isatty(0), os.getuid())"
    code, screen = _in_terminal([*ENVGUARD, "run", "-q", "lambda", "--", sys.executable, "-c", source], project, talk)

    assert code == 0
    assert "hello Ada True 993" in screen


def test_ctrl_c_reaches_the_command_and_it_decides(project: Path) -> None:
    """A program that handles Ctrl-C lives on; the launcher does not end before it."""

    def talk(terminal: Terminal) -> None:
        terminal.wait_for("ready")
        terminal.write("\x03")

    source = (
        "import time\n"
        "try:\n    print('ready', flush=True); time.sleep(30)\n"
        "except KeyboardInterrupt:\n    print('handled'); raise SystemExit(5)"
    )
    code, screen = _in_terminal([*ENVGUARD, "run", "-q", "lambda", "--", sys.executable, "-c", source], project, talk)

    assert code == 5
    assert "handled" in screen


def test_sigterm_is_passed_on(project: Path) -> None:
    """Whoever ends the command from outside ends the one inside."""
    source = "import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); print('ready', flush=True); signal.pause()"
    words = [*ENVGUARD, "run", "-q", "container", "--", sys.executable, "-c", source]
    with subprocess.Popen(words, cwd=project, env=plain_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=30) == 3


def test_pdb_stops_inside_of_the_environment(project: Path) -> None:
    """--pdb gives a prompt at the failure, in the environment, with a working terminal."""
    (project / "test_app.py").write_text("import os\ndef test_fails():\n    uid = os.getuid()\n    assert not uid\n")

    def talk(terminal: Terminal) -> None:
        terminal.wait_for("(Pdb) ")
        terminal.write("print('the uid is', uid)\n")
        terminal.wait_for("the uid is 993")
        terminal.wait_for("(Pdb) ")
        terminal.write("quit\n")

    words = [sys.executable, "-m", "pytest", "--envguard=lambda", "--pdb", "-p", "no:randomly"]
    code, screen = _in_terminal(words, project, talk)

    assert code == 2
    assert "Exit: Quitting debugger" in screen
