"""The `envguard` command as a user runs it: exit codes, signals, a terminal."""

from __future__ import annotations

import importlib.util
import json
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


SETS = """
[tool.envguard]
install = []

[tool.envguard.versions]
six = ["1.15.0", "1.16.0"]
iniconfig = ["2.0.0", "2.1.0"]
exclude = [{six = "1.15.0", iniconfig = "2.1.0"}]
"""


def test_a_matrix_of_github_runs_each_cell_with_the_arguments_that_it_gives(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command's JSON, and for each job pytest as a shell would start it: its versions, in its environment."""
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(tmp_path / "cache"))
    (project / "pyproject.toml").write_text(SETS)
    (project / "test_versions.py").write_text(
        "import os, sys\nfrom importlib.metadata import version\n"
        "def test_it():\n    with open(os.environ['SAID'], 'a') as file:\n"
        "        print(version('six'), version('iniconfig'), sys.version_info[1], file=file)\n"
    )

    planned = _envguard(project, "matrix", "--format", "github")

    assert (planned.returncode, planned.stderr) == (0, ""), planned
    jobs = json.loads(planned.stdout)["include"]
    assert [job["versions"] for job in jobs] == [
        "six==1.15.0 iniconfig==2.0.0",
        "six==1.16.0 iniconfig==2.0.0",
        "six==1.16.0 iniconfig==2.1.0",
    ]
    said = tmp_path / "said.txt"
    for job in jobs[1:]:
        words = f"{sys.executable} -m pytest --envguard={job['envguard']} {job['arguments']}"
        environment = {**plain_environment(), "SAID": str(said)}
        found = subprocess.run(
            ["bash", "-ec", words], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found
    assert said.read_text() == f"1.16.0 2.0.0 {sys.version_info[1]}\n1.16.0 2.1.0 {sys.version_info[1]}\n"

    kept = _envguard(project, "cells")

    assert kept.stdout.startswith(f"2 cells in {tmp_path / 'cache'}\n")
    assert all(f"six1.16.0-iniconfig{version}  " in kept.stdout for version in ("2.0.0", "2.1.0"))
    assert kept.stdout.count(f"ready  {project}\n") == 2
    removed = _envguard(project, "cells", "--remove", "all")
    assert removed.returncode == 0 and removed.stdout.startswith("2 cells removed, ")
    assert _envguard(project, "cells").stdout == f"no cells in {tmp_path / 'cache'}\n"


@pytest.mark.skipif(importlib.util.find_spec("tox") is None, reason="tox is not installed")
def test_a_tox_ini_is_one_that_tox_reads(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's output, as it is, in a file; what was excluded isn't in it."""
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(tmp_path / "cache"))
    (project / "pyproject.toml").write_text(SETS)
    (project / "tox.ini").write_text(_envguard(project, "matrix", "--format", "tox", "--profiles", "lambda").stdout)

    words = [sys.executable, "-m", "tox", "list", "--no-desc"]
    listed = subprocess.run(words, cwd=project, env=plain_environment(), capture_output=True, text=True, check=True)

    assert listed.stdout.split() == ["six1.15.0-iniconfig2.0.0", "six1.16.0-iniconfig2.0.0", "six1.16.0-iniconfig2.1.0"]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["matrix"], ["envguard matrix 'litellm==1.53.9,latest'", "pytest ${{ matrix.arguments }}"]),
        (["cells"], ["--prune [DAYS]", "--remove NAME"]),
        (["bisect"], ["envguard bisect litellm --good", "PACKAGE -- PYTEST-ARGUMENTS"]),
    ],
)
def test_help_teaches(project: Path, words: list[str], lines: list[str]) -> None:
    """What is written, with an example; nothing is asked or built for it."""
    found = _envguard(project, *words, "--help")

    assert (found.returncode, found.stderr) == (0, "")
    for line in lines:
        assert line in found.stdout


def test_without_uv_it_says_how_to_get_it(project: Path, tmp_path: Path) -> None:
    """One error, exit code 4: neither in the running environment nor on PATH."""
    source = "import sys; sys.modules['uv'] = None; sys.executable = '/nowhere/python'\n"
    source += "from pytest_envguard.cli import main; raise SystemExit(main(['matrix', 'six==1.16.0']))"
    environment = {**plain_environment(), "PATH": "/nowhere", "PYTEST_ENVGUARD_CACHE": str(tmp_path / "cache")}

    found = subprocess.run(
        [sys.executable, "-c", source], cwd=project, env=environment, capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stdout) == (4, "")
    assert found.stderr == (
        "error: cells are built by uv, which isn't here\nhint: pip install 'pytest-envguard[matrix]'\n"
    )


def test_an_interrupted_bisect_in_a_terminal_is_asked_to_end_once(project: Path, tmp_path: Path) -> None:
    """Ctrl-C of the terminal reaches the command alone; pytest, in a session of its own, gets it from there."""
    (project / "pyproject.toml").write_text("[tool.envguard]\ninstall = []\n")
    (project / "test_slow.py").write_text("import time\ndef test_it():\n    time.sleep(60)\n")
    words = ["bisect", "six", "--good", "1.15.0", "--bad", "1.16.0"]

    def talk(terminal: Terminal) -> None:
        terminal.wait_for("six 1.15.0 …")
        time.sleep(3)
        terminal.write("\x03")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ENVGUARD_CACHE", str(tmp_path / "cache"))
        code, screen = _in_terminal([*ENVGUARD, *words], project, talk)

    assert code == 130
    assert "Traceback" not in screen
