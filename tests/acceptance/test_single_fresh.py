"""A test in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .conftest import Run, plain_environment, write


def test_fresh_imports_and_sets_up_everything_inside(project: Path, run: Run) -> None:
    (project / "pytest.ini").write_text("[pytest]\nmarkers = mine\naddopts = -p no:cacheprovider\n")
    write(
        project,
        "IMPORTED_AS = os.getuid()\n\n@pytest.fixture(scope='session')\ndef wide():\n    return os.getuid()",
        "conftest.py",
    )
    write(
        project,
        """
from conftest import IMPORTED_AS

@pytest.mark.mine
@pytest.mark.parametrize("n", ["a-b", "c[d]"])
@pytest.mark.envguard("lambda", fresh=True)
def test_it(wide, n, tmp_path, capsys):
    assert wide == IMPORTED_AS == os.getuid() == 993
    print("seen")
    assert capsys.readouterr().out == "seen\\n"

def test_outside(wide):
    assert wide == IMPORTED_AS != 993
""",
    )
    result = run("--strict-markers", "-rA")
    assert result.code == 0, result


def test_what_lies_in_the_working_folder_does_not_get_in_the_way_of_a_fresh_interpreter(project: Path) -> None:
    for name in ("pickle", "copyreg", "struct"):
        (project / f"{name}.py").write_text("raise RuntimeError('not meant')")
    (project / "tests").mkdir()
    write(project / "tests", "@pytest.mark.envguard('offline', fresh=True)\ndef test_it():\n    pass")
    program = "import sys; sys.path.remove(''); import pytest; sys.exit(pytest.main(['tests']))"
    words = [sys.executable, "-c", program]
    ended = subprocess.run(words, cwd=project, env=plain_environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_an_import_that_fails_only_inside_is_told_with_its_traceback(project: Path, run: Run) -> None:
    (project / "app.py").write_text("import os\nopen(os.path.expanduser('~/.app'), 'w').close()\n")
    write(project, "import app\n\n@pytest.mark.envguard('readonly_root', fresh=True)\ndef test_it():\n    pass")
    result = run()
    (Path.home() / ".app").unlink(missing_ok=True)
    assert result.code == 1
    assert "Read-only file system" in result.out and "app.py:2" in result.out


def test_running_threads_are_told_of_and_fresh_avoids_them(project: Path, run: Run) -> None:
    write(
        project,
        """
import threading
threading.Thread(target=time.sleep, args=(60,), daemon=True, name="sleeper").start()

@pytest.mark.envguard("lambda")
def test_fork():
    assert threading.active_count() == 1

@pytest.mark.envguard("lambda", fresh=True)
def test_fresh():
    assert threading.active_count() == 2
""",
    )
    result = run()
    assert result.code == 0, result
    assert "EnvguardWarning: test_it.py::test_fork is forked from a process with 1 further thread" in result.out
    assert "fresh=True" in result.out and "DeprecationWarning" not in result.out
