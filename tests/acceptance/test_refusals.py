"""What was refused is listed, with who asked: also where the test passed because somebody swallowed the error."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Result, Run, run_where_forbidden, write

PASSES = "passes, but was refused something: "


def library(project: Path, source: str, name: str = "cachelib") -> None:
    """Install a module of this name where libraries are installed, in the project."""
    folder = project / "lib" / "site-packages" / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(source)
    (project / "pytest.ini").write_text("[pytest]\npythonpath = lib/site-packages\n")


SWALLOWS = """
import os

def keep(path):
    try:
        os.mkdir(path)
    except OSError:
        return None
"""


@pytest.fixture(params=["namespaces", "calls"])
def environment(request: pytest.FixtureRequest, project: Path, run: Run) -> Run:
    """Run pytest where namespaces enforce, and where system calls are answered: both keep the same list."""
    if request.param == "namespaces":
        return run

    def run_in_docker(*words: str) -> Result:
        return run_where_forbidden(project, "docker", *words)

    return run_in_docker


def test_a_library_that_swallows_an_error_is_named(project: Path, environment: Run) -> None:
    """A cache that is lost without a word has its library, line, path and errno, and the tests that it happened in."""
    library(project, SWALLOWS)
    write(
        project,
        """
import cachelib

def test_a():
    cachelib.keep("/usr/share/cachelib")

def test_b():
    cachelib.keep("/usr/share/cachelib")

def test_innocent():
    pass
""",
    )
    found = environment("--envguard=lambda")
    assert found.code == 0, found
    assert found.has(
        PASSES + "2 tests",
        "mkdir /usr/share/cachelib: EROFS (cachelib, cachelib/__init__.py:6)",
        "test_it.py::test_a and 1 more",
    ), found
    assert "2 passed with refusals" in " ".join(found.out.split())
    verbose = environment("--envguard=lambda", "-v")
    assert verbose.out.count("PASSED, refused: 1 (cachelib) ") == 2, verbose
    assert "3 passed" in verbose.out


def test_native_code_children_programs_and_names(project: Path, environment: Run) -> None:
    """SQLite has the Python line that called it, a shell its command, a program its starter, a name its name."""
    write(
        project,
        """
import ctypes, sqlite3

def swallowed(action, *arguments, **named):
    try:
        action(*arguments, **named)
    except (OSError, sqlite3.Error):
        pass

def query():
    sqlite3.connect("/usr/a.db").execute("create table t (x)")

def test_native():
    swallowed(query)

def test_shell():
    subprocess.run(["sh", "-c", "echo > /usr/b"], stderr=subprocess.DEVNULL)

def test_program(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\\n")
    program.chmod(0o755)
    swallowed(subprocess.run, [program])

def test_mapping(tmp_path):
    copy = tmp_path / "copy.so"
    with open("/proc/self/maps") as maps:
        (libc, *_) = [line.split()[-1] for line in maps if "libc." in line or "libc-" in line]
    copy.write_bytes(pathlib.Path(libc).read_bytes())
    swallowed(ctypes.CDLL, str(copy))

def test_name():
    swallowed(socket.getaddrinfo, "example.invalid", 80)

def test_address():
    swallowed(socket.create_connection, ("192.0.2.1", 443))

def test_thread():
    import threading
    thread = threading.Thread(target=swallowed, args=(open, "/usr/c", "w"))
    thread.start()
    thread.join()
""",
    )
    found = environment("--envguard=container")
    assert found.code == 0, found
    # Long lines are folded between words; each refusal is followed by its test.
    lines = [" ".join(text.split()) for text in found.out.split(" test_it.py::")]
    for start, end in (
        ("open /usr/a.db: EROFS", "(test_it.py:13)"),
        ("open /usr/b: EROFS", "(process `sh -c echo > /usr/b`)"),
        ("exec /tmp/", "program: EACCES (test_it.py:8)"),
        ("map executable /tmp/", "copy.so: EPERM (test_it.py:8)"),
        ("look up example.invalid: E", ""),
        ("connect 192.0.2.1:443: ENETUNREACH", "(test_it.py:8)"),
        ("open /usr/c: EROFS", "(test_it.py:8)"),
    ):
        assert any(start in line and end in line for line in lines), (start, found)


def test_a_failing_test_shows_what_it_was_refused(project: Path, environment: Run) -> None:
    """The refusal stands below the failure's message, where a traceback would say neither path nor errno."""
    write(project, "def test_a():\n    assert subprocess.call(['sh', '-c', 'echo > made']) == 0\n")
    found = environment("--envguard=lambda")
    text = " ".join(found.out.split())  # long lines are folded
    assert "fails only in lambda: 1 test" in text, found
    assert f"refused: open {project}/made: EROFS (process `sh -c echo > made`)" in text, found
    assert PASSES not in found.out


@pytest.mark.parametrize(("choice", "shown"), [("own", False), ("all", True), ("none", False)])
def test_noise_is_left_out_unless_it_is_asked_for(project: Path, run: Run, choice: str, shown: bool) -> None:
    """Bytecode that can't be kept is nobody's loss; `all` lists it, and `none` lists nothing and watches nothing."""
    (project / "module.py").write_text("")
    (project / "pytest.ini").write_text(f"[pytest]\npythonpath = .\nenvguard_refusals = {choice}\n")
    swallows = "try:\n        os.mkdir('/usr/x')\n    except OSError:\n        pass"
    write(project, f"def test_a():\n    sys.dont_write_bytecode = False\n    import module\n    {swallows}\n")
    found = run("--envguard=lambda")
    assert found.code == 0, found
    assert ("__pycache__" in found.out) is shown, found
    assert ("mkdir /usr/x: EROFS" in found.out) is (choice != "none"), found


def test_what_is_refused_while_a_file_is_imported(project: Path, run: Run) -> None:
    """Half of these losses happen at import: they belong to the file, once, however many workers import it."""
    library(project, SWALLOWS + "\nkeep('/usr/share/cachelib')\n")
    write(project, "import cachelib\n@pytest.mark.parametrize('n', range(4))\ndef test_a(n):\n    pass\n")
    found = run("--envguard=lambda", "-n", "2")
    assert found.has(
        PASSES + "0 tests",
        "mkdir /usr/share/cachelib: EROFS (cachelib, cachelib/__init__.py:6)",
        "while it was imported: test_it.py",
    ), found


def test_setup_and_teardown_count_as_the_test(project: Path, run: Run) -> None:
    """What a fixture is refused belongs to the test that it was made for."""
    library(project, SWALLOWS)
    write(
        project,
        """
import cachelib

@pytest.fixture
def cache():
    cachelib.keep("/usr/before")
    yield
    cachelib.keep("/usr/after")

def test_a(cache):
    pass
""",
    )
    found = run("--envguard=lambda", "--junitxml=report.xml")
    assert found.has(PASSES + "1 test"), found
    suite = ElementTree.parse(project / "report.xml").find("testsuite")
    assert suite is not None
    told = [(item.get("name"), item.get("value")) for item in suite.iterfind("properties/property")]
    assert ("envguard", "lambda") in told
    assert ("envguard_enforced", "kernel, parts approximated") in told or ("envguard_enforced", "kernel") in told
    assert suite.findtext("testcase/system-out", "").splitlines() == [
        "envguard: refused: mkdir /usr/before: EROFS (cachelib, cachelib/__init__.py:6)",
        "envguard: refused: mkdir /usr/after: EROFS (cachelib, cachelib/__init__.py:6)",
    ]


def test_a_test_with_an_environment_of_its_own(project: Path, environment: Run) -> None:
    """What it was refused stands with it, and not with the test after it."""
    library(project, SWALLOWS)
    write(
        project,
        """
import cachelib

@pytest.mark.envguard("readonly_root")
def test_marked():
    cachelib.keep("/usr/marked")

def test_next():
    pass
""",
    )
    found = environment("--envguard=offline")
    assert found.code == 0, found
    assert found.has(PASSES + "1 test", "test_it.py::test_marked"), found


def test_where_nothing_is_refused_nothing_is_said(project: Path, environment: Run) -> None:
    """A suite that gets along has no section about refusals."""
    write(project, "def test_a(tmp_path):\n    (tmp_path / 'x').write_text('x')\n")
    found = environment("--envguard=lambda")
    assert found.code == 0 and "was refused" not in found.out and PASSES not in found.out, found


def test_a_misspelt_choice_is_one_error(project: Path, run: Run) -> None:
    """The ini key is checked like the flag."""
    (project / "pytest.ini").write_text("[pytest]\nenvguard_refusals = some\n")
    write(project, "def test_a():\n    pass\n")
    found = run("--envguard=lambda")
    assert found.code == 4 and "`envguard_refusals`" in found.err and "all, own, none" in found.err, found
