"""`--envguard-hosts`: environments on other machines, against a real sshd and a real socket server on loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import execnet
import pytest

from tests.processes import carrying, left_over

from .conftest import Result, Run, plain_environment, start, write

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
WHERE = """
def test_where():
    print("over", os.environ.get("OVER", "nothing"), "in", os.getcwd())

def test_writes():
    pathlib.Path("out.txt").write_text("x")
"""
SLEEPS = """
def test_done():
    pass

def test_sleeps():
    if "SSH_CONNECTION" in os.environ or "SERVED" in os.environ:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "MARK"], start_new_session=True)
        time.sleep(600)

def test_after():
    pass
"""


class Server(NamedTuple):
    """A running sshd.

    Attributes:
        process: Of the daemon.
        config: The client's configuration, in which build1 and build2 are this machine.
    """

    process: subprocess.Popen[bytes]
    config: Path

    def host(self, name: str = "build1", *fields: str) -> str:
        """Return the option that names one of them."""
        return "--envguard-hosts=" + "//".join([f"ssh={name}", f"ssh_config={self.config}", *fields])

    def end_connections(self) -> None:
        """End what serves connections, as a machine that is switched off would."""
        for pid in _descendants(self.process.pid, "sshd"):
            os.kill(pid, signal.SIGKILL)


def _descendants(ancestor: int, command: str) -> list[int]:
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                head, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue
            parents[int(entry.name)] = (int(rest.split()[1]), head.partition("(")[2])
    found: list[int] = []
    for pid, (parent, name) in parents.items():
        above = parent
        while above not in (0, 1, ancestor):
            above = parents.get(above, (0, ""))[0]
        if above == ancestor and name.startswith(command):
            found.append(pid)
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, "nothing listens"
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Server]:
    """An sshd of this user's own, with a key and a client's configuration made for it."""
    if SSHD is None:
        pytest.skip("needs sshd (Debian: apt-get install openssh-server)")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = free_port()
    (folder / "authorized").write_text((folder / "user_key.pub").read_text())
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {key}\n")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized\n"
        "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    (folder / "ssh_config").write_text(
        f"Host build1 build2\n  HostName 127.0.0.1\n  Port {port}\n  User {pwd.getpwuid(os.getuid()).pw_name}\n"
        f"  IdentityFile {folder}/user_key\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n"
        "  StrictHostKeyChecking yes\n"
        f"Host nobody\n  HostName 127.0.0.1\n  Port {free_port()}\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # without it root's sshd does not start
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=(folder / "log").open("wb"), start_new_session=True
    )
    try:
        _wait_for(port)
        yield Server(process, folder / "ssh_config")
    finally:
        for pid in (*_descendants(process.pid, "sshd"), process.pid):
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, signal.SIGKILL)
        process.wait()


OVER = "env:OVER=ssh"


def test_environments_run_on_other_machines(project: Path, run: Run, sshd: Server) -> None:
    """Each has its machine, which is named in the header, the closing lines and junit; the comparison runs there too."""
    write(project, WHERE)

    result = run(
        "--envguard=lambda,offline", sshd.host("build1", OVER), sshd.host("build2", OVER), "-rP", "--junitxml=junit.xml"
    )

    assert result.code == 1, result
    assert f"uid {os.getuid()} (" in result.line("envguard: on build1 (Linux ")
    assert result.line("envguard: on build1 (").endswith("): lambda")
    assert result.line("envguard: on build2 (").endswith("): offline")
    assert result.out.count(f"over ssh in {project}") == 2, result
    assert result.has("fails only in lambda: 1 test", "test_it.py::test_writes")
    hosts = [
        (suite.get("name"), suite.get("hostname"), item.get("value"))
        for suite in ElementTree.parse(project / "junit.xml").iter("testsuite")
        for item in suite.iter("property")
        if item.get("name") == "envguard_host"
    ]
    assert hosts == [("pytest lambda", "build1", "build1"), ("pytest offline", "build2", "build2")]


def test_this_machine_can_be_one_of_them(project: Path, run: Run, sshd: Server) -> None:
    """`popen` is the machine that pytest runs on; a host that isn't restricted runs on whichever has its turn."""
    write(project, WHERE)

    result = run("--envguard=host,offline", "--envguard-hosts=popen", sshd.host("build1", OVER), "-rP")

    assert result.code == 0, result
    assert result.has("envguard: on this machine: host", "envguard: host: nothing restricted")
    assert result.out.count("over nothing in") == result.out.count("over ssh in") == 1


def test_a_machine_that_cannot_be_reached_costs_its_environments(project: Path, run: Run, sshd: Server) -> None:
    """The others run; the reason is ssh's own, and the run isn't green."""
    write(project, "def test_ok(): pass")

    result = run("--envguard=lambda,offline", sshd.host(), sshd.host("nobody"))

    assert result.code == 1, result
    assert "1 passed" in result.out
    refused = "nobody could not be reached: ssh: connect to host 127.0.0.1 port "
    assert result.line(f"envguard: {refused}").endswith(": Connection refused")
    assert result.has("not run: offline", "offline: stopped:")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["python=/nowhere/python"], "/nowhere/python: No such file or directory; name the interpreter there that has"),
        (["python=/bin/cat"], "cat: invalid option -- 'c'"),
        (["chdir=/nowhere/project"], "build1 has no /nowhere/project; name the project's folder there with `//chdir=`"),
        (["chdir=/"], "build1 has no /pytest.ini; "),
    ],
)
def test_a_machine_that_is_not_prepared_says_what_it_lacks(
    project: Path, run: Run, sshd: Server, fields: list[str], expected: str
) -> None:
    """Nothing can run on it: exit code 4, the machine's name and what to do."""
    write(project, "def test_ok(): pass")

    result = run("--envguard=offline", sshd.host("build1", *fields))

    assert result.code == 4, result
    assert "ERROR: no machine can run an environment:" in result.err
    assert "build1" in result.err
    assert expected in result.err.replace("\n", " ")


def test_an_interpreter_without_the_plugin_says_so(project: Path, run: Run, sshd: Server, tmp_path: Path) -> None:
    """Workers need pytest-envguard where they are."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    write(project, "def test_ok(): pass")

    result = run("--envguard=offline", sshd.host("build1", f"python={bare}/bin/python"))

    assert result.code == 4, result
    assert f"build1 ({bare}/bin/python) has no pytest-envguard; install it there" in result.err


def test_a_key_that_is_refused_asks_for_no_password(project: Path, run: Run, sshd: Server) -> None:
    """ssh is not to ask, and its refusal is the reason."""
    (sshd.config.parent / "authorized").write_text("")
    write(project, "def test_ok(): pass")

    result = run("--envguard=offline", sshd.host())

    assert result.code == 4, result
    assert "build1 could not be reached: " in result.err
    assert "Permission denied (publickey)" in result.err


def test_a_host_key_that_nobody_knows_is_refused(project: Path, run: Run, sshd: Server) -> None:
    """Host keys are checked as ssh's own settings say."""
    (sshd.config.parent / "known").write_text("")
    write(project, "def test_ok(): pass")

    result = run("--envguard=offline", sshd.host())

    assert result.code == 4, result
    assert "Host key verification failed." in result.err


def test_a_worker_that_crashes_there_names_its_signal_and_is_replaced(project: Path, run: Run, sshd: Server) -> None:
    """What killed it is known through the connection; the tests after it run."""
    write(
        project,
        "inside = 'PYTEST_ENVGUARD' in os.environ\n"
        "def test_one(): pass\n"
        "def test_is_killed():\n    if inside: os.kill(os.getpid(), 9)\n"
        "def test_ends():\n    if inside: os._exit(7)\n"
        "def test_last(): pass",
    )

    result = run("--envguard=offline", sshd.host())

    assert "2 failed, 2 passed" in result.out, result
    assert "the worker was ended by SIGKILL: killed from outside" in result.out
    assert "the worker's process ended with exit code 7" in result.out
    assert result.has("fails only in offline: 2 tests")


def test_several_workers_on_a_machine(project: Path, run: Run, sshd: Server) -> None:
    """-n 2 and --dist mean what they mean without other machines."""
    write(project, "@pytest.mark.parametrize('n', range(10))\ndef test_n(n, worker_id): print('by', worker_id)")

    result = run("--envguard=offline,container", "-n2", "--dist=worksteal", "-rP", sshd.host(), sshd.host("build2"))

    assert "20 passed" in result.out, result
    by = {line for line in result.out.splitlines() if line.startswith("by ")}
    assert by == {"by offline", "by offline-2", "by container", "by container-2"}


def _run_until_asleep(project: Path, *arguments: str, count: int = 1) -> subprocess.Popen[str]:
    write(project, SLEEPS.replace("MARK", str(project)))
    process = start(project, *arguments, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while sum("time.sleep(600)" in line for line in carrying(str(project))) < count:
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_a_connection_that_is_lost_costs_its_environments(project: Path, sshd: Server, workers: str) -> None:
    """The test that it ran is a crash that says so; the rest are missing; the others go on; nothing is left there."""
    process = _run_until_asleep(project, "--envguard=offline,host", sshd.host(), "--envguard-hosts=popen", workers)
    sshd.end_connections()
    out, err = process.communicate(timeout=60)
    result = Result(subprocess.CompletedProcess(process.args, process.returncode, out, err))

    assert result.code == 1, result
    assert "FAILED test_it.py::test_sleeps @offline - the connection to build1 was lost" in result.out
    assert result.has("offline: stopped:")
    assert "offline  " in result.out
    assert result.line("host ").startswith("host     unrestricted, 3 tests"), result
    assert left_over(str(project)) == []


def test_a_run_that_is_killed_leaves_nothing_on_the_other_machine(project: Path, sshd: Server) -> None:
    """kill -9 of pytest ends everything there, daemons of tests included."""
    process = _run_until_asleep(project, "--envguard=offline,lambda", sshd.host(), sshd.host("build2"))
    process.kill()
    process.communicate(timeout=60)

    assert left_over(str(project)) == []


def test_an_interrupt_ends_the_run_there_too(project: Path, sshd: Server) -> None:
    """Ctrl-C ends as it does here, and leaves nothing."""
    process = _run_until_asleep(project, "--envguard=offline", sshd.host(), "--junitxml=junit.xml")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 2
    assert left_over(str(project)) == []
    assert len(ElementTree.parse(project / "junit.xml").findall(".//testcase")) >= 1


def test_the_project_may_lie_elsewhere(project: Path, run: Run, sshd: Server, tmp_path: Path) -> None:
    """`chdir=` is its folder there: arguments are translated, and files that differ are named."""
    write(project, WHERE)
    (project / "sub").mkdir()
    (project / "sub" / "test_sub.py").write_text("def test_sub(): pass\n")
    other = tmp_path / "there" / "work"
    shutil.copytree(project, other)
    (other / "sub" / "test_sub.py").write_text("def test_sub(): assert False\n")
    (other / "further.py").write_text("")

    arguments = [f"{project}/test_it.py::test_where", f"{project}/sub"]
    result = run("--envguard=offline", sshd.host("build1", f"chdir={other}", OVER), "-rP", *arguments)

    assert "1 failed, 1 passed" in result.out, result
    assert f"over ssh in {other}" in result.out
    note = "note: 2 files of the project not as here: sub/test_sub.py, further.py (missing here)"
    assert result.has(note)


def test_coverage_comes_back(project: Path, run: Run, sshd: Server, tmp_path: Path) -> None:
    """pytest-cov's data arrive, and are about the files here."""
    pytest.importorskip("pytest_cov")
    (project / "app.py").write_text("def f():\n    return 1\n")
    write(project, "import app\ndef test_f(): assert app.f()")
    other = tmp_path / "there"
    shutil.copytree(project, other)

    result = run("--envguard=offline,host", sshd.host("build1", f"chdir={other}"), "--cov=app", "--cov-report=term")

    assert result.code == 0, result
    assert "100%" in result.line("app.py")
    assert sorted(path.name for path in other.iterdir() if path.name.startswith(".")) == []


def test_xdists_own_options_name_machines(project: Path, run: Run, sshd: Server) -> None:
    """`--tx` is the same as `--envguard-hosts`, and `via=` goes through a gateway of `--px`."""
    write(project, WHERE)
    words = f"ssh=build1//ssh_config={sshd.config}//{OVER}//python={sys.executable}"

    result = run("--envguard=offline", f"--tx={words}", "-rP")
    assert "over ssh in" in result.out, result
    assert "envguard: on build1 (" in result.out

    result = run("--envguard=offline", "--px=id=gate//popen", f"--tx={words}//via=gate", "-n2", "-rP")
    assert "over ssh in" in result.out, result


def test_a_socket_server_runs_environments(project: Path, run: Run) -> None:
    """execnet's socket server is a machine too; after a run it serves the next, and nothing of the first is left."""
    port = free_port()
    script = str(Path(execnet.__file__).with_name("script") / "socketserver.py")
    server = subprocess.Popen(
        [sys.executable, script, f"127.0.0.1:{port}"],
        env={**plain_environment(), "OVER": "a socket", "SERVED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        _wait_for(port)
        write(project, WHERE)
        for _ in range(2):
            result = run("--envguard=offline", f"--envguard-hosts=socket=127.0.0.1:{port}", "-rP")
            assert "2 passed" in result.out, result
            assert f"over a socket in {project}" in result.out
        process = _run_until_asleep(project, "--envguard=offline", f"--envguard-hosts=socket=127.0.0.1:{port}")
        process.kill()
        process.communicate()
        assert left_over(str(project)) == []
        assert (
            "2 passed" in run("--envguard=offline", f"--envguard-hosts=socket=127.0.0.1:{port}", "-k", "not sleeps").out
        )
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--envguard-hosts=shs=build1"], "`--envguard-hosts`: `shs=build1`: no field is named `shs`"),
        (["--envguard-hosts=build1"], "no field is named `build1`"),
        (["--envguard-hosts=ssh=a//pyton=b"], "no field is named `pyton`"),
        (["--envguard-hosts=ssh=a//ssh=b"], "duplicate key"),
        (["--envguard-hosts=ssh"], "expected `ssh=HOST`, `socket=HOST:PORT` or `popen` (this machine)"),
        (["--envguard-hosts=python=b"], "expected `ssh=HOST`"),
        (["--envguard-hosts=socket=build2"], "expected `socket=HOST:PORT`"),
        (["--envguard-hosts=socket=a:1//python=b"], "leave out `python=`"),
        (["--envguard-hosts=ssh=a//id=x", "--envguard-hosts=ssh=b//id=x"], "two machines have the id `x`"),
        (["--envguard-hosts=popen", "--envguard-hosts=2*popen"], "this machine (`popen`) is named twice"),
        (["--envguard-hosts=ssh=a", "-s"], "`-s` runs on this machine, and `--envguard-hosts` names others"),
        (["--tx=popen", "--envguard-hosts=ssh=a"], "`--tx` and `--envguard` both say where tests run"),
        (
            ["--envguard-hosts=socket=127.0.0.1:1"],
            "127.0.0.1 could not be reached: 127.0.0.1 port 1: Connection refused",
        ),
        (["--px=_x=1", "--envguard-hosts=popen"], "`--px _x=1`: "),
        (["--px=id=a//ssh=nobody.invalid", "--envguard-hosts=popen"], "`--px id=a//ssh=nobody.invalid`: "),
    ],
)
def test_mistakes_are_one_clear_error(project: Path, run: Run, arguments: list[str], expected: str) -> None:
    """Exit code 4, before anything has started."""
    write(project, "def test_ok(): pass")

    result = run("--envguard=offline", *arguments)

    assert result.code == 4, result
    assert expected in result.err, result
    assert "Traceback" not in result.err


AXIS = "--envguard-versions=six==1.15.0,1.16.0,1.17.0"
VERSIONED = """
import six

def test_where():
    print("six", six.__version__, "over", os.environ.get("OVER", "nothing"), "in", sys.prefix)

def test_writes():
    if six.__version__ == "1.16.0":
        pathlib.Path("out.txt").write_text("x")
"""


@pytest.fixture
def versioned(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has nothing but versions in its cells; returns the cache of cells on the other machine."""
    pytest.importorskip("uv", reason="needs uv")
    (project / "pyproject.toml").write_text("[tool.envguard]\ninstall = []\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-here"))
    return tmp_path / "cache-there"


def test_each_machine_builds_its_own_cells(project: Path, run: Run, sshd: Server, versioned: Path) -> None:
    """Versions are chosen here, cells are built where they run, and compared there with the same versions."""
    write(project, VERSIONED)
    machines = ("--envguard-hosts=popen", sshd.host("build1", OVER, f"env:XDG_CACHE_HOME={versioned}"))

    result = run("--envguard=lambda", AXIS, *machines, "-rP", "--junitxml=junit.xml")

    assert "1 failed, 5 passed" in result.out, result
    places = {
        line.split()[1]: line for line in result.out.splitlines() if line.startswith("six 1.1") and " over " in line
    }
    assert [name for name, line in places.items() if "over ssh" in line and str(versioned) in line] == ["1.16.0"], (
        places
    )
    assert {name for name, line in places.items() if "over nothing" in line} == {
        "1.15.0",
        "1.17.0",
    }  # whichever ended first
    assert "fails with six 1.16.0: 1 test" in result.out or "fails with six 1.16.0 in lambda: 1 test" in result.out
    assert len(list((versioned / "pytest-envguard/cells").iterdir())) == 1
    hosts = [
        [item.get("value") for item in suite.iter("property") if item.get("name") == "envguard_host"]
        for suite in ElementTree.parse(project / "junit.xml").iter("testsuite")
    ]
    assert sorted(hosts) == [[], [], ["build1"]]


def test_a_machine_without_what_cells_need_costs_its_cells(
    project: Path, run: Run, sshd: Server, versioned: Path
) -> None:
    """A cache that can't be written there, and a machine that can't be reached, are reasons of their cells."""
    write(project, VERSIONED)
    (versioned.parent / "file").write_text("")
    broken = sshd.host("build1", f"env:XDG_CACHE_HOME={versioned.parent}/file")

    result = run("--envguard=offline", AXIS, "--envguard-hosts=popen", broken, sshd.host("nobody"))

    assert result.code == 1, result
    assert "2 passed" in result.out
    text = " ".join(result.out.split())
    assert "six 1.16.0: not built: build1: " in text, result
    assert "six 1.17.0: no machine: nobody could not be reached: ssh: connect to host 127.0.0.1" in text


def test_cells_that_wait_for_a_machine_that_is_lost_do_not_run(project: Path, sshd: Server, versioned: Path) -> None:
    """With one place on it (`1*`), the first cell's test is a crash, the others say why they did not begin."""
    machine = sshd.host("build1", f"env:XDG_CACHE_HOME={versioned}").replace("=ssh=", "=1*ssh=")
    process = _run_until_asleep(project, "--envguard=offline", AXIS, machine, "--envguard-hosts=1*popen")
    sshd.end_connections()
    out, err = process.communicate(timeout=60)
    result = Result(subprocess.CompletedProcess(process.args, process.returncode, out, err))

    assert result.code == 1, result
    assert "FAILED test_it.py::test_sleeps @offline-six1.15.0 - the connection to build1" in result.out, result
    assert "1 failed, 4 passed" in result.out
    text = " ".join(result.out.split())
    assert "six 1.15.0: stopped: the connection to build1 was lost" in text
    assert "six 1.17.0: stopped: could not be entered: the connection to build1 was lost" in text
    assert left_over(str(project)) == []


KILLS_SSH = """
import os, signal, time
from pathlib import Path

def pytest_xdist_setupnodes():
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        if Path(f"/proc/{pid}/comm").read_text() == "ssh\\n":
            os.kill(int(pid), signal.SIGKILL)
"""


@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_a_connection_that_is_lost_before_the_first_worker_costs_its_environments(
    project: Path, run: Run, sshd: Server, workers: str
) -> None:
    """The others run; with none left it's an error of its own."""
    write(project, "def test_ok(): pass")
    (project / "conftest.py").write_text(KILLS_SSH)

    result = run("--envguard=offline,host", sshd.host(), "--envguard-hosts=popen", workers)

    assert result.code == 1, result
    assert "1 passed" in result.out
    assert result.has("offline: stopped:", "the connection to build1 was lost")

    result = run("--envguard=offline", sshd.host(), workers)

    assert result.code == 4, result
    assert "no machine could run an environment:\n  the connection to build1 was lost" in result.err
    assert "Traceback" not in result.err
