"""pytest's own options with tests in their own process, and the stricter of two environments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Run, start, write


def test_workers_of_xdist_run_marked_tests(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.parametrize("n", range(6))
@pytest.mark.envguard("lambda", "offline")
def test_it(n, tmp_path):
    (tmp_path / "file").touch()
    assert n != 3
""",
    )
    result = run("-n", "2")
    assert "2 failed, 10 passed" in result.out and "EnvguardWarning" not in result.out


def test_coverage_counts_what_marked_tests_run(project: Path, run: Run) -> None:
    pytest.importorskip("pytest_cov")
    (project / "app.py").write_text(
        "def choose(n):\n    if n == 1:\n        return 'a'\n    if n == 2:\n        return 'b'\n    return 'c'\n"
    )
    write(
        project,
        """
import app

def test_plain():
    assert app.choose(1) == "a"

@pytest.mark.envguard("lambda")
def test_fork():
    assert app.choose(2) == "b"

@pytest.mark.envguard("lambda", fresh=True)
def test_fresh():
    assert app.choose(3) == "c"
""",
    )
    for arguments in ((), ("-n", "2")):
        result = run("--cov=app", "--cov-report=term-missing", *arguments)
        assert result.code == 0, result
        assert "100%" in result.line("app.py")


def test_setup_show_shows_of_marked_tests_what_it_shows_of_others(project: Path, run: Run) -> None:
    source = """
pytestmark = MARK

@pytest.fixture
def thing():
    return 1

def test_one(thing):
    pass

def test_two(thing):
    assert 0
"""
    shown = []
    for mark in ("[]", "pytest.mark.envguard('offline')"):
        write(project, source.replace("MARK", mark))
        lines = run("--setup-show", "--tb=no", "-p", "no:asyncio").out.splitlines()
        shown.append([line for line in lines if "thing" in line])
    assert len(shown[0]) == 6
    assert shown[0] == shown[1]


def test_a_debugger_stops_in_the_test_with_a_working_terminal(project: Path) -> None:
    import pty

    write(project, "@pytest.mark.envguard('lambda')\ndef test_it():\n    value = os.getuid()\n    assert value == 1")
    ours, theirs = pty.openpty()
    process = start(project, "--pdb", stdin=theirs)
    os.close(theirs)
    os.write(ours, b"p 'seen', value + 1\nq\n")
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert "('seen', 994)" in out
    assert process.returncode == 2  # as after `q` in any test


def test_stricter_wins_inside_of_a_run_with_environments(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("offline")
def test_marked(tmp_path):
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    if os.environ["PYTEST_ENVGUARD"].startswith("lambda"):
        assert os.getuid() == 993
        with pytest.raises(OSError) as refused:
            pathlib.Path("/etc/envguard").write_text("")
        assert refused.value.errno == errno.EROFS

@pytest.mark.envguard("no_shm", fresh=True)
def test_fresh():
    assert not os.path.exists("/dev/shm")

def test_plain():
    assert len(socket.if_nameindex()) == len(os.listdir("/sys/class/net")) or os.environ["PYTEST_ENVGUARD"] != "lambda"
""",
    )
    result = run("--envguard=lambda,container,offline")
    assert result.code == 0, result
    assert "9 passed" in result.out
