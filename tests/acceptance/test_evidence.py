"""What a failure leaves behind reaches the controller: in a report's attribute, through xdist and from a test's own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_envguard.model.evidence import Evidence, Fact, Frame, Overwritten

from .conftest import Result, Run, run_where_forbidden, write

Found = Callable[[], dict[tuple[str, str], Evidence]]

# On the controller, which is the only one that may write.
CONFTEST = """
import json, os, pathlib
import pytest

if "PYTEST_XDIST_WORKER" not in os.environ:

    def keep(nodeid, phase, report):
        if hasattr(report, "envguard_evidence"):
            with pathlib.Path(__file__).with_name("found.jsonl").open("a") as file:
                file.write(json.dumps([nodeid, phase, report.envguard_evidence]) + "\\n")

    def pytest_runtest_logreport(report):
        keep(report.nodeid.split("::")[-1].split(" ")[0], report.when, report)

    def pytest_collectreport(report):
        keep(report.nodeid.split(" ")[0], "import", report)
"""
LIBRARY = """
import os

FOLDER = os.path.join(os.path.dirname(__file__), "cache")
os.environ["CACHELIB_DIR"] = FOLDER

class CacheError(Exception):
    pass

def keep(name):
    try:
        os.mkdir(os.path.join(os.environ["CACHELIB_DIR"], name))
    except OSError as error:
        raise CacheError("not kept") from error
"""


@pytest.fixture
def found(project: Path) -> Found:
    """A project with a library, whose conftest keeps what arrives; returns it by test and phase."""
    folder = project / "lib" / "site-packages" / "cachelib"
    (folder / "cache").mkdir(parents=True)
    (folder / "__init__.py").write_text(LIBRARY)
    (project / "pytest.ini").write_text("[pytest]\npythonpath = lib/site-packages\n")
    (project / "conftest.py").write_text(CONFTEST)

    def read() -> dict[tuple[str, str], Evidence]:
        file = project / "found.jsonl"
        lines = map(json.loads, file.read_text().splitlines() if file.exists() else ())
        return {(nodeid, phase): Evidence.read(sent) for nodeid, phase, sent in lines}

    return read


@pytest.fixture(params=["namespaces", "calls"])
def environment(request: pytest.FixtureRequest, project: Path, run: Run) -> Run:
    """Run pytest where namespaces enforce, and where system calls are answered."""
    if request.param == "namespaces":
        return run

    def run_in_docker(*words: str) -> Result:
        return run_where_forbidden(project, "docker", *words)

    return run_in_docker


def test_a_failing_test_tells_why(
    project: Path, environment: Run, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exceptions with their calls, who overwrote which variable, variables, packages, output: and no secret."""
    monkeypatch.setenv("CACHELIB_DIR", "/tmp/mine")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CACHELIB_TOKEN", "never-to-be-told")
    write(
        project,
        """
import cachelib

def test_a():
    print("working with", os.environ["CACHELIB_TOKEN"])
    cachelib.keep("a")

def test_b():
    pass
""",
    )
    result = environment("--envguard=lambda")
    assert result.code == 1, result
    ((key, told),) = found().items()
    assert key == ("test_a", "call")
    folder = project / "lib/site-packages/cachelib/cache"
    first, second = told.raised
    assert (first.kind, first.message, first.bases[0]) == ("cachelib.CacheError", "not kept", "CacheError")
    assert (second.kind, second.error, second.path) == ("OSError", "EROFS", f"{folder}/a")
    assert second.frames == (Frame("cachelib", "cachelib/__init__.py:12", "keep"),)
    assert first.frames[-1] == Frame("test_it", "test_it.py:8", "test_a")
    assert (
        Overwritten("CACHELIB_DIR", str(folder), "/tmp/mine", "cachelib", "cachelib/__init__.py:5") in told.overwritten
    )
    assert not any(one.variable.startswith("PYTEST_") for one in told.overwritten)
    assert (told.variable("HF_HUB_OFFLINE"), told.variable("CACHELIB_DIR")) == ("1", str(folder))
    assert told.mentions == ("cachelib",)
    assert told.output == "working with ***\n"
    assert told.facts == ()
    assert "never-to-be-told" not in (project / "found.jsonl").read_text()


def test_setup_and_import_fail_as_well(project: Path, run: Run, found: Found) -> None:
    """A fixture's failure belongs to its phase; of a file that can't be imported the collector's report has it."""
    write(
        project,
        """
import cachelib

@pytest.fixture
def cache():
    cachelib.keep("a")

def test_a(cache):
    pass
""",
    )
    write(project, "import cachelib\nprint('importing')\ncachelib.keep('b')\n", "test_other.py")
    assert run("--envguard=lambda", "--continue-on-collection-errors").code == 1
    told = found()
    assert set(told) == {("test_a", "setup"), ("test_other.py", "import")}
    imported = told["test_other.py", "import"]
    assert [one.kind for one in imported.raised] == ["cachelib.CacheError", "OSError"]
    assert imported.raised[0].frames[-1] == Frame("test_other", "test_other.py:5", "<module>")
    assert (imported.mentions, imported.output) == (("cachelib",), "importing\n")


def test_what_is_no_failure_there_tells_nothing(project: Path, run: Run, found: Found) -> None:
    """Skipped, expected to fail, passed; and a failure on the host has none either."""
    write(
        project,
        """
def test_skipped():
    pytest.skip("no")

@pytest.mark.xfail
def test_expected():
    os.mkdir("made")

@pytest.mark.xfail(strict=True)
def test_unexpected():
    pass

def test_on_host():
    assert "PYTEST_ENVGUARD" in os.environ
""",
    )
    result = run("--envguard=readonly_root,host")
    assert result.code == 1, result
    assert found() == {}


SHARED_LIBRARY = """
import ctypes

def test_load(tmp_path):
    copy = tmp_path / "copy.so"
    with open("/proc/self/maps") as maps:
        (libc, *_) = [line.split()[-1] for line in maps if "libc." in line or "libc-" in line]
    copy.write_bytes(pathlib.Path(libc).read_bytes())
    ctypes.CDLL(str(copy))

def test_program(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\\n")
    program.chmod(0o755)
    subprocess.run([program])

def test_other():
    os.mkdir("made")
"""


def test_a_noexec_mount_is_measured(project: Path, environment: Run, found: Found) -> None:
    """Only where a library could not be mapped or a program not executed; the plugin's own filter is no fact."""
    write(project, SHARED_LIBRARY)
    assert environment("--envguard=container").code == 1
    told = found()
    for test in ("test_load", "test_program"):
        (fact,) = told[test, "call"].facts
        assert fact.name == "noexec"
        assert fact.subject.startswith("/tmp/"), fact
    assert told["test_other", "call"].facts == ()


def test_where_only_python_is_told_of_it(project: Path, run: Run, found: Found) -> None:
    """The mount lets programs be executed where an audit hook refuses: what was promised is what the test has met."""
    write(project, SHARED_LIBRARY)
    result = run("--envguard=container", "--envguard-mechanism=python", "--envguard-fidelity=python")
    assert result.code == 1, result
    told = found()
    for test in ("test_load", "test_program"):
        assert [fact.name for fact in told[test, "call"].facts] == ["noexec"]
    assert told["test_other", "call"].raised[0].error == "EROFS"


def test_a_limit_of_address_space_is_measured(project: Path, run: Run, found: Found) -> None:
    """It gives the same text as a noexec mount, and is told apart."""
    write(
        project,
        """
import resource

def test_a():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 44, resource.RLIM_INFINITY))
    raise ImportError("/usr/lib/a.so: failed to map segment from shared object")
""",
    )
    assert run("--envguard=container").code == 1
    assert found()["test_a", "call"].facts == (Fact("address space", str(1 << 44)),)


MARKED = """
import cachelib

@pytest.mark.envguard("readonly_root")
def test_forked():
    cachelib.keep("a")

@pytest.mark.envguard("readonly_root", fresh=True)
def test_fresh():
    cachelib.keep("b")

@pytest.mark.envguard("readonly_root", fresh=True)
def test_crash():
    os.abort()
"""


def test_tests_with_an_environment_of_their_own(project: Path, run: Run, found: Found) -> None:
    """Inside of another one, a fork and a fresh interpreter tell the same; who died has told nothing."""
    write(project, MARKED)
    result = run("--envguard=offline")
    assert result.code == 1, result
    told = found()
    assert set(told) == {("test_forked", "call"), ("test_fresh", "call")}
    for evidence in told.values():
        assert [one.kind for one in evidence.raised] == ["cachelib.CacheError", "OSError"]
        assert evidence.raised[1].error == "EROFS"
        assert [one.library for one in evidence.overwritten] == ["cachelib"]
        assert evidence.mentions == ("cachelib",)


def test_a_file_that_a_fresh_interpreter_cannot_import(project: Path, run: Run, found: Found) -> None:
    """The failure is the import's, which happened in the environment of the test."""
    write(
        project,
        """
import cachelib

if os.environ["PYTEST_ENVGUARD"] != "offline":
    cachelib.keep("a")

@pytest.mark.envguard("readonly_root", fresh=True)
def test_fresh():
    pass
""",
    )
    result = run("--envguard=offline")
    assert result.code == 1, result
    ((key, told),) = found().items()
    assert key == ("test_fresh", "setup")
    assert [one.kind for one in told.raised] == ["cachelib.CacheError", "OSError"]
    assert told.raised[0].frames[-1].place == "test_it.py:7"


def test_odd_exceptions_and_warnings_as_errors_change_no_outcome(project: Path, run: Run, found: Found) -> None:
    """Whatever a class of the user's does when it's looked at, the report is pytest's own."""
    write(
        project,
        """
pytestmark = pytest.mark.filterwarnings("error")

class Odd(Exception):
    @property
    def errno(self):
        raise RuntimeError
    def __str__(self):
        return "odd"

def test_a():
    text = "\\d"
    raise Odd

def test_b():
    raise OSError(30, "no", "/x")
""",
    )
    result = run("--envguard=readonly_root", "--envguard-baseline=never")
    assert result.code == 1 and "2 failed" in result.out, result
    assert ("test_b", "call") in found()
