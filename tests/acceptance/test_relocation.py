"""The project shown elsewhere, and environments without one of their variables, as a user sees them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from .conftest import Run, plain_environment, run_where_forbidden, write

TARGETS = ("/var/task", "/app-of-envguard/code", "/srv/app", "/tmp/app")


@pytest.fixture(autouse=True)
def untouched() -> object:
    """Nothing is made on this machine for a folder that isn't there."""
    before = [os.path.lexists(path) for path in TARGETS]
    yield
    assert [os.path.lexists(path) for path in TARGETS] == before


def laid_out(project: Path) -> None:
    """Write a project with a package, a file of data and a test for each way to them."""
    (project / "pytest.ini").write_text("[pytest]\npythonpath = src\n")
    (project / "src" / "app").mkdir(parents=True)
    (project / "src" / "app" / "__init__.py").write_text("def place():\n    return __file__\n")
    (project / "data.txt").write_text("data")
    (project / "tests").mkdir()
    write(project / "tests", "@pytest.fixture(scope='session')\ndef here():\n    return __file__\n", "conftest.py")
    write(
        project / "tests",
        f"""
import app, warnings

def test_hard_coded():
    open({str(project / "data.txt")!r}).close()

def test_is_there(here, tmp_path):
    print("works in", os.getcwd())
    place = "/var/task"
    assert (os.getcwd(), __file__, here) == (place, f"{{place}}/tests/test_it.py", f"{{place}}/tests/conftest.py")
    assert app.place() == "/var/task/src/app/__init__.py"
    assert pathlib.Path("data.txt").read_text() == "data"
    assert not os.path.exists({str(project)!r})
    assert os.environ.get("PWD") != {str(project)!r}
    (tmp_path / "x").write_text("x")
    if "DATA_OF_MINE" in os.environ:
        child = "import os, app; print(os.getcwd(), app.place())"
        found = subprocess.check_output([sys.executable, "-c", child], text=True)
        assert found == "/var/task /var/task/src/app/__init__.py\\n"
    warnings.warn("careful")

@pytest.mark.skip(reason="why not")
def test_skipped():
    pass
""",
    )


def test_hard_coded_paths_show(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds its files from where it lies passes, and reports name the files as they are called outside."""
    laid_out(project)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(project / "src"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("DATA_OF_MINE", str(project / "data.txt"))
    assert "1 failed, 1 passed, 1 skipped" in run().out  # keeps compiled files, which name this place
    result = run("--envguard=lambda:cwd=/var/task", "-n", "2", "-rs", str(project / "tests"))
    assert result.has(
        "fails only in lambda:cwd=/var/task: 1 test",
        "tests/test_it.py::test_hard_coded",
        "tests/test_it.py::test_hard_coded  FAILS                 passes",
    ), result
    assert "1 failed, 1 passed, 1 skipped, 1 warning" in result.out
    assert "note: the variable DATA_OF_MINE names" in result.out
    assert "\ntests/test_it.py:7: FileNotFoundError" in result.out
    assert f"{project}/tests/test_it.py:22: UserWarning: careful" in result.out
    assert "SKIPPED [1] tests/test_it.py:24: why not" in result.out
    assert "1 failed in" in run("--envguard=lambda:cwd=/var/task", "--lf", "../project/tests").out
    assert "\n>       open(" in result.out
    kept = list(project.rglob("*pytest*.pyc"))
    assert kept
    for file in kept:
        assert b"/var/task/tests" not in file.read_bytes(), file


def test_it_works_in_one_process_with_a_terminal(project: Path, run: Run) -> None:
    """And is told where it is."""
    laid_out(project)
    result = run("--envguard=offline:cwd=/var/task", "-s", str(project / "tests" / "test_it.py") + "::test_is_there")
    assert result.code == 0, result
    assert "works in /var/task\n" in result.out
    assert "what is written into" in result.out


@pytest.mark.parametrize("target", TARGETS)
def test_a_command_runs_in_the_folder(project: Path, target: str) -> None:
    """Whether or not it's there on this machine, and whatever else lies around it can be seen."""
    (project / "a.txt").write_text("a")
    words = [sys.executable, "-m", "pytest_envguard", "run", "-q", f"lambda:cwd={target}", "--", "sh", "-c"]
    script = f"pwd; ls; ls {project} 2>&1; ls -d /usr /var/lib; stat -c '%a' {target}/.."
    ended = subprocess.run([*words, script], cwd=project, capture_output=True, text=True, env=plain_environment())
    place, file, _, gone, *others = ended.stdout.splitlines()
    assert (place, file) == (target, "a.txt"), ended
    assert "No such file" in gone or "denied" in gone, ended
    assert others[:2] == ["/usr", "/var/lib"]
    assert others[2] in ("755", "555", "1777")


def test_a_virtual_environment_in_the_project_keeps_its_place(project: Path) -> None:
    """The only thing there; what is installed in it from the project's own source comes from the new place."""
    (project / "app.py").write_text("")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=project, check=True)
    python = project / ".venv" / "bin" / "python"
    site = Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig as s; print(s.get_path('purelib'))"], text=True
        ).strip()
    )
    (site / "others.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    finder = f"import sys, importlib.util as u\nMAPPING = {{'app': '{project}/app.py'}}\nclass Finder:\n"
    finder += "    def find_spec(name, *_):\n        return u.spec_from_file_location(name, MAPPING[name]) if name in MAPPING else None\n"
    (site / "__editable___app_finder.py").write_text(f"{finder}def install():\n    sys.meta_path.append(Finder)\n")
    (site / "__editable__.app.pth").write_text("import __editable___app_finder; __editable___app_finder.install()\n")
    (project / "tests").mkdir()
    write(
        project / "tests",
        f"""
import app

def test_it():
    assert app.__file__ == "/var/task/app.py"
    assert sys.prefix == {str(project / ".venv")!r}
    assert os.listdir({str(project)!r}) == [".venv"]
    child = [sys.executable, "-c", "import app; print(app.__file__)"]
    assert subprocess.check_output(child, text=True, cwd="/") == "/var/task/app.py\\n"
""",
    )
    words = [
        python,
        "-m",
        "pytest",
        "-p",
        "no:randomly",
        "--envguard=container:cwd=/var/task",
        "--import-mode=importlib",
        "tests",
    ]
    ended = subprocess.run(words, cwd=project, capture_output=True, text=True, env=plain_environment())
    assert ended.returncode == 0, ended.stdout
    assert "keeps its place" in ended.stdout.replace("\n    ", " ")


def test_a_single_test_and_a_cold_start_can_be_there(project: Path, run: Run) -> None:
    """In interpreters of their own: a fork of pytest's has imported the project from its place already."""
    laid_out(project)
    write(
        project / "tests",
        """
import app

@pytest.mark.envguard("offline", cwd="/srv/app", fresh=True)
def test_fresh(here):
    assert os.getcwd() == "/srv/app"
    assert (here, app.place()) == ("/srv/app/tests/conftest.py", "/srv/app/src/app/__init__.py")
    assert 0, "here"

def test_cold(cold_start):
    found = cold_start("import os; print(os.getcwd(), os.listdir())", profile="offline", cwd="/srv/app").check()
    assert found.output.startswith("/srv/app [") and "pytest.ini" in found.output
    assert "pytest.ini" in os.listdir()
""",
        "test_single.py",
    )
    outside, inside = (run(*words, "-k", "fresh or cold") for words in ([], ["--envguard=lambda:cwd=/var/task"]))
    for result in (outside, inside):
        assert "1 failed, 1 passed" in result.out, result
        assert "\ntests/test_single.py:10: AssertionError" in result.out, result

    write(
        project / "tests",
        "@pytest.mark.envguard('lambda', cwd='/srv/app')\ndef test_forked():\n    pass",
        "test_fork.py",
    )
    result = run("tests/test_fork.py")
    assert result.code == 4
    assert "no fork can be there" in result.err and "fresh=True" in result.err


def test_measured_lines_are_those_of_the_files_outside(project: Path, run: Run) -> None:
    """And no file of coverage's is left in the project but its own."""
    laid_out(project)
    result = run(
        "--envguard=host:cwd=/var/task",
        "--cov=tests",
        f"--cov={project / 'src'}",
        "-k",
        "is_there",
        "-p",
        "no:cacheprovider",
    )
    assert result.code == 0, result
    assert "100%" in result.line("src/app/__init__.py"), result
    assert sorted(path.name for path in project.iterdir() if "cov" in path.name) == [".coverage"]


@pytest.mark.parametrize("words", [[], ["--envguard-fidelity=python"]])
def test_without_mounts_it_is_refused(project: Path, words: list[str]) -> None:
    """Nothing else shows the project elsewhere, and so nothing pretends to."""
    write(project, "def test_it():\n    pass")
    result = run_where_forbidden(project, "docker", "--envguard=host:cwd=/var/task", *words)
    assert result.code == 4, result
    assert "cwd" in result.err and "hint: " in result.err


def test_what_a_missing_variable_costs_is_named_after_it(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One environment for each, besides the one with all; the host is what they are compared with."""
    (project / "pytest.ini").unlink()
    (project / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\n[tool.envguard.profiles.mine]\n"
        'inherits = "offline"\nunset-each = ["MODEL_PATH", "TOKEN"]\nenv = { TOKEN = "x" }\n'
    )
    write(
        project,
        """
def test_model():
    assert os.environ["MODEL_PATH"] == "/models"

def test_token():
    assert os.environ.get("TOKEN", "default")

@pytest.mark.envguard("mine")
def test_alone():
    assert "TOKEN" in os.environ
""",
    )
    assert "without MODEL_PATH, TOKEN in turn" in run("--envguard-list").out
    result = run("--envguard=mine", "-k", "not alone")
    assert result.code == 4
    assert "`mine` without MODEL_PATH would be the same: the variable isn't set there anyway" in result.err

    monkeypatch.setenv("MODEL_PATH", "/models")
    result = run("--envguard=mine", "-k", "not alone")
    assert result.has(
        "fails only in mine-without-MODEL_PATH: 1 test",
        "test_it.py::test_model",
        "mine-without-MODEL_PATH: KeyError: 'MODEL_PATH'",
    ), result
    assert "5 passed" in result.out and "fails only in mine-without-TOKEN" not in result.out
    result = run("-k", "alone", "-v")
    assert "test_alone[mine] PASSED" in result.out and "test_alone[mine-without-TOKEN] FAILED" in result.out
    assert "2 passed" in result.out
