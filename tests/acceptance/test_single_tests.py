"""One test in an environment of its own: the marker, the fixtures, and pytest around them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import Run, plain_environment, start

FORBID = Path(__file__).with_name("forbid.py")


def write(project: Path, source: str, name: str = "test_it.py") -> None:
    """Write a test file that begins with the usual imports."""
    (project / name).write_text(f"import errno, os, pathlib, socket, subprocess, sys, time\nimport pytest\n{source}\n")


# -- the marker --------------------------------------------------------------------------------------------------------


def test_a_marked_test_runs_in_its_environment_and_the_others_as_ever(project: Path, run: Run) -> None:
    write(
        project,
        f"""
HERE = {os.getuid()}

def test_before():
    assert os.getuid() == HERE and "HOME" in os.environ

@pytest.mark.envguard("lambda")
def test_marked(tmp_path):
    assert os.getuid() == 993 and "HOME" not in os.environ and not os.path.exists("/dev/shm")
    (tmp_path / "file").write_text("in the simulated /tmp")
    with pytest.raises(OSError) as refused:
        pathlib.Path("/etc/envguard").write_text("")
    assert refused.value.errno == errno.EROFS

def test_after():
    assert os.getuid() == HERE and "HOME" in os.environ and os.path.exists("/dev/shm")
""",
    )
    result = run()
    assert result.code == 0, result
    assert result.has("test_it.py ...                                                           [100%]")


def test_several_environments_are_one_test_for_each_with_a_readable_id(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("container", "offline")
@pytest.mark.parametrize("n", [1, 2])
def test_it(n, envguard_environment):
    assert envguard_environment in ("container", "offline")
    assert (os.environ["HOME"] == "/") == (envguard_environment == "container")
    with pytest.raises(OSError) as refused:
        socket.create_connection(("192.0.2.1", 9))
    assert refused.value.errno == errno.ENETUNREACH
""",
    )
    result = run("-v")
    assert result.code == 0, result
    for name in ("container-1", "container-2", "offline-1", "offline-2"):
        assert f"test_it.py::test_it[{name}] PASSED" in result.out
    assert run("test_it.py::test_it[offline-2]").has("1 passed in") or run("test_it.py::test_it[offline-2]").code == 0


def test_keywords_change_dimensions(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda", tmp_size="1M", network="none", env={"ADDED": "yes"}, open_files=100)
def test_it(tmp_path):
    with pytest.raises(OSError) as refused:
        (tmp_path / "file").write_bytes(bytes(2 << 20))
    assert refused.value.errno == errno.ENOSPC
    assert os.environ["ADDED"] == "yes" and os.environ["LAMBDA_TASK_ROOT"]
    import resource
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 100
    assert [name for _, name in socket.if_nameindex()] == ["lo"]

@pytest.mark.envguard(network="none")
def test_a_dimension_alone():
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    assert "HOME" in os.environ
""",
    )
    assert run().code == 0


def test_the_nearest_marker_holds_on_modules_classes_and_functions(project: Path, run: Run) -> None:
    write(
        project,
        """
pytestmark = pytest.mark.envguard("offline")

def test_by_module(envguard_environment):
    assert envguard_environment == "offline"

@pytest.mark.envguard("lambda")
class TestClass:
    def test_by_class(self, envguard_environment):
        assert envguard_environment == "lambda"

    @pytest.mark.envguard("container")
    def test_by_function(self, envguard_environment):
        assert envguard_environment == "container"

    @pytest.mark.envguard("container")
    @pytest.mark.envguard("offline", tmp="private")
    def test_by_both(self, envguard_environment):
        assert envguard_environment in ("container", "offline:tmp=private")
""",
    )
    result = run("-v", "--strict-markers")
    assert result.code == 0, result
    assert "test_by_both[container]" in result.out and "test_by_both[offline]" in result.out


def test_the_environment_holds_for_c_for_programs_and_on_ways_around(project: Path, run: Run) -> None:
    outside = project / "outside"
    outside.mkdir()
    write(
        project,
        f"""
import ctypes, sqlite3
OUTSIDE = {str(outside)!r}

@pytest.mark.envguard("lambda")
def test_it():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.open(f"{{OUTSIDE}}/c".encode(), os.O_CREAT | os.O_WRONLY, 0o644) == -1
    assert ctypes.get_errno() == errno.EROFS
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(f"{{OUTSIDE}}/database").execute("create table t (x)")
    assert subprocess.run(["sh", "-c", f"echo > {{OUTSIDE}}/shell"], capture_output=True).returncode
    assert subprocess.run(["mount", "-o", "remount,rw", "/"], capture_output=True).returncode
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for way in ("root", "cwd"):
            with pytest.raises(OSError):
                open(f"/proc/{{pid}}/{{way}}{{OUTSIDE}}/through-{{pid}}", "w")
    with pytest.raises(OSError):
        os.kill({os.getpid()}, 0)
    with pytest.raises(OSError):
        ctypes_unshare = libc.unshare(0x00020000)
        assert ctypes_unshare == -1
        raise OSError(ctypes.get_errno(), "unshare")

@pytest.fixture(scope="session")
def folder():
    descriptor = os.open(OUTSIDE, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)

@pytest.mark.envguard("lambda")
def test_descriptors_are_not_inherited_by_programs(folder):
    os.set_inheritable(folder, True)

def test_plain(folder):
    os.set_inheritable(folder, True)

@pytest.mark.envguard("lambda")
def test_a_folder_that_was_inheritable(folder):
    program = f"echo > /proc/self/fd/{{folder}}/program"
    assert subprocess.run(["sh", "-c", program], capture_output=True, close_fds=False).returncode
""",
    )
    result = run()
    assert result.code == 0, result
    assert list(outside.iterdir()) == []


def test_host_is_where_the_test_would_run_without_the_marker(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda", "host")
def test_it(envguard_environment):
    assert ("HOME" in os.environ) == (envguard_environment == "host")

@pytest.mark.envguard("host", fresh=True)
def test_fresh(envguard_environment):
    assert envguard_environment == "host" and "HOME" in os.environ
""",
    )
    result = run("-v")
    assert result.code == 0, result
    assert "test_it[host] PASSED" in result.out


# -- fixtures ----------------------------------------------------------------------------------------------------------


def test_each_fixture_asks_for_a_dimension_and_they_combine(project: Path, run: Run) -> None:
    write(
        project,
        """
def test_one(no_shm):
    assert no_shm == pathlib.Path("/dev/shm") and not no_shm.exists()
    pathlib.Path("written").write_text("the root is still writable")
    pathlib.Path("written").unlink()

def test_all(readonly_root, noexec_tmp, no_network, no_shm, tmp_path):
    with pytest.raises(OSError) as refused:
        (readonly_root / "file").write_text("")
    assert refused.value.errno == errno.EROFS
    script = noexec_tmp / "script"
    script.write_text("#!/bin/sh")
    script.chmod(0o755)
    with pytest.raises(PermissionError):
        subprocess.run([script])
    with pytest.raises(OSError) as unreachable:
        socket.create_connection(no_network)
    assert unreachable.value.errno == errno.ENETUNREACH
    assert not no_shm.exists() and tmp_path.is_relative_to(noexec_tmp)

@pytest.mark.envguard("offline")
def test_with_the_marker(noexec_tmp):
    assert os.statvfs(noexec_tmp).f_flag & os.ST_NOEXEC
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
""",
    )
    assert run().code == 0


def test_a_project_keeps_its_own_fixture_of_the_same_name(project: Path, run: Run) -> None:
    write(project, "@pytest.fixture(autouse=True)\ndef no_network():\n    return 'mine'\n", "conftest.py")
    write(
        project,
        "def test_it(no_network):\n    assert no_network == 'mine' and os.getpid() == {}['pid']\n".replace(
            "{}['pid']", "os.getpid()"
        ),
    )
    write(
        project,
        "def test_it(no_network):\n    assert no_network == 'mine'\n    assert len(socket.if_nameindex()) == len(os.listdir('/sys/class/net'))",
    )
    assert run().code == 0


def test_a_fixture_that_is_asked_for_too_late_fails_the_test(project: Path, run: Run) -> None:
    write(project, "def test_it(request):\n    request.getfixturevalue('no_shm')")
    result = run()
    assert result.code == 1
    assert "`no_shm` was asked for after the test had begun, too late to enter an environment" in result.out


def test_a_marker_that_is_added_too_late_fails_the_test(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.fixture
def late(request):
    request.node.add_marker(pytest.mark.envguard("lambda"))

def test_before():
    pass

def test_it(late):
    pass
""",
    )
    result = run()
    assert result.code == 1
    assert "asks for an environment and would run without it" in result.out


def test_a_marker_that_a_conftest_adds_while_collecting_holds(project: Path, run: Run) -> None:
    write(
        project,
        "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.envguard('lambda'))",
        "conftest.py",
    )
    write(project, "def test_it():\n    assert 'HOME' not in os.environ")
    assert run().code == 0


def test_markers_and_fixtures_are_documented_where_pytest_shows_them(run: Run) -> None:
    assert "@pytest.mark.envguard(*profiles, fresh=False, timeout=None, **dimensions):" in run("--markers").out
    shown = run("--fixtures").out
    for name in ("readonly_root", "noexec_tmp", "no_network", "no_shm", "cold_start", "fake_environment"):
        assert f"\n{name} -- " in shown
    assert "no docstring available" not in shown[shown.index("envguard_environment") :].split("[session scope]")[0]


# -- what lives outside ------------------------------------------------------------------------------------------------


def test_wider_fixtures_live_on_unharmed_and_end_once(project: Path, run: Run) -> None:
    write(
        project,
        """
LOG = pathlib.Path(__file__).with_name("log")

def log(text):
    with LOG.open("a") as file:
        print(text, file=file)

@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "weights").write_text("heavy")
    yield folder
    log("server ended")

@pytest.fixture(scope="module", params=["a", "b"])
def wide(request):
    yield request.param
    log(f"{request.param} ended")

def test_plain(server, wide):
    log(f"plain {wide}")

@pytest.mark.envguard("lambda")
def test_marked(server, wide, tmp_path):
    assert (server / "weights").read_text() == "heavy"
    with pytest.raises(OSError):
        (server / "more").write_text("")
    assert tmp_path.is_relative_to("/tmp") and not tmp_path.is_relative_to(server.parent)

def test_last(server, wide):
    log(f"last {wide}")
""",
    )
    result = run()
    assert result.code == 0, result
    lines = (project / "log").read_text().splitlines()
    assert lines == ["plain a", "last a", "a ended", "plain b", "last b", "b ended", "server ended"]


def test_what_the_process_of_a_test_sets_up_it_also_tears_down(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.fixture(scope="module")
def wide():
    pid = os.getpid()
    yield pid
    assert os.getpid() == pid
    print("wide ended")

def setup_module():
    print("set up")

def teardown_module():
    print("torn down")

@pytest.mark.envguard("lambda")
def test_marked(wide):
    assert wide == os.getpid()
    assert 0
""",
    )
    result = run()
    assert result.has("- Captured stdout setup -".center(80, "-").strip("-"), "set up") or "set up" in result.out
    assert result.out.count("torn down") == result.out.count("wide ended") == 1


def test_a_failing_end_of_a_wider_fixture_is_reported(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.fixture(scope="module")
def wide():
    yield
    print("about to fail")
    assert 0, "at the end"

def test_plain(wide):
    pass

@pytest.mark.envguard("lambda")
def test_marked(wide):
    pass
""",
    )
    result = run()
    assert result.code == 1
    assert "ERROR at teardown of test_marked" in result.out and "about to fail" in result.out
    assert "2 passed, 1 error" in result.out


def test_temporary_folders_are_kept_and_removed_as_ever(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    write(
        project,
        """
@pytest.mark.parametrize("n", range(3))
@pytest.mark.envguard(network="none")
def test_fork(n, tmp_path):
    (tmp_path / "kept").touch()

@pytest.mark.envguard(network="none", fresh=True)
def test_fresh(tmp_path):
    (tmp_path / "kept").touch()
""",
    )
    assert run().code == 0
    (base,) = (path for path in folder.glob("pytest-of-*/pytest-*") if not path.is_symlink())
    assert sorted(path.parent.name for path in base.rglob("kept")) == [
        "test_fork_0_0",
        "test_fork_1_0",
        "test_fork_2_0",
        "test_fresh0",
    ]
    assert not list(folder.rglob("*.lock")) + list(folder.rglob(".lock"))


# -- what comes back ---------------------------------------------------------------------------------------------------

EVERYTHING = """
import logging, unittest, warnings
pytestmark = MARK

def test_fails(record_property, caplog):
    record_property("key", (1, "two"))
    print("to standard output")
    print("to standard error", file=sys.stderr)
    logging.getLogger("app").warning("logged")
    warnings.warn("careful")
    left, right = [1, 2, 3], [1, 2, 4]
    assert left == right

def test_skips():
    pytest.skip("because")

@pytest.mark.skipif(True, reason="never")
def test_is_skipped():
    assert 0

@pytest.mark.xfail(reason="known")
def test_xfails():
    assert 0

@pytest.mark.xfail(strict=True)
def test_xpasses():
    pass

def test_chained():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("not there") from error

@pytest.fixture
def broken():
    yield
    raise RuntimeError("at the end")

def test_error_at_the_end(broken):
    pass

class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ready = True

    def setUp(self):
        assert self.ready

    def test_method(self):
        self.assertEqual(1, 2)

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()
"""


def test_all_that_pytest_shows_of_a_test_is_as_without_the_marker(project: Path, run: Run) -> None:
    write(project, EVERYTHING.replace("MARK", "[]"))
    plain = run("-rA", "--junitxml=out.xml", "-l")
    plain_xml = (project / "out.xml").read_text()
    write(project, EVERYTHING.replace("MARK", "pytest.mark.envguard(hostname='other')"))
    marked = run("-rA", "--junitxml=out.xml", "-l")
    assert "  test_it.py::test_fails: host:hostname=other" in marked.out
    assert _without_places(marked.out) == _without_places(plain.out)
    assert marked.code == plain.code == 1
    assert _without_places((project / "out.xml").read_text()) == _without_places(plain_xml)


def _without_places(text: str) -> str:
    """Take out what differs between any two runs, and our own section."""
    text = re.sub(r"=+ envguard =+\nfailed in an environment of its own:\n(  .*\n)+", "", text)
    text = re.sub(r"(in |time=\"|timestamp=\"|hostname=\"|at 0x)[-0-9a-fTZ:.+]+", r"\1_", text)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def test_subtests_come_back_as_they_are(project: Path, run: Run) -> None:
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests")
    source = """
pytestmark = MARK
def test_it(subtests):
    for n in range(3):
        with subtests.test("step", n=n):
            assert n != 1
"""
    write(project, source.replace("MARK", "[]"))
    plain = run("-v")
    write(project, source.replace("MARK", "pytest.mark.envguard('offline')"))
    marked = run("-v")
    assert _without_places(marked.out) == _without_places(plain.out)


def test_subtests_of_unittest_come_back(project: Path, run: Run) -> None:
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests")
    write(
        project,
        """
import unittest

@pytest.mark.envguard("offline")
class TestCase(unittest.TestCase):
    def test_method(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)
""",
    )
    result = run()
    assert result.code == 1
    assert "TestCase.test_method (n=1)" in result.out and "AssertionError: 1 == 1" in result.out


def test_methods_of_unittest_run_once_in_each_of_several_environments(project: Path, run: Run) -> None:
    write(
        project,
        """
import unittest

class TestCase(unittest.TestCase):
    @pytest.mark.envguard("lambda", "offline")
    def test_method(self):
        assert ("HOME" in os.environ) == (len(socket.if_nameindex()) == 1)

    def test_other(self):
        pass
""",
    )
    result = run("-v")
    assert result.code == 0, result
    assert (
        "TestCase::test_method[lambda] PASSED" in result.out and "TestCase::test_method[offline] PASSED" in result.out
    )
    assert "TestCase::test_other PASSED" in result.out
    assert run("test_it.py::TestCase::test_method[offline]").out.count("1 passed") == 1


def test_asynchronous_tests_work(project: Path, run: Run) -> None:
    pytest.importorskip("pytest_asyncio")
    write(
        project,
        """
import asyncio

@pytest.mark.asyncio
async def test_plain():
    await asyncio.sleep(0)

@pytest.mark.envguard("lambda")
@pytest.mark.asyncio
async def test_asyncio():
    await asyncio.sleep(0)
    assert "HOME" not in os.environ

@pytest.mark.asyncio
async def test_after():
    await asyncio.sleep(0)
""",
    )
    assert run("-W", "ignore").code == 0
    if "anyio" in run("--version", "--version").err + run("--version", "--version").out:
        write(
            project,
            """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.envguard("lambda")
@pytest.mark.anyio
async def test_anyio():
    assert "HOME" not in os.environ
""",
        )
        assert run("-W", "ignore").code == 0


def test_a_value_that_cannot_come_back_is_named_with_its_test(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_it(record_property):
    record_property("key", lambda: 1)

@pytest.mark.envguard("lambda")
def test_warns():
    class Local(UserWarning):
        pass
    import warnings
    warnings.warn(Local("careful"))
""",
    )
    result = run()
    assert result.code == 1
    assert "a value in the report's `user_properties` cannot come back from the test's own process" in result.out
    assert "UserWarning: Local: careful" in result.out
    assert "1 passed" in result.out  # the second test


# -- children that end badly -------------------------------------------------------------------------------------------


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
    assert not subprocess.run(["pgrep", "-f", f"sleep {1000 + os.getpid()}"], capture_output=True).stdout


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
    names = f"sleep {mark}|item/pool.py {process.pid}|{project}"
    _wait_for(lambda: not subprocess.run(["pgrep", "-f", names], capture_output=True).stdout)


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


# -- pytest's options --------------------------------------------------------------------------------------------------


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


def test_setup_show_shows_the_fixtures_of_marked_tests(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.fixture
def thing():
    return 1

@pytest.mark.envguard("lambda")
def test_marked(thing):
    pass

def test_after():
    pass
""",
    )
    result = run("--setup-show")
    assert result.has("SETUP    F thing", "test_it.py::test_marked (fixtures used: thing).", "TEARDOWN F thing") or (
        "SETUP    F thing" in result.out and "TEARDOWN F thing" in result.out
    )


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


# -- a fresh interpreter -----------------------------------------------------------------------------------------------


def test_fresh_imports_and_sets_up_everything_inside(project: Path, run: Run) -> None:
    (project / "pytest.ini").write_text("[pytest]\nmarkers = mine\naddopts = -p no:cacheprovider\n")
    write(
        project,
        "IMPORTED_AS = os.getuid()\n\n@pytest.fixture(scope='session')\ndef wide():\n    return os.getuid()",
        "conftest.py",
    )
    write(
        project,
        """
from conftest import IMPORTED_AS

@pytest.mark.mine
@pytest.mark.parametrize("n", ["a-b", "c[d]"])
@pytest.mark.envguard("lambda", fresh=True)
def test_it(wide, n, tmp_path, capsys):
    assert wide == IMPORTED_AS == os.getuid() == 993
    print("seen")
    assert capsys.readouterr().out == "seen\\n"

def test_outside(wide):
    assert wide == IMPORTED_AS != 993
""",
    )
    result = run("--strict-markers", "-rA")
    assert result.code == 0, result


def test_what_lies_in_the_working_folder_does_not_get_in_the_way_of_a_fresh_interpreter(project: Path) -> None:
    for name in ("pickle", "copyreg", "struct"):
        (project / f"{name}.py").write_text("raise RuntimeError('not meant')")
    (project / "tests").mkdir()
    write(project / "tests", "@pytest.mark.envguard('offline', fresh=True)\ndef test_it():\n    pass")
    program = "import sys; sys.path.remove(''); import pytest; sys.exit(pytest.main(['tests']))"
    words = [sys.executable, "-c", program]
    ended = subprocess.run(words, cwd=project, env=plain_environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_an_import_that_fails_only_inside_is_told_with_its_traceback(project: Path, run: Run) -> None:
    (project / "app.py").write_text("import os\nopen(os.path.expanduser('~/.app'), 'w').close()\n")
    write(project, "import app\n\n@pytest.mark.envguard('readonly_root', fresh=True)\ndef test_it():\n    pass")
    result = run()
    (Path.home() / ".app").unlink(missing_ok=True)
    assert result.code == 1
    assert "Read-only file system" in result.out and "app.py:2" in result.out


def test_running_threads_are_told_of_and_fresh_avoids_them(project: Path, run: Run) -> None:
    write(
        project,
        """
import threading
threading.Thread(target=time.sleep, args=(60,), daemon=True, name="sleeper").start()

@pytest.mark.envguard("lambda")
def test_fork():
    assert threading.active_count() == 1

@pytest.mark.envguard("lambda", fresh=True)
def test_fresh():
    assert threading.active_count() == 2
""",
    )
    result = run()
    assert result.code == 0, result
    assert "EnvguardWarning: test_it.py::test_fork is forked from a process with 1 further thread" in result.out
    assert "fresh=True" in result.out and "DeprecationWarning" not in result.out


# -- bad input, and machines that can't ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marker", "message", "hint"),
    [
        ('"lamda"', "no profile is named `lamda`", "did you mean `lambda`?"),
        ('"lambda", tmp_sze="1M"', "no dimension or setting is named `tmp_sze`", "did you mean `tmp_size`?"),
        ('"lambda", tmp_size="much"', "`tmp_size`: expected a size", ""),
        ("3", "expected names of profiles, got 3", 'for example `@pytest.mark.envguard("lambda")`'),
        ("", "names no profile", 'for example `@pytest.mark.envguard("lambda")`'),
        ('"lambda", fresh=1', "`fresh`: expected True or False, got 1", ""),
        ('"lambda", timeout=-1', "`timeout`: expected seconds above zero, got -1", ""),
    ],
)
def test_a_mistake_in_a_marker_is_found_before_the_first_test(
    project: Path, run: Run, marker: str, message: str, hint: str
) -> None:
    write(project, f"def test_first():\n    pass\n\n@pytest.mark.envguard({marker})\ndef test_it():\n    pass")
    result = run()
    assert result.code == 4
    assert "ERROR: test_it.py::test_it: @pytest.mark.envguard" in result.err
    assert message in result.err and hint in result.err and "Traceback" not in result.err
    assert "1 passed" not in result.out
    parallel = run("-n", "1")
    assert parallel.code == 1 and message in parallel.out and "1 passed, 1 error" in parallel.out


@pytest.mark.parametrize("how", ["docker", "quota"])
def test_where_an_environment_cannot_be_enforced_the_test_is_an_error(project: Path, how: str) -> None:
    if how == "quota" and os.getuid() != 0:
        pytest.skip("an ordinary user cannot lower the quota")
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_marked():
    pass

@pytest.mark.xfail
def test_fixture(no_network):
    pass

@pytest.mark.envguard("lambda")
@pytest.mark.skip(reason="not today")
def test_skipped():
    pass

def test_plain():
    pass
""",
    )
    words = [sys.executable, str(FORBID), how, sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    result = subprocess.run(words, cwd=project, env=plain_environment(), capture_output=True, text=True)
    assert result.returncode == 1, result
    assert "`lambda` cannot be enforced here to the fidelity `exact`" in result.stdout
    assert "`no_network` cannot be enforced here to the fidelity `exact`" in result.stdout
    assert "1 passed, 1 skipped, 2 errors" in result.stdout


def test_a_plugin_that_runs_tests_itself_cannot_bypass_the_environment(project: Path, run: Run) -> None:
    write(
        project,
        """
from _pytest.runner import runtestprotocol

class Mine:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        runtestprotocol(item, nextitem=nextitem)
        return True

def pytest_configure(config):
    config.pluginmanager.register(Mine())
""",
        "conftest.py",
    )
    write(project, "@pytest.mark.envguard('lambda')\ndef test_it():\n    pass")
    result = run()
    assert result.code == 1
    assert "asks for an environment and would run without it" in result.out


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


def test_on_another_operating_system_the_test_is_an_error(project: Path, run: Run) -> None:
    write(
        project,
        """
import signal
sys.platform = "darwin"
del signal.SIGRTMAX
sys.modules["resource"] = None
""",
        "conftest.py",
    )
    write(
        project,
        "def test_plain():\n    pass\n\n@pytest.mark.envguard('lambda')\ndef test_it():\n    pass\n\ndef test_fixture(no_shm):\n    pass",
    )
    result = run()
    assert result.code == 1
    assert result.out.count("environments are enforced by the Linux kernel, and this is darwin") >= 2
    assert "1 passed, 2 errors" in result.out
