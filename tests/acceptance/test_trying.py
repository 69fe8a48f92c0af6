"""`--envguard-fix=try`: the failing tests again with what may help, in all the ways an environment is enforced."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.processes import carrying, left_over

from .conftest import Run, plain_environment, start, write

CODE = """
import os, pathlib

def cache(variable="APP_CACHE", name="app"):
    folder = pathlib.Path(os.environ.get(variable) or f"cache/{name}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").write_text("x")

def model():
    folder = pathlib.Path(os.environ.get("APP_MODELS") or os.path.expanduser("~/.models"))
    return (folder / "weights").read_text()
"""
KNOWLEDGE = """
library = "app"
modules = ["app"]
summary = "the project's own code"

[[rules]]
name = "cache-in-home"
dimension = "root"
says = "app keeps its cache in {target}; {because}"
match = { by = ["project"], operation = ["mkdir", "open"], error = ["EROFS", "EACCES"], target = "home|cache" }
source = "app.py"
verified = "source"
unlike = "test_it.py"
REMEDIES
"""
MODELS = """
[[rules]]
name = "models-in-home"
dimension = "home"
says = "app reads its models from {target}; {because}"
match = { exception = ["FileNotFoundError"], error = ["ENOENT"], path = "models/weights" }
source = "app.py"
verified = "source"
unlike = "test_it.py"
"""
TESTS = """
import app

def test_caches():
    app.cache()

def test_ok():
    pass
"""


def knows(project: Path, *remedies: str, rules: str = "") -> None:
    """Give the project the code, and knowledge about it with these remedies (lines of TOML)."""
    (project / "app.py").write_text(CODE)
    written = "\n".join(f'[[rules.remedies]]\nsource = "app.py"\nverified = "source"\n{lines}\n' for lines in remedies)
    (project / "app.toml").write_text(KNOWLEDGE.replace("REMEDIES", written) + rules)
    settings = (project / "pyproject.toml").read_text() if (project / "pyproject.toml").exists() else ""
    if not settings:
        (project / "pytest.ini").unlink()
        settings = "[tool.pytest.ini_options]\n[tool.envguard]\n"
    settings = settings.replace("[tool.envguard]\n", '[tool.envguard]\nknowledge = ["app.toml"]\n')
    (project / "pyproject.toml").write_text(settings)


def setting(variable: str, value: str = "{tmp}/app") -> str:
    return f'set = {{ {variable} = "{value}" }}\nsays = "app then writes there"'


def trials(project: Path) -> list[dict[str, object]]:
    """Return what was tried, as the JSON report has it."""
    report = json.loads((project / "report.json").read_text())
    return [trial for cause in report["causes"] for trial in cause["tried"]]


@pytest.mark.parametrize("mechanism", ["auto", "calls", "python"])
def test_a_remedy_is_tried_and_said_to_work(project: Path, run: Run, mechanism: str) -> None:
    """However the environment is enforced; the run's own result stays as it was, and the machine's /tmp as well."""
    unique = f"envguard-tried-{os.getpid()}"
    knows(project, setting("WRONG"), setting("APP_CACHE", f"{{tmp}}/{unique}"))
    write(project, TESTS)

    result = run(
        "--envguard=lambda",
        "--envguard-fix=try",
        f"--envguard-mechanism={mechanism}",
        "--envguard-fidelity=python",
        "--junitxml=junit.xml",
    )

    result.check(1, "1 failed, 1 passed")
    folded = " ".join(result.out.split())
    assert f"tried in lambda: 1 of 1 passes with APP_CACHE=/tmp/{unique}" in folded, result
    assert f"envguard: trying APP_CACHE=/tmp/{unique} in lambda (1 test)" in result.out
    assert not Path("/tmp", unique).exists()
    assert (project / "junit.xml").read_text().count("<testcase ") == 2


def test_what_still_fails_is_told_with_what_it_says_now(project: Path, run: Run) -> None:
    """The new first line, not the old one."""
    knows(project, setting("APP_CACHE", "/proc/none"))
    write(project, TESTS)

    result = run("--envguard=lambda", "--envguard-fix=try")

    assert "/proc/none" in " ".join(
        result.out.partition("still fails with APP_CACHE=/proc/none, now with")[2].split()
    ), result


def test_two_remedies_that_only_help_together_are_found(project: Path, run: Run) -> None:
    """The smallest set, without what isn't needed."""
    knows(project, setting("ONE"), setting("USELESS"), setting("TWO"))
    write(project, "import app\ndef test_both():\n    app.cache('ONE', 'a')\n    app.cache('TWO', 'b')\n")

    result = run("--envguard=lambda", "--envguard-fix=try")

    assert "1 of 1 passes with ONE=/tmp/app TWO=/tmp/app" in " ".join(result.out.split()), result


def test_a_remedy_that_breaks_other_tests_is_shown_as_such(project: Path, run: Run) -> None:
    """With their names; a test that comes and goes by itself isn't blamed on it."""
    knows(project, setting("APP_CACHE"))
    write(project, TESTS + "\ndef test_default():\n    assert 'APP_CACHE' not in os.environ\n")

    result = run("--envguard=lambda", "--envguard-fix=try", "--envguard-report=report.json")

    (trial,) = trials(project)
    assert list(trial["broken"]) == ["test_it.py::test_default"], result  # type: ignore[call-overload]
    assert "test_it.py::test_default" in result.out.partition("tried in lambda")[2]


@pytest.mark.parametrize("mechanism", ["auto", "calls"])
def test_a_folder_is_filled_and_can_be_read_but_not_written(
    project: Path, run: Run, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied from the user's home; inside it's read-only as something deployed, outside it's removed."""
    home = project.parent / "home"
    (home / ".models").mkdir(parents=True)
    (home / ".models" / "weights").write_text("1 2 3")
    monkeypatch.setenv("HOME", str(home))
    seed = '[[rules.remedies]]\nseed = { variable = "APP_MODELS", sources = ["$NOWHERE", "~/.models"] }\nsays = "deploy them"'
    knows(project, setting("APP_CACHE"), rules=f'{MODELS}{seed}\nsource = "app.py"\nverified = "source"\n')
    write(
        project,
        "import app\ndef test_reads():\n    assert app.model() == '1 2 3'\n    if 'APP_MODELS' in os.environ:\n"
        "        print(os.environ['APP_MODELS'])\n        with pytest.raises(OSError):\n"
        "            pathlib.Path(os.environ['APP_MODELS'], 'more').write_text('x')\n",
    )

    result = run("--envguard=lambda", "--envguard-fix=try", f"--envguard-mechanism={mechanism}")

    assert "1 of 1 passes with a filled APP_MODELS" in " ".join(result.out.split()), result
    assert left_in_var_tmp(set()) == []


def left_in_var_tmp(before: set[Path]) -> list[Path]:
    """Return the folders of this user's runs that have ended."""
    found = [folder for folder in Path("/var/tmp").glob("envguard-remedies-*") if folder not in before]
    return [folder for folder in found if not Path("/proc", folder.name.split("-")[2]).exists()]


def test_the_import_of_a_file_is_mended(project: Path, run: Run) -> None:
    """Its tests run with the remedy too: one that fails then, and not on the host, is told."""
    knows(project, setting("APP_CACHE"))
    write(project, "import app\napp.cache()\n\ndef test_more():\n    pathlib.Path('here').write_text('')\n")

    result = run("--envguard=lambda", "--envguard-fix=try", "--envguard-report=report.json")

    first = trials(project)[0]
    assert first["passed"] == ["test_it.py"], result
    assert list(first["failed"]) == ["test_it.py::test_more"], result  # type: ignore[call-overload]


def test_coverage_of_trials_does_not_count(project: Path, run: Run) -> None:
    """A line that only a trial has reached is missing."""
    pytest.importorskip("pytest_cov")
    knows(project, setting("APP_CACHE"))
    write(project, TESTS)
    options = ("--cov=app", "--cov-report=term-missing", "--envguard-baseline=never")

    result = run("--envguard=lambda", "--envguard-fix=try", *options)

    assert "1 of 1 passes with APP_CACHE=/tmp/app" in " ".join(result.out.split()), result
    assert re.search(r"(?m)^app.py .*% +7, 10-11$", result.out), result
    assert "cov" not in result.err.lower(), result


def test_another_version_needs_versions(project: Path, run: Run) -> None:
    """Without them it stays advice, and the report says what it would take."""
    knows(project, 'upgrade = "six>=1.17"\nsays = "it was mended there"')
    write(project, TESTS)

    result = run("--envguard=lambda", "--envguard-fix=try")

    assert "six>=1.17: needs `--envguard-versions`" in result.out, result


@pytest.mark.usefixtures("cache", "table")
def test_another_version_is_built_and_tried(project: Path, run: Run) -> None:
    """In a cell of its own, in the same environment."""
    knows(project, 'upgrade = "six>=1.17"\nsays = "it was mended there"')
    write(project, "import six, app\n\ndef test_old():\n    if six.__version__ == '1.16.0':\n        app.cache()\n")
    options = ("--envguard=lambda", "--envguard-versions=six==1.16.0", "--envguard-fix=try")

    result = run(*options, "--envguard-report=report.json")

    (trial,) = trials(project)
    assert trial["passed"] == ["test_it.py::test_old"], result
    assert str(trial["cell"]).startswith("six1."), result
    assert trial["cell"] != "six1.16.0"


SLEEPS = """
import app

def test_caches():
    app.cache()
    if "APP_CACHE" in os.environ:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "MARK"], start_new_session=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_run_that_is_ended_while_it_tries_leaves_nothing(project: Path, number: signal.Signals) -> None:
    """No process; and no folder, after kill -9 at the latest when the next run begins."""
    knows(project, setting("APP_CACHE"))
    write(project, SLEEPS.replace("MARK", str(project)))
    words = ("--envguard=lambda", "--envguard-fix=try", "--envguard-mechanism=calls")
    process = start(project, *words, start_new_session=True, env=plain_environment())
    try:
        end = time.monotonic() + 60
        while not any("time.sleep(600)" in line for line in carrying(str(project))):
            assert time.monotonic() < end, "nothing was tried"
            time.sleep(0.05)
        folders = list(Path("/tmp").glob(f"envguard-remedies-{process.pid}-*"))
        assert folders
        if number is signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            os.kill(process.pid, number)
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()

    assert left_over(str(project)) == []
    if number is signal.SIGKILL:
        write(project, TESTS)
        start(project, *words).communicate(timeout=60)
    assert not any(folder.exists() for folder in folders)
