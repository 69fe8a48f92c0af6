"""Fixtures that ask for one dimension each, and how marker and fixtures are found."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run, write


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
    assert (
        "@pytest.mark.envguard(*profiles, versions=None, fresh=False, timeout=None, **dimensions):"
        in run("--markers").out
    )
    shown = run("--fixtures").out
    for name in ("readonly_root", "noexec_tmp", "no_network", "no_shm", "cold_start", "fake_environment"):
        assert f"\n{name} -- " in shown
    assert "no docstring available" not in shown[shown.index("envguard_environment") :].split("[session scope]")[0]
