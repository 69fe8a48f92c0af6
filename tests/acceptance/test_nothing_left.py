"""However a run ends, it leaves no process, mount, namespace or temporary folder behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.processes import carrying, left_over

from .conftest import plain_environment, start

SLEEPS = """
import pathlib, subprocess, sys, time

def test_done():
    pass

def test_sleeps():
    # A child in a session of its own, as a daemon would be: it isn't reached through the worker's process group.
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "MARK"], start_new_session=True)
    print("asleep", file=sys.__stderr__, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def mark(project: Path) -> str:
    """A word on the command line of every process of this run: the project's own path."""
    (project / "test_app.py").write_text(SLEEPS.replace("MARK", str(project)))
    return str(project)


@pytest.fixture
def running(project: Path, mark: str) -> Iterator[subprocess.Popen[str]]:
    """A run that is in the middle of a test in both of its environments."""
    process = start(
        project,
        "--envguard=lambda,offline",
        "--junitxml=junit.xml",
        "-o",
        "cache_dir=" + str(project / "cache"),
        start_new_session=True,
        env={**plain_environment(), "TMPDIR": str(_temporary(project))},
    )
    yield process
    process.kill()
    process.communicate()


def _wait_until_asleep(mark: str, count: int = 2) -> None:
    end = time.monotonic() + 60
    while sum("time.sleep(600)" in line for line in carrying(mark)) < count:
        assert time.monotonic() < end, "the tests did not start"
        time.sleep(0.05)


def _machine(project: Path) -> tuple[str, list[str]]:
    """The mounts, and what lies in the folder that the run was told to keep its temporary files in."""
    return Path("/proc/self/mounts").read_text(), os.listdir(_temporary(project))


def _temporary(project: Path) -> Path:
    folder = project.parent / "temporary"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_run_that_is_ended_leaves_nothing(
    running: subprocess.Popen[str], project: Path, mark: str, number: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM and kill -9 end everything inside, daemons of tests included; junit keeps what ran."""
    before = _machine(project)
    _wait_until_asleep(mark)

    if number is signal.SIGINT:
        os.killpg(running.pid, number)  # as a terminal does
    else:
        os.kill(running.pid, number)
    running.communicate(timeout=30)

    assert left_over(mark) == []
    assert _machine(project) == before
    if number is not signal.SIGKILL:
        cases = ElementTree.parse(project / "junit.xml").findall(".//testcase")
        assert {case.get("classname") for case in cases if case.get("name") == "test_done"} == {
            "lambda.test_app",
            "offline.test_app",
        }


def test_an_interrupt_that_a_worker_notices_first_ends_the_run(project: Path) -> None:
    """Ctrl-C ends the run although a worker reports it before the controller: the test is not tried on the host."""
    (project / "test_app.py").write_text(
        "import os, signal, time\ndef test_interrupted():\n    if 'PYTEST_ENVGUARD' in os.environ:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(600)\n"
    )
    process = start(project, "--envguard=lambda")
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "interrupted" in out


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.5, 0.7, 0.9, 1.2])
def test_a_run_killed_while_it_starts_leaves_nothing(project: Path, mark: str, delay: float) -> None:
    """kill -9 at any moment of the start leaves no process, mount or folder."""
    before = _machine(project)
    environment = {**plain_environment(), "TMPDIR": str(_temporary(project))}
    process = start(project, "--envguard=lambda,container", env=environment)
    time.sleep(delay)  # not a wait for something: the moment itself is what is tried
    process.kill()
    process.communicate(timeout=30)

    assert left_over(mark) == []
    assert _machine(project) == before


def test_a_run_that_ends_well_leaves_nothing(project: Path, mark: str) -> None:
    """After an ordinary run there are the same mounts as before, and no process or temporary file.

    (A namespace lives only as long as a process or a mount holds it.)
    """
    (project / "test_app.py").write_text("def test_ok(tmp_path):\n    (tmp_path / 'x').write_text('x')\n")
    before = _machine(project)
    environment = {**plain_environment(), "TMPDIR": str(_temporary(project))}
    process = start(project, "--envguard=lambda,container", env=environment)
    out, _ = process.communicate(timeout=60)

    assert "2 passed" in out
    assert left_over(mark) == []
    assert _machine(project) == before
