"""What pytest is told, and tells, of a project that is shown elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_envguard.model.relocation import Move
from pytest_envguard.relocated import argument, arguments, coverage_outside, tell_outside

MOVE = Move(("/home/me/project",), "/var/task")


def place(path: str) -> SimpleNamespace:
    """Return what names a file, as pytest's reports have it."""
    return SimpleNamespace(path=path, lineno=3)


def test_the_command_line_is_the_same_one_inside() -> None:
    """With the root folder that pytest has found outside."""
    words = [
        "-k",
        "x",
        "tests",
        "/home/me/project/tests/test_a.py::test_b",
        "--cov-config=/home/me/project/.coveragerc",
    ]
    assert arguments(words, "/home/me/project", MOVE) == [
        "--rootdir=/var/task",
        "-k",
        "x",
        "tests",
        "/var/task/tests/test_a.py::test_b",
        "--cov-config=/var/task/.coveragerc",
    ]


def test_relative_paths_that_lead_out_of_the_folder_are_found_inside(tmp_path: Path) -> None:
    """Whether pytest was started around the project, or in a folder of it; what isn't a path stays."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    (root / "sub").mkdir()
    move = Move((str(root),), "/var/task")
    assert argument("project/tests::test_a", str(tmp_path), move) == "/var/task/tests::test_a"
    assert argument("../tests", str(root / "sub"), move) == "/var/task/tests"
    assert argument("../../project/tests", str(root / "sub"), move) == "/var/task/tests"
    assert argument("tests", str(root), move) == "tests"
    for word in ("-q", "nothing", "../nothing", "", "::x"):
        assert argument(word, str(tmp_path), move) == word


def test_a_report_names_files_as_they_are_called_outside() -> None:
    """Those of the project only: of the chain and of each entry; and lines that Python has written."""
    entry = SimpleNamespace(reprfileloc=place("/var/task/a.py"), style="long")
    native = SimpleNamespace(style="native", lines=['  File "/var/task/a.py", line 1\n', '  open("/var/task/x")\n'])
    other = SimpleNamespace(reprfileloc=place("/usr/lib/b.py"), style="long")
    traceback = SimpleNamespace(reprentries=[entry, native, other])
    crash = place("/var/task/tests/test_a.py")
    report: Any = SimpleNamespace(longrepr=SimpleNamespace(chain=[(traceback, crash, None)], reprcrash=crash))
    tell_outside(report, MOVE)
    assert (entry.reprfileloc.path, other.reprfileloc.path) == ("/home/me/project/a.py", "/usr/lib/b.py")
    assert crash.path == "/home/me/project/tests/test_a.py"
    assert native.lines == ['  File "/home/me/project/a.py", line 1\n', '  open("/var/task/x")\n']


def test_skips_and_files_that_cannot_be_imported_are_named_as_well() -> None:
    """What else their texts say stays."""
    skipped: Any = SimpleNamespace(longrepr=("/var/task/tests/test_a.py", 3, "Skipped: /var/task"))
    tell_outside(skipped, MOVE)
    assert skipped.longrepr == ("/home/me/project/tests/test_a.py", 3, "Skipped: /var/task")
    text = "ImportError while importing test module '/var/task/tests/test_a.py'.\nopen('/var/task/x')"
    failed: Any = SimpleNamespace(longrepr=SimpleNamespace(longrepr=text))
    tell_outside(failed, MOVE)
    assert failed.longrepr.longrepr == text.replace("/var/task/tests", "/home/me/project/tests")
    passed: Any = SimpleNamespace(longrepr=None)
    tell_outside(passed, MOVE)
    assert passed.longrepr is None


def test_measured_lines_belong_to_the_files_outside() -> None:
    """And those of other files stay theirs."""
    coverage = pytest.importorskip("coverage")
    inside = coverage.CoverageData(no_disk=True)
    inside.add_lines({"/var/task/a.py": [1, 2], "/usr/lib/b.py": [3]})
    outside = coverage.CoverageData(no_disk=True)
    outside.loads(coverage_outside(inside.dumps(), MOVE))
    assert outside.measured_files() == {"/home/me/project/a.py", "/usr/lib/b.py"}
    assert outside.lines("/home/me/project/a.py") == [1, 2]
