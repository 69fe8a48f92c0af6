"""`pytest --envguard=…` on small projects, as a user runs it."""

from __future__ import annotations

import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Run

WRITES = """
def test_writes():
    open("out.txt", "w").write("x")

def test_counts():
    assert 1 + 1 == 2
"""


def test_a_failure_that_the_host_does_not_have_is_named_so(project: Path, run: Run) -> None:
    """A test that writes into the project fails only in lambda, and the run's exit code is 1."""
    (project / "test_app.py").write_text(WRITES)

    result = run("--envguard=lambda")

    assert result.code == 1
    assert result.has(
        "fails only in lambda: 1 test",
        "test_app.py::test_writes",
        "OSError: [Errno 30] Read-only file system: 'out.txt'",
        "test                      lambda   host",
        "test_app.py::test_writes  FAILS    passes",
        "FAILED test_app.py::test_writes @lambda - OSError: [Errno 30] Read-only file ...",
    )


def test_a_failure_that_the_host_has_too_is_blamed_on_nobody(project: Path, run: Run) -> None:
    """An error that only looks like an environment's own is reported as failing everywhere."""
    (project / "test_app.py").write_text(
        'def test_made_up():\n    raise OSError(30, "Read-only file system", "/made/up")\n'
    )

    result = run("--envguard=lambda,container")

    assert result.code == 1
    assert result.has("fails everywhere, on the host too: 1 test", "test_app.py::test_made_up")
    assert "fails only" not in result.out


def test_a_suite_that_passes_everywhere_is_one_line_for_each_environment(project: Path, run: Run) -> None:
    """Nothing is listed for tests that pass everywhere, and the exit code is 0."""
    (project / "test_app.py").write_text("def test_ok():\n    pass\n")

    result = run("--envguard=lambda,offline")

    closing = result.out.partition("= envguard =")[2].splitlines()[1:]
    assert result.code == 0
    assert [line.split()[0] for line in closing if line and not line.startswith("=")] == ["lambda", "offline"]


def test_imports_happen_inside(project: Path, run: Run) -> None:
    """What a module does while it's imported meets the environment, and its file is compared with the host."""
    (project / "test_app.py").write_text('open("at_import.txt", "w")\n\ndef test_ok():\n    pass\n')

    result = run("--envguard=lambda,container")

    assert result.code == 1
    assert "ERROR test_app.py @lambda" in result.out
    assert "ERROR test_app.py @container" in result.out
    assert result.has("fails only in lambda and container: 1 test", "test_app.py")


@pytest.mark.parametrize(
    ("baseline", "expected"), [("never", "fails, not compared with the host"), ("always", "only in")]
)
def test_the_comparison_with_the_host_is_chosen(project: Path, run: Run, baseline: str, expected: str) -> None:
    """--envguard-baseline=never compares nothing; always runs every test on the host as well."""
    (project / "test_app.py").write_text(WRITES)

    result = run("--envguard=lambda", f"--envguard-baseline={baseline}")

    assert expected in result.out
    assert ("2 tests" in result.line("host ")) if baseline == "always" else ("host  " not in result.out)


def test_options_of_pytest_mean_what_they_mean(project: Path, run: Run) -> None:
    """-k, -x, a plain node id, --durations and -q select and show as they do without environments."""
    (project / "test_app.py").write_text(WRITES + "\ndef test_later():\n    assert 0\n")

    assert "1 passed" in run("--envguard=lambda", "-k", "counts").out
    assert "1 passed" in run("--envguard=lambda", "test_app.py::test_counts").out
    assert "1 failed" in run("--envguard=lambda", "-x").out
    assert "2 failed" in run("--envguard=lambda", "--maxfail=2").out
    assert "slowest durations" in run("--envguard=lambda", "--durations=0", "-vv").out
    assert "test session starts" not in run("--envguard=lambda", "-q").out


def test_last_failed_selects_by_plain_node_id(project: Path, run: Run) -> None:
    """A test that failed in an environment is what --lf runs next, with or without environments."""
    (project / "test_app.py").write_text(WRITES)

    run("--envguard=lambda,offline")

    assert "run-last-failure: rerun previous 1 failure" in run("--lf").out
    (project / "out.txt").unlink()
    assert "1 failed" in run("--lf", "--envguard=lambda").out


def test_every_verbose_line_names_the_environment(project: Path, run: Run) -> None:
    """-v says for each result which environment it came from."""
    (project / "test_app.py").write_text("def test_ok():\n    pass\n")

    out = run("--envguard=lambda,offline", "-v").out

    for name in ("lambda", "offline"):
        assert f"PASSED test_app.py::test_ok @{name}" in out
        assert f"[{name}] [" in out


def test_junit_tells_the_environments_apart(project: Path, run: Run) -> None:
    """A suite for each; a case has its plain name, and a class name that begins with the environment; written outside."""
    (project / "test_app.py").write_text(
        "import pytest\n@pytest.mark.parametrize('x', ['a[b]'])\ndef test_ok(x):\n    pass\n"
    )

    run("--envguard=lambda,offline", "--junitxml=out/junit.xml")

    suites = ElementTree.parse(project / "out/junit.xml").findall("testsuite")
    assert [
        (suite.get("name"), [(case.get("classname"), case.get("name")) for case in suite.findall("testcase")])
        for suite in suites
    ] == [
        ("pytest lambda", [("lambda.test_app", "test_ok[a[b]]")]),
        ("pytest offline", [("offline.test_app", "test_ok[a[b]]")]),
    ]
    assert [suite.find("properties/property").get("value") for suite in suites] == ["lambda", "offline"]  # type: ignore[union-attr]


def test_several_workers_for_each_environment(project: Path, run: Run) -> None:
    """-n 2 gives each environment two workers, each test runs once in each environment."""
    (project / "test_app.py").write_text(
        "import os, pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_n(n, worker_id):\n    print(worker_id)\n"
    )

    result = run("--envguard=lambda,offline", "-n2", "-rP")

    assert "40 passed" in result.out
    assert {line for line in result.out.splitlines() if line in ("lambda", "lambda-2", "offline", "offline-2")} == {
        "lambda",
        "lambda-2",
        "offline",
        "offline-2",
    }


@pytest.mark.parametrize("distribution", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_every_distribution_of_xdist_works_within_an_environment(project: Path, run: Run, distribution: str) -> None:
    """--dist decides how the tests of one environment are spread over its workers."""
    (project / "test_app.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_n(n):\n    pass\n"
    )

    assert "18 passed" in run("--envguard=lambda,offline", "-n2", f"--dist={distribution}").out


def test_collections_may_differ_between_environments(project: Path, run: Run) -> None:
    """A test that exists only in one environment runs there, and nobody calls the collections different."""
    (project / "test_app.py").write_text(
        "import os\ndef test_always():\n    pass\nif 'HOME' not in os.environ:\n    def test_homeless():\n        pass\n"
    )

    result = run("--envguard=lambda,offline")

    assert "3 passed" in result.out
    assert "Different tests were collected" not in result.out


def test_collect_only_collects_inside_of_each_environment(project: Path, run: Run) -> None:
    """--collect-only shows what each environment would run."""
    (project / "test_app.py").write_text(
        "import os\nif 'HOME' not in os.environ:\n    def test_homeless():\n        pass\ndef test_always():\n    pass\n"
    )

    out = run("--envguard=lambda,offline", "--collect-only", "-q").out

    assert out.count("test_app.py::test_always") == 2
    assert out.count("test_app.py::test_homeless") == 1


def test_output_of_a_test_survives_a_full_tmp(project: Path, run: Run) -> None:
    """pytest's capture files lie outside of the simulated /tmp: printing into a full one raises nothing."""
    (project / "test_app.py").write_text(
        "import errno, pathlib, pytest\n"
        "def test_fills(tmp_path, capfd):\n"
        "    assert tmp_path.is_relative_to('/tmp')\n"
        "    with pytest.raises(OSError) as caught, open(tmp_path / 'x', 'wb', buffering=0) as file:\n"
        "        while True:\n"
        "            file.write(bytes(1 << 16))\n"
        "    assert caught.value.errno == errno.ENOSPC\n"
        "    print('x' * 100_000)\n"
        "    assert len(capfd.readouterr().out) == 100_001\n"
    )

    result = run("--envguard=lambda:tmp_size=4M")

    assert "1 passed" in result.out, result.out
    assert "peak /tmp 4 MiB" in result.out


def test_coverage_arrives_although_the_project_is_read_only(project: Path, run: Run) -> None:
    """pytest-cov measures in every environment and writes its file where it always does."""
    pytest.importorskip("pytest_cov")
    (project / "app.py").write_text(
        "import os\ndef f():\n    if 'HOME' in os.environ:\n        return 1\n    return 2\n"
    )
    (project / "test_app.py").write_text("import app\ndef test_f():\n    assert app.f()\n")

    alone = run("--envguard=lambda", "--cov=app", "--cov-report=term-missing")
    both = run("--envguard=lambda,offline", "--cov=app", "--cov-report=term-missing")

    assert "80%   4" in alone.line("app.py"), alone.out
    assert "100%" in both.line("app.py")
    assert (project / ".coverage").exists()


def test_asyncio_timeout_and_unittest_work_inside(project: Path, run: Run) -> None:
    """Plugins and test classes that a suite has keep working."""
    pytest.importorskip("pytest_asyncio")
    pytest.importorskip("pytest_timeout")
    (project / "test_app.py").write_text(
        "import asyncio, time, unittest, pytest\n"
        "class TestCase(unittest.TestCase):\n"
        "    def test_one(self):\n        self.assertTrue(True)\n"
        "@pytest.mark.asyncio\nasync def test_two():\n    await asyncio.sleep(0)\n"
        "@pytest.mark.timeout(0.5)\ndef test_three():\n    time.sleep(30)\n"
    )

    result = run("--envguard=lambda")

    assert "1 failed, 2 passed" in result.out
    assert "Timeout (>0.5s)" in result.out


def test_a_worker_that_dies_names_its_signal_and_the_others_go_on(project: Path, run: Run) -> None:
    """A segmentation fault and a SIGKILL cost their test, with the cause; the rest and other environments run."""
    (project / "test_app.py").write_text(
        "import ctypes, os\n"
        "inside = os.environ.get('PYTEST_ENVGUARD') == 'lambda'\n"
        "def test_one():\n    pass\n"
        "def test_segfaults():\n    if inside:\n        ctypes.string_at(0)\n"
        "def test_is_killed():\n    if inside:\n        os.kill(os.getpid(), 9)\n"
        "def test_last():\n    pass\n"
    )

    result = run("--envguard=lambda,offline", "-p", "no:faulthandler")

    assert "2 failed, 6 passed" in result.out
    assert result.has(
        "the worker was ended by SIGSEGV: a native extension touched memory that isn't there",
        "fails only in lambda: 2 tests",
        "test_app.py::test_segfaults",
        "test_app.py::test_is_killed",
    )
    assert "FAILED test_app.py::test_is_killed @lambda" in result.out
    assert "the worker was ended by SIGKILL: killed from outside" in result.out


def test_a_memory_cgroup_kills_where_there_is_one_and_is_removed(project: Path, run: Run) -> None:
    """In a profile whose /tmp is memory, files there count; the kernel kills, and no cgroup stays behind."""
    (project / "test_app.py").write_text(
        "def test_file():\n    with open('/tmp/x', 'wb') as file:\n        for _ in range(300):\n"
        "            file.write(bytes(1 << 20))\ndef test_after():\n    pass\n"
    )

    result = run("--envguard=kubernetes:memory=200M", "--envguard-baseline=never")

    assert "killed for memory: more than the 200 MiB of kubernetes:memory=200M" in result.out
    assert "1 failed, 1 passed" in result.out
    end = time.monotonic() + 10
    while left := list(Path("/sys/fs/cgroup").glob("**/envguard-*")):
        # Other runs of pytest at the same time try for a moment whether they may make one.
        assert time.monotonic() < end, left
        time.sleep(0.1)


def test_an_environment_without_a_test_is_not_green(project: Path, run: Run) -> None:
    """If every worker of an environment dies before it collects, the run fails and says why."""
    (project / "conftest.py").write_text(
        "import os\nif os.environ.get('PYTEST_ENVGUARD') == 'lambda':\n    os._exit(7)\n"
    )
    (project / "test_app.py").write_text("def test_ok():\n    pass\n")

    result = run("--envguard=lambda,offline")

    assert result.code == 1
    assert result.has("lambda: stopped:", "no worker collected any test")


def test_memory_beyond_the_limit_is_a_kill_and_not_an_exception(project: Path, run: Run) -> None:
    """The watchdog kills with SIGKILL as platforms do, counts children, and the report names the limit."""
    (project / "test_app.py").write_text(
        "import subprocess, sys, time\n"
        "def test_in_a_child():\n"
        "    subprocess.run([sys.executable, '-c', 'import time; x = bytearray(300 << 20); time.sleep(5)'])\n"
        "def test_after():\n    pass\n"
    )

    result = run("--envguard=lambda:memory=200M", "--envguard-baseline=never")

    assert "1 failed, 1 passed" in result.out
    assert "killed for memory: more than the 200 MiB of lambda:memory=200M" in result.out
    assert "MemoryError" not in result.out


def test_output_appears_at_once_with_capture_switched_off(project: Path, run: Run) -> None:
    """-s runs pytest itself inside of the one environment, with its own output."""
    (project / "test_app.py").write_text("import os\ndef test_prints():\n    print('uid is', os.getuid())\n")

    result = run("--envguard=lambda", "-s")

    assert result.code == 0
    assert "uid is 993" in result.out


def test_a_pytest_started_by_a_test_does_not_enter_again(project: Path, run: Run) -> None:
    """With environments in the ini file, a pytest inside of one runs plainly: it's there already."""
    (project / "pytest.ini").write_text("[pytest]\nenvguard = lambda\n")
    (project / "test_inner.py").write_text("import os\ndef test_inner():\n    assert os.getuid() == 993\n")
    (project / "test_outer.py").write_text(
        "import subprocess, sys\n"
        "def test_outer():\n"
        "    words = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', 'test_inner.py']\n"
        "    found = subprocess.run(words, capture_output=True, text=True)\n"
        "    assert found.returncode == 0 and 'envguard:' not in found.stdout, found.stdout\n"
    )

    assert "1 passed" in run("test_outer.py").out
    assert "1 failed" in run("--envguard=off", "test_inner.py").out


def test_a_profile_of_the_projects_own(project: Path, run: Run) -> None:
    """[tool.envguard.profiles] inherits a shipped profile and changes what differs."""
    (project / "pyproject.toml").write_text(
        '[tool.envguard.profiles.edge]\ninherits = "container"\nsummary = "our edge boxes"\ntmp_size = "8M"\n'
        "env = { REGION = 'north' }\n"
    )
    (project / "test_app.py").write_text(
        "import os, shutil\ndef test_edge():\n"
        "    assert shutil.disk_usage('/tmp').total == 8 << 20\n"
        "    assert os.environ['REGION'] == 'north' and os.getuid() == 1000\n"
    )

    result = run("--envguard=edge")

    assert "1 passed" in result.out
    assert "envguard: edge (our edge boxes)" in result.out


def test_two_profiles_at_once(project: Path, run: Run) -> None:
    """lambda+offline has Lambda's files and no network."""
    (project / "test_app.py").write_text(
        "import errno, os, socket\ndef test_both():\n"
        "    assert os.getuid() == 993\n"
        "    with socket.socket() as client:\n"
        "        assert client.connect_ex(('192.0.2.1', 80)) == errno.ENETUNREACH\n"
    )

    assert "1 passed" in run("--envguard=lambda+offline").out


def test_plain_pytest_stays_untouched(project: Path, run: Run) -> None:
    """Without the option nothing is printed and nothing is entered."""
    (project / "test_app.py").write_text("import os\ndef test_ok():\n    assert 'PYTEST_ENVGUARD' not in os.environ\n")

    result = run()

    assert result.code == 0
    assert "envguard:" not in result.out and "= envguard =" not in result.out
