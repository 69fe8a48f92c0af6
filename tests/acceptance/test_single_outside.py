"""A test in its own process, and what lives in pytest's: wider fixtures and temporary folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run, write


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
    assert "Captured stdout setup" in result.out and "\nset up\n" in result.out
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
