"""Where only Python can be refused something: chosen on Linux here, the one there is on macOS and Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run, plain_environment, run_where_forbidden, write

CHOSEN = ("--envguard-mechanism=python", "--envguard-fidelity=python")
TESTS = """
def refused(number, action, *arguments):
    with pytest.raises(OSError) as caught:
        action(*arguments)
    assert caught.value.errno == number, caught.value

def test_files():
    refused(errno.EROFS, open, "written", "w")
    refused(errno.EROFS, os.mkdir, "/usr/envguard")
    refused(errno.EEXIST, os.mkdir, "/usr")

def test_tmp(tmp_path):
    (tmp_path / "x").write_text("x")

def test_network():
    refused(errno.ENETUNREACH, socket.create_connection, ("192.0.2.1", 9))
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.invalid", 80)

def test_variables():
    assert os.environ["HOME"] == "/" and "USER" not in os.environ

def test_conftest():
    import conftest
    assert conftest.REFUSED == errno.EROFS
"""
CONFTEST = """
import os
try:
    open("made", "a").close()  # the controller is outside, and does
    REFUSED = 0
except OSError as error:
    REFUSED = error.errno
"""


def test_it_is_refused_unless_it_is_accepted(project: Path, run: Run) -> None:
    """An audit hook is no environment: whoever wants it says so, and is told the reason otherwise."""
    write(project, "def test_a():\n    pass\n")
    found = run("--envguard=container", "--envguard-mechanism=python")
    assert found.code == 4, found
    assert "`container` cannot be enforced here to the fidelity `exact`:" in found.err
    assert "root (read-only root), tmp_exec (/tmp noexec), " in found.err


@pytest.mark.parametrize("place", ["chosen", "sealed"])
def test_python_code_gets_the_errno(project: Path, run: Run, place: str) -> None:
    """Chosen, or all that there is: tests and their imports are refused what Python asks for, and the header says so."""
    write(project, TESTS)
    (project / "conftest.py").write_text(CONFTEST)
    if place == "chosen":
        found = run("--envguard=container", *CHOSEN)
    else:
        found = run_where_forbidden(project, "sealed", "--envguard=container", "--envguard-fidelity=python")
    assert (found.code, "5 passed" in found.out) == (0, True), found
    assert "  for Python code only: read-only root, /tmp noexec, " in found.out
    assert "  not enforced: " in found.out and "uid: 1000" in found.out
    assert "`envguard doctor --differences`" in " ".join(found.out.split())
    assert found.line("container ").startswith("container  kernel and Python only, parts not enforced")
    assert not (project / "written").exists()


def test_refusals_are_listed_as_everywhere(project: Path, run: Run) -> None:
    """A swallowed error has its line."""
    swallows = "try:\n        os.mkdir('/usr/x')\n    except OSError:\n        pass"
    write(project, f"def test_a():\n    {swallows}\n")
    found = run("--envguard=lambda", *CHOSEN)
    assert found.has("passes, but was refused something: 1 test", "mkdir /usr/x: EROFS (test_it.py:5)"), found


def test_only_one_process_with_a_terminal(project: Path, run: Run) -> None:
    """`-s` runs pytest itself under the hook."""
    write(project, "def test_a():\n    with pytest.raises(OSError):\n        open('written', 'w')\n")
    found = run("--envguard=lambda", "-s", *CHOSEN)
    assert (found.code, "1 passed" in found.out) == (0, True), found


def test_system_calls_can_be_chosen_too(project: Path, run: Run) -> None:
    """`--envguard-mechanism=calls` shows what a place without namespaces would do."""
    write(project, "def test_a():\n    with pytest.raises(OSError):\n        open('written', 'w')\n")
    found = run("--envguard=lambda", "--envguard-mechanism=calls")
    assert (found.code, "1 passed" in found.out) == (0, True), found
    assert "exactly, at the system call: " in found.out
    assert "not used, because system calls were asked for" in " ".join(found.out.split())


ELSEWHERE = """
import sys, sysconfig
import pytest
sysconfig.get_config_vars()  # which looks for a file of the platform's
sys.modules["resource"] = None  # as on Windows
sys.platform = "darwin"
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("accepted", [True, False])
def test_on_another_system(project: Path, accepted: bool) -> None:
    """Without Linux an environment is refused with what to do, or enforced for Python where that is accepted.

    The controller only pretends to be macOS; its workers are what they are.
    """
    write(project, "def test_a():\n    with pytest.raises(OSError):\n        open('written', 'w')\n")
    words = ["--envguard=lambda", *(["--envguard-fidelity=python"] if accepted else [])]
    found = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, "-p", "no:cacheprovider", "-p", "no:randomly", *words],
        cwd=project,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if accepted:
        assert (found.returncode, "1 passed" in found.stdout) == (0, True), found
        assert "because this is darwin, not Linux" in found.stdout
    else:
        assert found.returncode == 4, found
        assert "environments are enforced by the Linux kernel, and this is darwin" in found.stderr
        assert "--envguard-fidelity=python" in found.stderr
