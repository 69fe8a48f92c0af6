"""Version matrices as a user meets them: real releases, real virtual environments, one report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.acceptance.conftest import Result, Run, plain_environment, start, write

SIX = "--envguard-versions=six==1.16.0,1.17.0"
pytestmark = pytest.mark.usefixtures("cache")

PLAIN = """
import six

def test_version():
    assert six.__version__ == "1.17.0"

def test_always():
    pass
"""


def test_the_suite_runs_once_with_each_version(run: Run, project: Path, table: Path) -> None:
    """Each cell has its own release; the table and the groups say which one fails."""
    write(project, PLAIN)
    result = run(SIX, "-p", "no:cacheprovider")
    assert result.code == 1, result
    result.check(1, "1 failed, 3 passed")
    assert "fails with six 1.16.0: 1 test" in result.out, result
    assert result.has("six     result", "1.16.0  1 FAIL", "1.17.0  passes"), result


def test_versions_multiply_environments_and_are_compared_with_the_host_of_the_same_versions(
    run: Run, project: Path, table: Path
) -> None:
    """What fails in lambda only is told from what fails with one release everywhere."""
    write(project, PLAIN + "\ndef test_write():\n    pathlib.Path('here').write_text('')\n")
    result = run(SIX, "--envguard=lambda,host")
    assert "fails with six 1.16.0, on the host too: 1 test" in result.out, result
    assert "fails only in lambda: 1 test" in result.out, result
    assert result.code == 1


def test_junit_and_json_have_the_versions_of_every_cell(run: Run, project: Path, table: Path, tmp_path: Path) -> None:
    """What was resolved stands in both, and each test says which cell it ran in."""
    write(project, PLAIN)
    junit, report = tmp_path / "junit.xml", tmp_path / "report.json"
    result = run(SIX, f"--junitxml={junit}", f"--envguard-report={report}")
    result.check(1, f"report written to {report}")
    tree = ElementTree.parse(junit)
    properties = {
        suite.get("name"): {one.get("name"): one.get("value", "") for one in suite.iterfind("properties/property")}
        for suite in tree.iterfind("testsuite")
    }
    assert list(properties) == ["pytest six1.16.0", "pytest six1.17.0"]
    assert properties["pytest six1.16.0"]["envguard_versions"] == "six==1.16.0"
    assert "six==1.16.0" in properties["pytest six1.16.0"]["envguard_packages"].split()
    cases = {(case.get("classname"), case.get("name")) for case in tree.iter("testcase")}
    assert ("six1.16.0.test_it", "test_version") in cases
    assert "six1.17.0" in report.read_text(encoding="utf-8")
    assert json.loads(report.read_text(encoding="utf-8"))["environments"]


def test_versions_that_contradict_each_other_are_a_row_and_not_the_end(run: Run, project: Path, table: Path) -> None:
    """uv's own reason is shown; the other cells run, and their result is the run's."""
    table.write_text(table.read_text().replace("install = []", 'install = ["six>=1.17"]'))
    write(project, PLAIN)
    result = run(SIX)
    result.check(0, "2 passed")
    assert result.has("1.16.0  not resolvable", "1.17.0  passes"), result
    assert "Because you require six>=1.17 and six==1.16.0" in " ".join(result.out.split()), result


def test_nothing_but_contradictions_is_no_green_run(run: Run, project: Path, table: Path) -> None:
    """Where no test can run at all, the run has not passed."""
    table.write_text(table.read_text().replace("install = []", 'install = ["six>=1.17"]'))
    write(project, PLAIN)
    result = run("--envguard-versions=six==1.15.0,1.16.0")
    assert result.code == 4, result
    assert "there is no environment in which the tests could run" in result.err
    assert "six1.15.0: not resolvable: Because" in result.err


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["six==1.16.00x"], "expected a version such as"),
        (["six=="], "no version is named"),
        (["no-such-package-at-all-1==1.0"], "no-such-package-at-all-1"),
        (["six==1.16.7"], "1.16.0"),
        (["sets"], "no set of versions is named `sets`"),
        (["six>=1.10", "python==2.7"], "Python 2.7 is too old"),
    ],
)
def test_a_mistake_is_one_clear_error(run: Run, project: Path, table: Path, asked: list[str], said: str) -> None:
    """Exit code 4, nothing built, no traceback."""
    write(project, PLAIN)
    result = run(*(f"--envguard-versions={text}" for text in asked))
    assert (result.code, "Traceback" in result.err + result.out) == (4, False), result
    assert said in result.err, result
    assert "ready" not in result.out


def test_more_cells_than_processors_run_one_after_the_other(run: Run, project: Path, table: Path) -> None:
    """Every cell's tests run, with several workers each, and `-x` still ends it."""
    write(project, "import six\n@pytest.mark.parametrize('n', range(4))\ndef test_it(n):\n    pass\n")
    axes = ["--envguard-versions=six==1.15.0,1.16.0,1.17.0", "--envguard-versions=iniconfig==2.0.0,2.1.0"]
    result = run(*axes, "-n2")
    result.check(0, "24 passed")
    assert result.has("six     iniconfig  result", "1.15.0  2.0.0      passes", "1.17.0  2.1.0      passes"), result


def test_stopping_at_the_first_failure_begins_no_further_cell(run: Run, project: Path, table: Path) -> None:
    """`-x` means what it means without versions."""
    write(project, "def test_it():\n    assert False\n")
    result = run("--envguard-versions=six==1.13.0,1.14.0,1.15.0,1.16.0,1.17.0", "-x")
    assert result.code == 2, result  # as of pytest-xdist
    assert "5 failed" not in result.out, result


def test_programs_that_tests_start_are_the_cells(run: Run, project: Path, table: Path) -> None:
    """PATH and VIRTUAL_ENV are those of an activated environment, in a simulated environment too."""
    write(
        project,
        """
def test_python():
    code = "import six, sys; print(six.__version__, sys.prefix)"
    out = subprocess.check_output(["python", "-c", code], text=True).split()
    import six
    assert out == [six.__version__, sys.prefix] and os.environ["VIRTUAL_ENV"] == sys.prefix
""",
    )
    run(SIX, "--envguard=lambda,host").check(0, "4 passed")


def test_modules_are_compiled_when_a_cell_is_built(run: Run, project: Path, table: Path) -> None:
    """Under a read-only root nothing could be written at import, and every start would compile again."""
    write(project, "import six, importlib.util\ndef test_it():\n    assert os.path.exists(six.__cached__)\n")
    run(SIX, "--envguard=lambda").check(0, "2 passed")


def test_a_cell_is_used_again(run: Run, project: Path, table: Path, cache: Path) -> None:
    """A second run resolves and builds nothing."""
    write(project, PLAIN)
    run(SIX)
    before = {path: path.stat().st_mtime_ns for path in cache.glob("cells/*/pyvenv.cfg")}
    result = run(SIX)
    assert {path: path.stat().st_mtime_ns for path in cache.glob("cells/*/pyvenv.cfg")} == before
    assert "six     result" in result.out


def test_warnings_of_a_library_that_only_the_cell_has(run: Run, project: Path, table: Path) -> None:
    """They are told, by their name, where nobody could import their class."""
    write(
        project,
        """
import types, warnings
theirs = types.ModuleType("only_in_the_cell")
exec("class Deprecated(DeprecationWarning): pass", theirs.__dict__)
sys.modules["only_in_the_cell"] = theirs

def test_it():
    warnings.warn(theirs.Deprecated("use the other one"))
""",
    )
    result = run("--envguard-versions=six==1.17.0", "--envguard=lambda")
    result.check(0, "DeprecationWarning: Deprecated: use the other one")


def test_a_set_of_the_project(run: Run, project: Path, table: Path) -> None:
    """A table names axes, and what of them is left out."""
    table.write_text(
        table.read_text()
        + """
[tool.envguard.versions.ends]
six = ["1.16.0", "1.17.0"]
iniconfig = ["2.0.0", "2.1.0"]
exclude = [{ six = "<1.17", iniconfig = "2.0.0" }]
"""
    )
    write(project, "def test_it():\n    pass\n")
    result = run("--envguard-versions=ends")
    result.check(0, "3 passed")
    assert "six1.16.0-iniconfig2.0.0" not in result.out


# -- single tests ------------------------------------------------------------------------------------------------------

MARKED = """
@pytest.mark.envguard(versions={"six": ["1.16.0", "1.17.0"]})
def test_it():
    import six
    assert six.__version__ == "1.17.0"

def test_plain():
    assert "six" not in sys.modules
"""


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_a_single_test_in_versions_of_its_own(run: Run, project: Path, table: Path, workers: list[str]) -> None:
    """The marked test runs once with each release, the others as ever."""
    write(project, MARKED)
    result = run(*workers, "-v")
    result.check(1, "1 failed, 2 passed")
    assert "test_it.py::test_it[six1.16.0] FAILED" in result.out or workers, result
    assert "FAILED test_it.py::test_it[six1.16.0]" in result.out, result


def test_a_single_test_in_an_environment_with_versions(run: Run, project: Path, table: Path) -> None:
    """Both at once: the environment is real, and so is the release."""
    write(
        project,
        """
@pytest.mark.envguard("lambda", versions={"six": "1.16.0"})
def test_it():
    import six
    with pytest.raises(OSError) as caught:
        open("/here", "w")
    assert (six.__version__, caught.value.errno, os.getuid()) == ("1.16.0", errno.EROFS, 993)
""",
    )
    run("-v").check(0, "test_it.py::test_it PASSED")


def test_versions_of_a_single_test_that_contradict_the_project_are_its_error(
    run: Run, project: Path, table: Path
) -> None:
    """Nothing else suffers."""
    table.write_text(table.read_text().replace("install = []", 'install = ["six>=1.17"]'))
    write(project, MARKED)
    result = run()
    result.check(1, "2 passed, 1 error")
    assert "not resolvable: Because" in result.out


def test_versions_of_a_single_test_inside_of_an_environment_are_refused(run: Run, project: Path, table: Path) -> None:
    """No cell can be made there; the error names what can be done."""
    write(project, MARKED)
    result = run("--envguard=lambda")
    result.check(1, "2 errors")
    assert '@pytest.mark.envguard("lambda", versions=' in " ".join(result.out.split())
    run("--envguard=host").check(1, "1 failed, 2 passed")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ('versions={"six": []}', "no version is named"),
        ('versions="six==1.16.0"', "expected versions by package"),
        ('versions={"six": ">=1.15,<1.17"}', "expected single versions"),
        ('versions={"six": "1.16.0", "exclude": []}', "has no `exclude`"),
    ],
)
def test_a_mistake_in_a_marker(run: Run, project: Path, table: Path, argument: str, said: str) -> None:
    """It ends the run before the first test."""
    write(project, f"@pytest.mark.envguard({argument})\ndef test_it():\n    pass\n")
    result = run()
    assert result.code == 4, result
    assert said in result.err + result.out, result


# -- nothing left ------------------------------------------------------------------------------------------------------


def _started(project: Path, *arguments: str) -> subprocess.Popen[str]:
    return start(project, *arguments, stdin=subprocess.DEVNULL, env=plain_environment(), start_new_session=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_stopped_leaves_nothing_half_made(
    project: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Whatever ended pytest, no process of the build lives on and no cell is there; the next run makes it."""
    own = tmp_path / "cells-of-its-own"
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(own))
    write(project, PLAIN)
    process = _started(project, SIX)
    deadline = time.monotonic() + 60
    while not list(own.glob("cells/*/*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while _alive(own) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(own)
    half_made = [path for path in own.glob("cells/*/") if not (path / "envguard-cell.json").exists()]
    assert half_made == []
    result = Result(
        subprocess.run(
            [sys.executable, "-m", "pytest", SIX],
            cwd=project,
            env=plain_environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
    )
    result.check(1, "1 failed, 3 passed")


def _alive(folder: Path) -> list[str]:
    """Processes whose command line or variables name ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(words.decode(errors="replace"))
    return found
