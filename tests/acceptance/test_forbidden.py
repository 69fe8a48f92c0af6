"""Where namespaces are forbidden the same suite gets the same answers; where nothing can give them, the run is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import carrying, left_over

from .conftest import FORBID, plain_environment, run_where_forbidden, write

PLACES = ("docker", "container", "quota")  # see `forbid`

ANSWERS = r"""
import ctypes, sqlite3, threading

def refused(number, action, *arguments):
    with pytest.raises(OSError) as caught:
        action(*arguments)
    assert caught.value.errno == number, caught.value

def test_python():
    refused(errno.EROFS, open, "written", "w")
    refused(errno.EROFS, os.mkdir, "/usr/envguard")
    refused(errno.EROFS, os.unlink, "/usr/envguard-missing")
    refused(errno.EEXIST, os.mkdir, "/usr")
    refused(errno.EXDEV, os.rename, __file__, "/tmp/moved")
    assert not os.access(".", os.W_OK)

def test_c():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.open(b"written", os.O_CREAT | os.O_WRONLY, 0o644) == -1
    assert ctypes.get_errno() == errno.EROFS
    with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
        sqlite3.connect("a.db").execute("create table t (x)")

def test_children():
    shell = subprocess.run(["sh", "-c", "echo x > written"], capture_output=True, text=True)
    assert shell.returncode and "Read-only file system" in shell.stderr
    code = "import os; os.mkdir('written')"
    python = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "OSError: [Errno 30] Read-only file system: 'written'" in python.stderr

def test_threads():
    seen = []
    def write(n):
        try:
            open(f"written-{n}", "w")
        except OSError as error:
            seen.append(error.errno)
    threads = [threading.Thread(target=write, args=(n,)) for n in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert seen == [errno.EROFS] * 20

def test_noexec(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    refused(errno.EACCES, subprocess.run, [str(program)])
    assert subprocess.run(["sh", str(program)]).returncode == 0

def test_network():
    refused(errno.ENETUNREACH, socket.create_connection, ("192.0.2.1", 9))
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.invalid", 80)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()

def test_identity(tmp_path):
    import pwd
    assert (os.getuid(), os.getgid(), os.environ["HOME"]) == (1000, 1000, "/")
    with pytest.raises(KeyError, match="uid not found: 1000"):
        pwd.getpwuid(1000)
    (tmp_path / "mine").write_text("x")
    assert (tmp_path / "mine").stat().st_uid == 1000
"""


@pytest.mark.parametrize("place", PLACES)
def test_a_suite_gets_the_errno_of_the_deployment(project: Path, place: str) -> None:
    """In `container`, Python, C, child processes and threads get what the kernel would have answered."""
    write(project, ANSWERS)
    found = run_where_forbidden(project, place, "--envguard=container")
    found.check(0, "7 passed")
    assert "  exactly, at the system call: " in found.out and "read-only root" in found.out
    assert found.line("container ").startswith("container  kernel and system calls, parts approximated, 7 tests")
    assert sorted(path.name for path in project.iterdir()) == ["pytest.ini", "test_it.py"]


def test_the_answers_are_the_kernels_own(project: Path) -> None:
    """The same tests pass where namespaces give the answers."""
    write(project, ANSWERS)
    words = [sys.executable, "-m", "pytest", "--envguard=container", "-p", "no:cacheprovider"]
    found = subprocess.run(words, cwd=project, env=plain_environment(), capture_output=True, text=True, check=False)
    assert "7 passed" in found.stdout, found.stdout


def test_several_workers_and_environments(project: Path) -> None:
    """Each environment and each worker has a supervisor of its own."""
    write(
        project,
        "@pytest.mark.parametrize('n', range(8))\ndef test_n(n, tmp_path):\n    (tmp_path / 'x').write_text('x')\n",
    )
    found = run_where_forbidden(project, "docker", "--envguard=lambda,offline", "-n", "2")
    found.check(0, "16 passed")


def test_a_folder_that_is_full_is_enospc(project: Path) -> None:
    """The size of /tmp holds by accounting: for large writes, and for what statvfs tells."""
    write(
        project,
        """
def test_fills(tmp_path):
    with pytest.raises(OSError) as caught, open(tmp_path / "big", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
            file.flush()
    assert caught.value.errno == errno.ENOSPC
    assert os.path.getsize(tmp_path / "big") <= 8 << 20
    os.unlink(tmp_path / "big")
    (tmp_path / "small").write_bytes(b"x" * (1 << 20))
    status = os.statvfs("/tmp")
    assert status.f_blocks * status.f_frsize == 8 << 20
    assert 0 <= (7 << 20) - status.f_bavail * status.f_frsize < 65536  # a file system takes a little for itself
""",
    )
    found = run_where_forbidden(project, "docker", "--envguard=host:tmp=private:tmp_size=8M")
    found.check(0, "1 passed")


SINGLE = """
@pytest.fixture(scope="module", autouse=True)
def looked_up():
    import pwd
    pwd.getpwuid(0)  # from now on, the C library asks nobody outside

@pytest.mark.envguard("lambda", tmp_exec=False)
def test_marker(tmp_path):
    import pwd
    assert pwd.getpwuid(os.getuid()).pw_name == "sbx_user1051"
    (tmp_path / "mine").write_text("x")
    with pytest.raises(OSError) as caught:
        open("written", "w")
    assert caught.value.errno == errno.EROFS

@pytest.mark.envguard("readonly_root", fresh=True)
def test_fresh():
    with pytest.raises(OSError) as caught:
        os.mkdir("written")
    assert caught.value.errno == errno.EROFS

def test_fixture(no_network):
    with pytest.raises(OSError) as caught:
        socket.create_connection(("192.0.2.1", 9))
    assert caught.value.errno == errno.ENETUNREACH

def test_cold(cold_start):
    found = cold_start("open('/written', 'w')", profile="readonly_root")
    assert "OSError: [Errno 30] Read-only file system: '/written'" in found.traceback

def test_outside():
    open("outside", "w").close()
"""


@pytest.mark.parametrize("place", ["docker", "container"])
def test_single_tests(project: Path, place: str) -> None:
    """Markers, fixtures and cold starts are answered at the system call, and tests beside them are not touched."""
    write(project, SINGLE)
    found = run_where_forbidden(project, place)
    found.check(0, "5 passed")
    assert (project / "outside").exists() and not (project / "written").exists()


def test_single_tests_inside_of_an_environment(project: Path) -> None:
    """The kernel allows one supervisor: it takes over stricter rules for a test, and for nobody else."""
    outside = Path(f"/tmp/envguard-outside-{os.getpid()}")
    write(project, SINGLE.replace('open("outside", "w")', f'open("{outside}", "w")'))
    try:
        found = run_where_forbidden(project, "docker", "--envguard=lambda")
        found.check(0, "5 passed")
    finally:
        outside.unlink(missing_ok=True)


def test_a_command(project: Path) -> None:
    """`envguard run` gives a command the same answers."""
    words = ("run", "-q", "lambda", "--", "sh", "-c", "echo x > written; id -u")
    found = run_where_forbidden(project, "docker", *words, module="pytest_envguard")
    assert found.out == "993\n" and "Read-only file system" in found.err, found


def test_who_asks_for_the_kernel_gets_no_less(project: Path) -> None:
    """`--envguard-fidelity=kernel` refuses what is answered at the system call, with the kernel's reason."""
    write(project, "def test_ok():\n    pass\n")
    found = run_where_forbidden(project, "docker", "--envguard=lambda", "--envguard-fidelity=kernel")
    assert found.code == 4, found
    assert "`lambda` cannot be enforced here to the fidelity `kernel`:" in found.err
    assert "user namespace: unshare(0x10000000): Operation not permitted" in found.err


# -- when the supervisor ends, and when nothing is allowed -------------------------------------------------------------


def test_a_supervisor_that_dies_takes_everything_along(project: Path) -> None:
    """Nothing goes on unjudged: the run is red and says why, and what the tests had started is gone."""
    mark = f"8{os.getpid()}"
    write(
        project,
        f"""
def test_kills_its_supervisor():
    if "PYTEST_ENVGUARD" in os.environ:
        subprocess.Popen(["sleep", "{mark}"])
        os.kill(os.getppid(), 9)
        time.sleep(30)
""",
    )
    found = run_where_forbidden(project, "docker", "--envguard=lambda")
    assert found.code == 1, found
    assert "the supervisor that answers system calls in lambda ended, and the worker was killed with it" in found.out
    assert left_over(mark) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_run_that_is_ended(project: Path, number: int) -> None:
    """However the run is ended, workers, supervisors and daemons that tests have started end with it."""
    mark = f"9{number}{os.getpid()}"
    daemon = f"setsid sleep {mark} & sleep {mark}"
    write(project, f"def test_long():\n    subprocess.run(['sh', '-c', '{daemon}'])\n")
    words = [sys.executable, FORBID, "docker", sys.executable, "-m", "pytest", "--envguard=lambda"]
    run = subprocess.Popen(
        words,
        cwd=project,
        env=plain_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Whoever is started in the background of a shell ignores Ctrl-C, and so would what he starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  # no threads here
    )
    end = time.monotonic() + 30
    while len(carrying(mark)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(carrying(mark)) >= 2, "the test did not start"
    run.send_signal(number)
    run.wait(30)
    assert left_over(mark) == []


@pytest.mark.parametrize("words", [(), ("--envguard-fidelity=kernel",)])
def test_a_place_that_allows_nothing_is_refused(project: Path, words: tuple[str, ...]) -> None:
    """Exit code 4 names each dimension, the kernel's own answers, and what mends it; no test runs."""
    (project / "test_app.py").write_text("open('ran.txt', 'w')\ndef test_ok():\n    pass\n")

    found = run_where_forbidden(project, "sealed", "--envguard=lambda", *words)

    fidelity = words[0].rpartition("=")[2] if words else "exact"
    assert found.code == 4, found
    assert f"`lambda` cannot be enforced here to the fidelity `{fidelity}`:" in found.err
    assert "root (read-only root)" in found.err and "tmp (/tmp 512 MiB)" in found.err
    assert "user namespace: unshare(0x10000000): Operation not permitted; system call filter: seccomp: " in found.err
    assert "--security-opt seccomp=unconfined" in found.err
    assert "Traceback" not in found.err
    assert not (project / "ran.txt").exists()


@pytest.mark.parametrize(("place", "code"), [("docker", 0), ("quota", 0), ("sealed", 1)])
def test_the_doctor_says_what_is_forbidden(project: Path, place: str, code: int) -> None:
    """`envguard doctor` lists each facility with the kernel's answer, and exits with 1 where an environment is refused."""
    found = run_where_forbidden(project, place, "doctor", module="pytest_envguard")

    assert found.code == code, found
    assert "  NO  user namespace: unshare(0x10000000): " in found.out
    assert ("  NO  lambda: " if code else "  ok  lambda, at the system call; approximated: ") in found.out
    assert "  ok  host" in found.out
    assert ("to mend: " if code else "to let the kernel enforce all of them: ") in found.out


def test_plain_runs_and_the_host_work_where_namespaces_are_forbidden(project: Path) -> None:
    """The host environment restricts nothing, so it needs nothing."""
    write(project, "def test_ok():\n    pass\n")
    found = run_where_forbidden(project, "sealed", "--envguard=host")
    found.check(0, "1 passed")
