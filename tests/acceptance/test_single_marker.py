"""The marker: in which environment a test runs, and that it is there."""

from __future__ import annotations

import os
from pathlib import Path

from .conftest import Run, write


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
    assert "1 passed" in run("test_it.py::test_it[offline-2]").out


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
