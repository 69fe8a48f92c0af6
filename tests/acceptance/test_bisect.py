"""`envguard bisect` with real releases: `six.ensure_text` came with 1.12.0."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import plain_environment

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernel environments")

TESTS = """
import os, time
import six

def test_old():
    assert not hasattr(six, "ensure_text"), "too new"

def test_new():
    assert hasattr(six, "ensure_text")

def test_home():
    assert os.path.isdir(os.path.expanduser("~")) or six.__version__ < "1.12"

def test_slow():
    open("started", "w").close()
    time.sleep(60)
"""
IMPORTS = "from six import ensure_text\ndef test_it():\n    pass\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cells of all tests are, so that each is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own(project: Path) -> Path:
    """A project whose cells have nothing but what they're asked for, and what pytest needs."""
    (project / "pyproject.toml").write_text("[tool.envguard]\ninstall = []\n")
    (project / "test_six.py").write_text(TESTS)
    (project / "test_imports.py").write_text(IMPORTS)
    return project


def words(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest_envguard", "bisect", *arguments]


def bisect(project: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command; what it prints comes without the seconds."""
    process = subprocess.run(
        words(*arguments),
        cwd=project,
        env={**plain_environment(), "PYTEST_ENVGUARD_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    process.stdout = re.sub(r"\(\d+\.\d s", "(0.0 s", process.stdout)
    return process


def test_the_first_release_that_fails_is_found(own: Path, cache: Path) -> None:
    """Both ends first, then the middle of what is left; the result says how to see both sides."""
    found = bisect(own, cache, "six", "--good", "1.10.0", "--bad", "1.16.0", "--", "test_six.py::test_old")

    assert (found.returncode, found.stderr) == (0, ""), found
    assert found.stdout == (
        "step 1 of about 5: six 1.10.0 … passes (0.0 s)\n"
        "step 2 of about 5: six 1.16.0 … fails: AssertionError: too new (0.0 s; 5 releases between them)\n"
        "step 3 of about 5: six 1.13.0 … fails: AssertionError: too new (0.0 s; 3 releases left)\n"
        "step 4 of about 5: six 1.12.0 … fails: AssertionError: too new (0.0 s; 2 releases left)\n"
        "step 5 of about 5: six 1.11.0 … passes (0.0 s; 1 release left)\n"
        "\n"
        "six 1.12.0 is the first release with which it fails; with 1.11.0 it passes.\n"
        "  test_six.py::test_old\n"
        "  AssertionError: too new\n"
        "\n"
        "passes: pytest --envguard-versions=six==1.11.0 test_six.py::test_old\n"
        "fails:  pytest --envguard-versions=six==1.12.0 test_six.py::test_old\n"
    )


def test_the_first_release_that_mends_it_is_found_in_an_environment(own: Path, cache: Path) -> None:
    """With the good one newer than the bad one; a module that can't be imported is a failure like any other."""
    found = bisect(
        own, cache, "Six", "--bad", "1.10", "--good", "1.13.0", "--profile", "lambda", "--", "test_imports.py"
    )

    assert (found.returncode, found.stderr) == (0, ""), found
    assert "six 1.12.0 is the first release with which it passes in lambda; with 1.11.0 it fails.\n" in found.stdout
    assert "six 1.10.0 … fails: ImportError: cannot import name 'ensure_text' from 'six'" in found.stdout
    assert "fails:  pytest --envguard=lambda --envguard-versions=six==1.11.0 test_imports.py\n" in found.stdout


def test_a_release_that_cannot_be_had_is_passed_over(own: Path, cache: Path) -> None:
    """A constraint that forbids two of them: the result says that they may hide the first one."""
    (own / "constraints.txt").write_text("six!=1.12.0,!=1.13.0\n")
    (own / "pyproject.toml").write_text('[tool.envguard]\ninstall = ["-c constraints.txt"]\n')

    found = bisect(own, cache, "six", "--good", "1.10.0", "--bad", "1.16.0", "--", "test_six.py::test_old")

    assert (found.returncode, found.stderr) == (1, ""), found
    assert "six 1.13.0 … skipped: not resolvable: " in found.stdout
    assert "The first release with which it fails is six 1.14.0 or one that can't be tried:\n  six 1.12.0: not res" in (
        found.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--good", "1.12.0", "--bad", "1.16.0", "--", "test_six.py::test_old"],
            "error: six 1.12.0 was said to be good, but fails: AssertionError: too new\nhint: name another one with `--good`",
        ),
        (
            ["--good", "1.10.0", "--bad", "1.11.0", "--", "test_six.py::test_old"],
            "error: six 1.11.0 was said to be bad, but passes\nhint: name another one with `--bad`",
        ),
        (
            ["--good", "1.10.0", "--bad", "1.11.0", "--", "test_six.py::test_odl"],
            "error: six 1.10.0: pytest finds no test",
        ),
        (
            ["--good", "1.10.0", "--bad", "1.11.0", "--", "test_six.py", "-knothing"],
            "error: six 1.10.0: pytest finds no test",
        ),
        (
            ["--good", "1.10.0", "--bad", "1.11.0", "--", "--frobnicate"],
            "error: six 1.10.0: pytest doesn't run with these arguments\n",
        ),
    ],
)
def test_what_a_run_shows_to_be_a_mistake_stops_the_search(
    own: Path, cache: Path, arguments: list[str], message: str
) -> None:
    """A wrong end, a test that isn't there, an option that isn't one: exit code 4, and what pytest said."""
    found = bisect(own, cache, "six", *arguments)

    assert found.returncode == 4, found
    assert message in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["six", "--good", "1.10.0", "--bad", "1.10"], "--good and --bad are the same release, 1.10"),
        (
            ["six", "--good", "1.10.5", "--bad", "1.12.0"],
            "six 1.10.5 is not on the index\nhint: nearest: 1.10.0 and 1.11.0",
        ),
        (["six", "--good", "1.10.0", "--bad", "new"], "`--bad`: expected a release such as 1.53.9, got `new`"),
        (["no-such-package-6", "--good", "1", "--bad", "2"], "no package is named `no-such-package-6`"),
        (["six", "--good", "1.10.0"], "the following arguments are required: --bad"),
        (["six", "--good", "1.10.0", "--bad", "1.12.0", "x.py"], "unrecognized arguments: x.py"),
        (["six", "--good", "1.10.0", "--bad", "1.12.0", "--profile", "lamda"], "no profile is named `lamda`"),
        (
            ["six", "--good", "1.10.0", "--bad", "1.12.0", "--versions", "iniconfig==2.0.0,1.1.1"],
            "each step would be 2 cells: ",
        ),
        (
            ["six", "--good", "1.10.0", "--bad", "1.12.0", "--versions", "iniconfig"],
            "no set of versions is named `iniconfig`",
        ),
    ],
)
def test_a_mistake_is_said_before_anything_runs(own: Path, cache: Path, arguments: list[str], message: str) -> None:
    """Exit code 4 and one error."""
    found = bisect(own, cache, *arguments)

    assert (found.returncode, found.stdout) == (4, ""), found
    assert found.stderr.startswith("error: ") and message in found.stderr


def test_other_versions_hold_in_every_step(own: Path, cache: Path) -> None:
    """They're part of the commands that reproduce it, too."""
    (own / "test_both.py").write_text(
        "import six\nfrom importlib.metadata import version\n"
        "def test_it():\n    assert version('iniconfig') == '2.0.0'\n    assert six.__version__ < '1.12'\n"
    )

    found = bisect(
        own, cache, "six", "--good", "1.11.0", "--bad", "1.12.0", "--versions=iniconfig==2.0.0", "--", "test_both.py"
    )

    assert (found.returncode, found.stderr) == (0, ""), found
    assert "--envguard-versions=six==1.12.0 --envguard-versions=iniconfig==2.0.0 test_both.py\n" in found.stdout


def _descendants(pid: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            yield int(folder.name)
            yield from _descendants(int(folder.name))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing(own: Path, cache: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Exit code 130, no process goes on, and no temporary folder stays."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**plain_environment(), "PYTEST_ENVGUARD_CACHE": str(cache), "TMPDIR": str(temporary)}
    arguments = words("six", "--good", "1.10.0", "--bad", "1.11.0", "--", "test_six.py::test_slow")
    with subprocess.Popen(
        arguments, cwd=own, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + 120
        while not (own / "started").exists():
            assert process.poll() is None and time.monotonic() < end, process.communicate()
            time.sleep(0.05)
        below = list(_descendants(process.pid))
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert (out, err) == ("step 1 of about 2: six 1.10.0 … \n", "")
    assert below
    end = time.monotonic() + 10  # a worker ends when pytest has
    while left := [pid for pid in below if os.path.exists(f"/proc/{pid}")]:
        assert time.monotonic() < end, left
        time.sleep(0.05)
    assert not [path for path in temporary.iterdir() if path.name.startswith("envguard-bisect-")]
