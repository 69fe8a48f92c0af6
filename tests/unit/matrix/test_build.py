"""Cells come into being: resolved, built, shared, used again; and nothing is left of those that don't."""

from __future__ import annotations

import contextlib
import datetime
import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix import store as store_module
from pytest_envguard.matrix.axes import VersionSet, read_asked
from pytest_envguard.matrix.build import Workshop, make_cells, make_several, moment, open_workshop, pins
from pytest_envguard.matrix.settings import Settings, read_settings
from pytest_envguard.matrix.store import RECORD, VARIABLE, Store
from pytest_envguard.matrix.uv import NO_INTERPRETER, NOT_BUILT, NOT_RESOLVABLE, OFFLINE, UvError
from pytest_envguard.model.cell import Cell, NotReady, Ready
from tests.unit.matrix import shelf

ROOT = Path(__file__).parents[3]


class Heard:
    """Progress that is taken down."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self.details: list[str] = []
        self.names: list[str] = []

    def begin(self, names: Sequence[str]) -> None:
        """Take the names down."""
        self.names = list(names)

    def step(self, name: str, stage: str, detail: str = "") -> None:
        """Take a step down."""
        self.steps.append((name, stage))
        self.details.append(detail)


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with an index of apples besides the real one, a store and uv's cache, used by all tests here."""
    folder = tmp_path_factory.mktemp("cells")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")
        for version in ("1.0", "1.1", "2.0"):
            shelf.wheel(folder / "files", "apple", version, ["pear<2"] if version == "2.0" else ["pear"])
        for version in ("1.0", "2.0"):
            shelf.wheel(folder / "files", "pear", version)
        shelf.alone(monkeypatch, folder)
        monkeypatch.setenv("UV_INDEX", shelf.index(folder / "files"))
        yield folder


@pytest.fixture
def project(around: Path, tmp_path: Path) -> Path:
    """Return a project with one module, which needs apples."""
    project = tmp_path / "my project"
    project.mkdir()
    (project / "orchard.py").write_text("import apple\n")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit-core"]\nbuild-backend = "flit_core.buildapi"\n'
        '[project]\nname = "orchard"\nversion = "0.1"\ndescription = "x"\ndependencies = ["apple>=1"]\n'
    )
    return project


def cell(apple: str, **others: str) -> Cell:
    """Return a cell with a version of apple, of others if given."""
    return Cell((("apple", apple), *others.items()))


def ready(made: Ready | NotReady) -> Ready:
    """Return a cell that must be ready."""
    assert isinstance(made, Ready), made
    return made


def run(made: Ready, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run code in a cell."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([made.python, *options, "-c", code], env=environ, capture_output=True, text=True, cwd="/")


@pytest.fixture
def workshop(project: Path) -> Iterator[Workshop]:
    """Return what makes the cells of the project."""
    made = open_workshop(Settings(), project, progress=Heard())
    yield made
    made.store.release()


def test_a_cell_has_the_project_its_versions_and_the_worker(workshop: Workshop, project: Path) -> None:
    """The project's own sources, not a copy of them; pytest finds this plugin."""
    (made,) = map(ready, workshop.build([cell("1.0")]))
    asked = "import apple, orchard, pytest, xdist, pytest_envguard; print(apple.VERSION, orchard.__file__, pytest.__version__)"
    assert run(made, asked, "-I").stdout.split(maxsplit=2) == [
        "1.0",
        *f"{project}/orchard.py {pytest.__version__}\n".split(maxsplit=1),
    ]
    out = subprocess.run([made.python, "-m", "pytest", "--version", "--version"], capture_output=True, text=True)
    assert "pytest-envguard-" in out.stdout + out.stderr
    assert {"apple": "1.0", "orchard": "0.1", "pear": "2.0"}.items() <= made.packages.items()
    assert "pytest-envguard" in made.packages and "execnet" in made.packages
    assert Path(made.python).parent.parent == Path(made.folder) and str(project) in made.path
    assert made.base == sys.base_prefix and made.version == ".".join(map(str, sys.version_info[:3]))
    assert datetime.datetime.fromisoformat(made.resolved).tzinfo is not None


def test_a_second_run_starts_no_process(workshop: Workshop, project: Path) -> None:
    """What was resolved in the last hours holds, and the cell is there."""
    (made,) = map(ready, workshop.build([cell("1.0")]))
    heard = Heard()
    again = open_workshop(Settings(), project, progress=heard)
    again.uv.stop()  # from now on it refuses to run
    began = time.monotonic()
    (found,) = map(ready, again.build([cell("1.0")]))
    assert found.folder == made.folder and found.resolved == made.resolved
    assert heard.steps == [("apple1.0", "ready")] and time.monotonic() - began < 1
    again.store.release()


@pytest.mark.parametrize("change", ["the project's requirements", "a file of requirements", "after a day"])
def test_what_may_have_changed_is_resolved_again(project: Path, change: str) -> None:
    """Otherwise a matrix would go on with yesterday's answer."""
    (project / "more.txt").write_text("pear\n")
    settings = Settings(where="here", install=(".", "-r more.txt"))
    first = open_workshop(settings, project)
    (made,) = map(ready, first.build([cell("1.0")]))
    if change == "the project's requirements":
        text = (project / "pyproject.toml").read_text()
        (project / "pyproject.toml").write_text(text.replace('["apple>=1"]', '["apple>=1", "pear<2"]'))
    elif change == "a file of requirements":
        (project / "more.txt").write_text("pear<2\n")
    else:
        for path in (first.store.root / "remembered" / "resolution").iterdir():
            path.write_text(json.dumps({**json.loads(path.read_text()), "when": time.time() - 25 * 3600}))
    heard = Heard()
    second = open_workshop(settings, project, progress=heard)
    (found,) = map(ready, second.build([cell("1.0")]))
    assert ("apple1.0", "resolving") in heard.steps
    assert (found.folder == made.folder) == (change == "after a day")
    assert found.packages["pear"] == ("2.0" if change == "after a day" else "1.0")


def test_a_change_of_the_sources_needs_no_new_cell(workshop: Workshop, project: Path) -> None:
    """They're read where they are."""
    (made,) = map(ready, workshop.build([cell("1.0")]))
    (project / "orchard.py").write_text("NEW = 'seen'\n")
    (found,) = map(ready, open_workshop(Settings(), project).build([cell("1.0")]))
    assert found.folder == made.folder
    assert run(found, "import orchard; print(orchard.NEW)").stdout == "seen\n"


def test_contradictions_are_cells_too(workshop: Workshop) -> None:
    """In their place, with uv's reason; an hour long nobody asks again."""
    made = workshop.build([cell("1.1"), cell("2.0", pear="2.0"), cell("2.0")])
    assert [type(one) for one in made] == [Ready, NotReady, Ready]
    refused = made[1]
    assert isinstance(refused, NotReady) and refused.cell == cell("2.0", pear="2.0") and refused.kind == NOT_RESOLVABLE
    assert refused.reason.startswith("Because ") and "=2.0 depends on pear<2" in refused.reason
    steps = workshop.progress.steps  # type: ignore[attr-defined]
    assert workshop.progress.names == ["apple1.1", "apple2.0-pear2.0", "apple2.0"]  # type: ignore[attr-defined]
    assert steps[-1][1] == "ready" and ("apple2.0-pear2.0", "not resolvable") in steps
    again = open_workshop(Settings(), workshop.project)
    again.uv.stop()
    assert again.build([cell("2.0", pear="2.0")]) == [refused]


def test_a_package_that_cannot_be_built_shows_why(project: Path) -> None:
    """The end of what its build printed."""
    (project / "broken").mkdir()
    (project / "broken" / "setup.py").write_text(
        "import sys\nfrom setuptools import setup\n"
        "if 'bdist_wheel' in sys.argv or 'editable_wheel' in sys.argv: sys.exit('error: no such file: foo.h')\n"
        "setup(name='broken', version='1')\n"
    )
    settings = Settings(where="here", install=("./broken",))
    workshop = open_workshop(settings, project)
    (made,) = workshop.build([cell("1.0")])
    assert isinstance(made, NotReady) and made.kind == NOT_BUILT
    assert made.reason.startswith("Failed to build `broken") and "error: no such file: foo.h" in made.reason
    assert half_made(workshop.store) == []


def half_made(store: Store) -> list[str]:
    """Return what is in the store that is no cell."""
    return [entry.key for entry in store.entries() if not entry.record]


def test_a_mistake_in_a_requirement_is_the_users(project: Path) -> None:
    """No cell can be had then, and it isn't a cell's fault."""
    (project / "r.txt").write_text("six=!1\n")
    with pytest.raises(EnvguardError, match=r"uv can't make the cell apple1\.0: .*no such comparison operator"):
        open_workshop(Settings(where="here", install=("-r r.txt",)), project).build([cell("1.0")])


def test_an_interpreter_that_is_not_here_is_a_reason(workshop: Workshop) -> None:
    """Nothing is downloaded."""
    (made,) = workshop.build([cell("1.0", python="3.49")])
    assert isinstance(made, NotReady) and made.kind == NO_INTERPRETER
    assert made.reason.startswith("No interpreter found for Python 3.49") and "`uv python install 3.49`" in made.reason


def other_python() -> str:
    """Return the version of an interpreter that isn't the running one, "" if there is none."""
    from pytest_envguard.matrix import interpreters
    from pytest_envguard.matrix.uv import Uv, UvError, find

    for minor in (10, 12, 13, 14):
        with contextlib.suppress(UvError):
            if minor != sys.version_info[1]:
                words = ("python", "find", "--system", "--no-project", "--no-python-downloads", f"3.{minor}")
                Uv(find(), os.environ, Path("/")).run(*words, environ=interpreters.with_managed(os.environ))
                return f"3.{minor}"
    return ""


def test_another_interpreter_makes_another_cell(workshop: Workshop) -> None:
    """With its own bytecode."""
    version = other_python()
    if not version:
        pytest.skip("this machine has no other Python")
    (made,) = map(ready, workshop.build([cell("1.0", python=version)]))
    assert made.version.startswith(f"{version}.") and made.cell.name == f"py{version.replace('.', '')}-apple1.0"
    tag = f"cpython-{version.replace('.', '')}"
    assert list(Path(made.folder).glob(f"lib/*/site-packages/__pycache__/apple.{tag}.pyc"))


# Bytecode


def compiled(verbose: str) -> list[str]:
    """Return what ``python -v`` says about bytecode that wasn't there."""
    return [
        line
        for line in verbose.splitlines()
        if "wrote" in line or "could not create" in line or "bytecode is stale" in line
    ]


def test_imports_find_their_bytecode(workshop: Workshop) -> None:
    """Nothing is compiled and nothing is written by them, whoever has made the bytecode."""
    first, second = map(ready, workshop.build([cell("1.0"), cell("1.1")]))
    for made in (first, second):
        before = sorted(Path(made.folder).rglob("*.pyc"))
        out = run(made, "import apple, pytest, xdist.dsession, pygments.lexers, pytest_envguard.plugin", "-v", "-I")
        assert out.returncode == 0, out.stderr[-500:]
        assert compiled(out.stderr) == [] and "site-packages/__pycache__/apple" in out.stderr
        assert sorted(Path(made.folder).rglob("*.pyc")) == before
    name = run(second, "import _pytest.main as m; print(m.wrap_session.__code__.co_filename)").stdout.strip()
    assert name.startswith(second.folder)


def test_bytecode_is_compiled_once_for_all_cells(workshop: Workshop) -> None:
    """Cells that share a file share its bytecode: an extra cell takes hardly any disk."""
    first, second = map(ready, workshop.build([cell("1.0"), cell("1.1")]))
    within = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/_pytest"
    files = [Path(one.folder, within) for one in (first, second)]
    for path in ("main.py", f"__pycache__/main.{sys.implementation.cache_tag}.pyc"):
        assert os.path.samefile(files[0] / path, files[1] / path)
    size = store_module.measure([Path(second.folder)])
    assert size.freed < size.used / 5


def test_copies_are_noted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uv can't link, every cell takes its full size; bytecode is there all the same."""
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    (made,) = map(ready, open_workshop(Settings(), project).build([cell("1.0", pear="1.0")]))
    assert any("uv's cache is on another file system" in note for note in made.notes)
    assert compiled(run(made, "import apple, pytest", "-v", "-I").stderr) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_everyone_can_read_a_cell(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask, and whatever the modes in uv's cache."""
    tmp_path.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    before = os.umask(0o077)
    try:
        (made,) = map(ready, open_workshop(Settings(where="x", install=()), project).build([cell("1.0")]))
    finally:
        os.umask(before)
    closed = [
        path for path in Path(made.folder).rglob("*") if not path.is_symlink() and not path.stat().st_mode & 0o004
    ]
    assert closed == []
    folders = [Path(made.folder), *Path(made.folder).parents[:2]]
    assert all(folder.stat().st_mode & 0o005 == 0o005 for folder in folders)


# Together


def in_another_process(project: Path, *versions: str) -> subprocess.Popen[str]:
    """Build cells in another process, which prints their steps."""
    script = f"""
import sys
from pathlib import Path
from pytest_envguard.matrix.build import open_workshop
from pytest_envguard.matrix.settings import Settings
from pytest_envguard.model.cell import Cell
class Told:
    def begin(self, names): pass
    def step(self, name, stage, detail=""): print(stage, flush=True)
cells = [Cell((("apple", version),)) for version in {versions!r}]
for made in open_workshop(Settings(), Path({str(project)!r}), progress=Told()).build(cells):
    print(type(made).__name__, getattr(made, "folder", made), flush=True)
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environ)


def new_store(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Store:
    """Return an empty store that all of a test uses."""
    monkeypatch.setenv(VARIABLE, str(folder / "store"))
    return store_module.open_store()


def test_two_runs_build_a_cell_once(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and says so."""
    store = new_store(monkeypatch, tmp_path)
    outputs = [run.communicate()[0] for run in [in_another_process(project, "1.0") for _ in range(2)]]
    endings = {output.splitlines()[-1] for output in outputs}
    assert len(endings) == 1 and endings.pop().startswith("Ready ")
    assert len(store.entries()) == 1 and half_made(store) == []
    assert sum("building" in output for output in outputs) == 1
    assert sum("waiting for another run" in output for output in outputs) == 1 or any(
        "building" not in output and "waiting" not in output for output in outputs
    )


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("stage", ["building", "compiling bytecode"])
def test_a_build_that_is_killed_leaves_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: signal.Signals, stage: str
) -> None:
    """Not even where the process that has asked for it can't do anything any more; the next run simply builds it."""
    store = new_store(monkeypatch, tmp_path)
    process = in_another_process(project, "1.0")
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == stage:
            break
    began = time.monotonic()
    process.send_signal(ending)
    process.wait()
    assert time.monotonic() - began < 5 and process.returncode != 0
    for _ in range(200):
        if not any(store.cell("").iterdir()):
            break
        time.sleep(0.05)
    assert store.entries() == []
    out, _ = in_another_process(project, "1.0").communicate()
    assert out.splitlines()[-1].startswith("Ready ")


def test_who_is_stopped_begins_nothing_more(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that waited for a processor would be built after Ctrl-C otherwise, and Python would wait for them."""
    begun: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: begun.append(1))
    workshop.stop()
    with pytest.raises(UvError) as caught:
        workshop._run_builder(cell("1.0"), None, None)  # type: ignore[arg-type]
    assert (caught.value.failure.reason, begun) == ("stopped", [])


def test_what_a_dead_build_has_left_is_built_anew(workshop: Workshop) -> None:
    """After a power cut nothing cleans up."""
    (made,) = map(ready, workshop.build([cell("1.0")]))
    workshop.store.release()
    (Path(made.folder) / RECORD).unlink()
    shutil.rmtree(Path(made.folder) / "bin")
    (found,) = map(ready, open_workshop(Settings(), workshop.project).build([cell("1.0")]))
    assert found.folder == made.folder and run(found, "import apple").returncode == 0


# The index


class Served(http.server.SimpleHTTPRequestHandler):
    """The files of an index."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_without_the_index_an_older_resolution_holds(
    around: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell says so, and of which day; one that was never resolved is a cell that can't be had."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Served, directory=str(around / "files"))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("UV_INDEX", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    first = open_workshop(Settings(), project)
    (made,) = map(ready, first.build([cell("1.0")]))
    server.shutdown()
    server.server_close()
    for path in (first.store.root / "remembered" / "resolution").iterdir():
        remembered = json.loads(path.read_text())
        path.write_text(json.dumps({**remembered, "when": remembered["when"] - 30 * 24 * 3600}))
    found, lost = open_workshop(Settings(), project).build([cell("1.0"), cell("1.1")])
    assert ready(found).folder == made.folder
    (note,) = [note for note in ready(found).notes if note.startswith("as resolved on ")]
    assert note.startswith(f"as resolved on {made.resolved[:10]}: Failed to fetch: `http") or "Failed to fetch" in note
    assert isinstance(lost, NotReady) and lost.kind == OFFLINE and "127.0.0.1" in lost.reason


# From what was asked for


def asked(*texts: str) -> VersionSet:
    """Return what `--envguard-versions` asks for."""
    return read_asked(texts, {})


def test_axes_become_cells(project: Path) -> None:
    """`latest` is what the project would get, `lowest` what it allows, a range each minor's last."""
    text = (project / "pyproject.toml").read_text().replace("apple>=1", "apple>=1.1")
    (project / "pyproject.toml").write_text(text)
    made = make_cells(asked("apple==lowest,latest", "pear>=1"), Settings(), project)
    kinds = {one.cell.name: type(one) for one in made}
    assert kinds == {
        "apple1.1-pear1.0": Ready, "apple1.1-pear2.0": Ready, "apple2.0-pear1.0": Ready, "apple2.0-pear2.0": NotReady,
    }  # fmt: skip
    assert [name for name in kinds if kinds[name] is Ready] == [
        one.cell.name
        for one in made
        if isinstance(one, Ready) and one.packages["apple"] == dict(one.cell.versions)["apple"]
    ]


def test_a_version_that_is_not_there_ends_it_before_anything_is_built(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the nearest ones."""
    store = new_store(monkeypatch, tmp_path)
    with pytest.raises(EnvguardError) as caught:
        make_cells(asked("apple==1.0,1.5"), Settings(), project)
    assert str(caught.value) == "apple 1.5 is not on the index\nhint: nearest: 1.1 and 2.0"
    assert store.entries() == []


def test_single_tests_get_one_cell_each(project: Path) -> None:
    """What is wrong with one is its own."""
    made = make_several([asked("apple==1.0"), asked("apple==7.0"), asked("apple==1.1")], Settings(), project)
    assert [type(one) for one in made] == [Ready, NotReady, Ready]
    assert isinstance(made[1], NotReady) and "apple 7.0 is not on the index" in made[1].reason


def test_as_of_a_day_the_rest_is_of_its_time_but_the_worker_is_not(
    around: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of its release: the day on which the pinned release came out. What pytest needs of later days is noted."""
    monkeypatch.delenv("UV_INDEX")
    settings = Settings(where="x", install=("pyparsing",))
    (made,) = map(ready, make_cells(asked("six==1.16.0", "as-of=release"), settings, tmp_path))
    assert made.cell.as_of == "2021-05-05" and made.packages["pyparsing"] == "2.4.7"
    assert made.packages["pytest"] == pytest.__version__
    newer = [note.split()[0] for note in made.notes if "is newer than 2021-05-05" in note]
    assert set(newer) <= {"packaging", "pygments", "exceptiongroup", "tomli", "typing-extensions"}
    assert "packaging" in newer or made.packages["packaging"] <= "20.9"


def test_the_end_of_a_day_counts() -> None:
    """uv takes what is older than a moment."""
    assert moment("2024-02-28") == "2024-02-29T00:00:00Z"


def test_settings_that_name_another_content_are_used(project: Path) -> None:
    """From the project's own file."""
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text + '\n[tool.envguard]\ninstall = ["pear<2"]\n')
    workshop = open_workshop(read_settings(project / "pyproject.toml"), project)
    (made,) = map(ready, workshop.build([cell("1.0")]))
    assert made.packages["pear"] == "1.0" and "orchard" not in made.packages
    assert workshop.contents.describe() == "pear<2, as [tool.envguard] says"


def test_the_running_environments_versions_are_preferred(
    around: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a folder says nothing about itself, cells are like what runs, but for their versions."""
    from pytest_envguard.matrix import contents

    shown = contents.Contents(requirements=("apple",), preferences={"pear": "1.0", "apple": "2.0"})
    monkeypatch.setattr(contents, "running", lambda: shown)
    (tmp_path / "empty").mkdir()
    (made,) = map(ready, open_workshop(Settings(), tmp_path / "empty").build([cell("1.1")]))
    assert made.packages["apple"] == "1.1" and made.packages["pear"] == "1.0"


def test_every_kind_of_package_in_a_lock_can_be_installed() -> None:
    """Of an index, a folder, a repository, an address."""
    lock = """
        [[packages]]
        name = "six"
        version = "1.17.0"
        [[packages]]
        name = "app"
        directory = { path = "/my app", editable = true }
        [[packages]]
        name = "lib"
        directory = { path = "/lib" }
        [[packages]]
        name = "tool"
        vcs = { type = "git", url = "https://x/y", requested-revision = "main", commit-id = "abc", subdirectory = "z" }
        [[packages]]
        name = "wheel"
        archive = { url = "https://x/wheel.whl" }
        [[packages]]
        name = "local"
        archive = { path = "/l.whl" }
        """
    assert pins(lock).splitlines() == [
        "six==1.17.0",
        "-e file:///my%20app",
        "lib @ file:///lib",
        "tool @ git+https://x/y@abc#subdirectory=z",
        "wheel @ https://x/wheel.whl",
        "local @ file:///l.whl",
    ]
