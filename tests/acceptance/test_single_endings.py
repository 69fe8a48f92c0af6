"""Tests in their own process that crash, hang, are stopped or stop the session; and what they can do there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.processes import left_over

from .conftest import Run, start, write


@pytest.mark.parametrize("fresh", ["", ", fresh=True"], ids=["fork", "fresh"])
def test_a_crash_is_a_failed_test_with_its_cause(project: Path, run: Run, fresh: str) -> None:
    write(
        project,
        f"""
@pytest.mark.envguard("lambda"{fresh})
def test_segfault():
    print("before the crash")
    import ctypes
    ctypes.string_at(0)

@pytest.mark.envguard("lambda", memory="100M"{fresh})
def test_memory():
    bytearray(300 << 20)
    time.sleep(5)

@pytest.mark.envguard("lambda", timeout=1{fresh})
def test_hangs():
    subprocess.Popen(["sleep", "{1000 + os.getpid()}"], start_new_session=True)
    time.sleep(60)

@pytest.mark.envguard("lambda"{fresh})
def test_exits():
    os._exit(0)

def test_after():
    pass
""",
    )
    result = run("--junitxml=out.xml")
    assert result.code == 1
    assert "the test was ended by SIGSEGV: a native extension touched memory that isn't there [lambda]" in result.out
    assert "before the crash" in result.out and "in test_segfault" in result.out
    assert "killed for memory: more than the 100 MiB of lambda:memory=100M" in result.out
    assert "the test hung: it did not end within 1 s [lambda]" in result.out and "in test_hangs" in result.out
    assert "the test's process ended with exit code 0 (os._exit?) [lambda]" in result.out
    assert "4 failed, 1 passed" in result.out
    assert (project / "out.xml").read_text().count("<failure") == 4
    assert left_over(f"sleep\0{1000 + os.getpid()}") == []


def test_the_limit_of_time_can_stand_in_the_configuration_file(project: Path, run: Run) -> None:
    (project / "pytest.ini").write_text("[pytest]\nenvguard_timeout = 1\n")
    write(project, "@pytest.mark.envguard('lambda')\ndef test_it():\n    time.sleep(60)")
    assert "it did not end within 1 s" in run().out
    (project / "pytest.ini").write_text("[pytest]\nenvguard_timeout = soon\n")
    result = run()
    assert result.code == 4
    assert "expected seconds, or 0 for no limit, got `soon`" in result.err


def test_pytest_timeout_stops_a_test_in_its_own_process(project: Path, run: Run) -> None:
    pytest.importorskip("pytest_timeout")
    write(project, "@pytest.mark.envguard('lambda')\ndef test_it():\n    time.sleep(60)\n\ndef test_after():\n    pass")
    result = run("--timeout=1")
    assert "Timeout" in result.out and "in test_it" in result.out
    assert "1 failed, 1 passed" in result.out


@pytest.mark.parametrize("fresh", ["", ", fresh=True"], ids=["fork", "fresh"])
@pytest.mark.parametrize("how", ["ctrl-c", "terminated", "killed"])
def test_nothing_is_left_when_a_run_is_stopped(project: Path, how: str, fresh: str) -> None:
    mark = f"{os.getpid()}{len(how)}{len(fresh)}"
    write(
        project,
        f"""
@pytest.fixture
def resource():
    yield
    sys.stderr.write("the fixture has ended")

@pytest.mark.envguard("no_network"{fresh})
def test_it(resource):
    subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
    pathlib.Path("started").touch()
    time.sleep(60)
""",
    )
    # A shell lets what it starts in the background ignore Ctrl-C, these tests too.
    process = start(project, "-s", stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_heed_interrupts)
    _wait_for((project / "started").exists)
    if how == "ctrl-c":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    else:
        os.kill(process.pid, signal.SIGTERM if how == "terminated" else signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    if how == "ctrl-c":
        assert process.returncode == 2, out
        assert "the fixture has ended" in err
    for name in (f"sleep\0{mark}", f"item/pool.py\0{process.pid}", str(project)):
        assert left_over(name, patience=20) == []


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait_for(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_exit_and_stop_reach_the_session(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_exits():
    pytest.exit("that's enough", returncode=7)

def test_after():
    pass
""",
    )
    result = run()
    assert result.code == 7
    assert "that's enough" in result.out and "1 passed" not in result.out
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_stops(request):
    request.session.shouldstop = "for a reason"

def test_after():
    pass
""",
    )
    result = run()
    assert "for a reason" in result.out and "1 passed" in result.out


def test_other_tests_meet_no_process_of_ours(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_marked():
    pass

def test_after():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
""",
    )
    assert run().code == 0


def test_a_test_can_read_what_is_its_own_in_proc(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_it():
    assert os.readlink("/proc/self/exe") and open("/proc/self/environ", "rb").read()
    assert os.stat("/proc/self/status").st_uid == os.getuid() == 993
""",
    )
    assert run().code == 0


def test_a_cold_start_in_a_further_environment_works_inside_of_one(project: Path, run: Run) -> None:
    write(
        project,
        """
PROGRAM = "import os, socket; print(os.getuid(), len(socket.if_nameindex()), os.path.exists('/dev/shm'))"

@pytest.mark.envguard("lambda")
def test_it(cold_start):
    assert cold_start(PROGRAM, profile="offline").check().output == "993 1 False\\n"

@pytest.mark.envguard("readonly_root")
def test_as_root(cold_start):
    assert cold_start(PROGRAM, profile="no_shm", network="none").check().output.endswith(" 1 False\\n")
    for descriptor in os.listdir("/proc/self/fd"):
        assert not os.path.exists(f"/proc/self/fd/{descriptor}/sys/kernel")
""",
    )
    result = run()
    assert result.code == 0, result


def test_every_test_gets_its_own_memory_limit_and_no_cgroup_is_left(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("offline", memory="150M")
@pytest.mark.parametrize("n", range(4))
def test_it(n):
    if n % 2:
        bytearray(300 << 20)
        time.sleep(5)

@pytest.mark.envguard("offline", memory="250M", fresh=True, timeout=1)
def test_hangs():
    time.sleep(60)
""",
    )
    result = run()
    assert "3 failed, 2 passed" in result.out
    assert result.out.count("killed for memory: more than the 150 MiB of offline:memory=150M") >= 2
    left = [path for path in Path("/sys/fs/cgroup").rglob("envguard-*") if _abandoned(path)]
    assert left == []


def _abandoned(path: Path) -> bool:
    """Whether the maker of a cgroup has ended without removing it."""
    maker = path.name.split("-")[1]
    return not Path(f"/proc/{maker}").exists()
