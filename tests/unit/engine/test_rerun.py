"""Tests that run again in workers of their own: real ones, driven from the end of a small run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.engine.rerun import SHORTEST, UNKNOWN, Wanted
from pytest_envguard.model.plan import Plan

# Runs again what `again.json` asks for, when the run's own tests have ended, and writes down what happened.
DRIVER = """
import json, os, pathlib
import pytest

HERE = pathlib.Path(__file__).parent

if "PYTEST_XDIST_WORKER" not in os.environ:
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(session):
        result = yield
        from pytest_envguard.engine import rerun
        from pytest_envguard.engine.remedies.remedied import with_remedies
        from pytest_envguard.model.diagnosis import Remedy

        own = session.config.pluginmanager.get_plugin("envguard-session")
        asked = json.loads((HERE / "again.json").read_text())
        rerun.UNKNOWN, rerun.SHORTEST = asked.get("limits", (rerun.UNKNOWN, rerun.SHORTEST))
        wanted = [
            rerun.Wanted(
                with_remedies(own.plans[one["environment"]], [Remedy(set=one.get("set", {}), unset=one.get("unset", ()))]),
                one["tests"], one.get("seconds", {}), one.get("narrow", True), one.get("whole", False),
            )
            for one in asked["wanted"]
        ]
        runs = rerun.rerun(own._dsession, wanted)
        told = [
            {
                "outcomes": {nodeid: list(outcome[:2]) for nodeid, outcome in run.outcomes.items()},
                "broken": run.broken and list(run.broken.promises), "deaths": run.deaths, "seconds": run.seconds,
                "refusals": {nodeid: [one.operation for one in found] for nodeid, found in run.refusals.items()},
            }
            for run in runs
        ]
        (HERE / "told.json").write_text(json.dumps(told))
        return result
"""
EXITS = "passed"


class Suite:
    """A small project and the driver.

    Attributes:
        folder: Where it lies.
        out: What pytest printed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = ""
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "conftest.py").write_text(DRIVER)

    def write(self, name: str, source: str) -> None:
        """Add a test file."""
        (self.folder / name).write_text(f"import os, pathlib, signal, time\nimport pytest\n{source}")

    def again(
        self, *wanted: dict[str, Any], limits: tuple[float, float] = (60, 20), options: tuple[str, ...] = ()
    ) -> Any:
        """Run the suite in lambda (with ``options`` elsewhere), and then what is ``wanted``; return what became of that."""
        (self.folder / "again.json").write_text(json.dumps({"wanted": wanted, "limits": limits}))
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        words = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"]
        words += ["--envguard=lambda", "--envguard-fix=off", "--envguard-baseline=never", *options]
        done = subprocess.run(words, cwd=self.folder, env=kept, capture_output=True, text=True, timeout=110)
        self.out = done.stdout + done.stderr
        told = self.folder / "told.json"
        assert told.exists(), self.out
        return json.loads(told.read_text())


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


NEEDS = """
def test_needs():
    assert os.environ.get("FIX") == "a//b"

def test_other():
    assert "FIX" not in os.environ and "LAMBDA_TASK_ROOT" not in os.environ
"""


def again(*tests: str, environment: str = "lambda", **further: Any) -> dict[str, Any]:
    return {"environment": environment, "tests": tests, **further}


def test_tests_run_with_other_variables_and_the_run_does_not_count_it(suite: Suite) -> None:
    """In an environment and on the host: what is set wins over the profile's, what is removed is gone."""
    suite.write("test_it.py", NEEDS)

    changed = {"set": {"FIX": "a//b"}, "unset": ["LAMBDA_TASK_ROOT"]}
    told = suite.again(
        again("test_it.py::test_needs", **changed),
        again("test_it.py::test_other", unset=["LAMBDA_TASK_ROOT"]),
        again("test_it.py::test_needs", environment="host", **changed),
        options=("--envguard=lambda,host",),
    )

    assert [one["outcomes"] for one in told] == [
        {"test_it.py::test_needs": ["passed", ""]},
        {"test_it.py::test_other": ["passed", ""]},
        {"test_it.py::test_needs": ["passed", ""]},
    ]
    assert not any(one["broken"] for one in told)
    assert "3 failed, 1 passed" in suite.out


def test_a_promise_that_a_remedy_changes_is_not_a_broken_one(suite: Suite) -> None:
    """Lambda promises that HOME isn't set; with the remedy it is, and the worker's probe agrees."""
    suite.write("test_it.py", "def test_home():\n    assert os.environ['HOME'] == '/tmp'\n")

    (told,) = suite.again(again("test_it.py::test_home", set={"HOME": "/tmp"}))

    assert told["outcomes"] == {"test_it.py::test_home": ["passed", ""]}
    assert told["broken"] is None


def test_only_the_files_of_the_tests_are_imported(suite: Suite) -> None:
    """A file beside them is left alone, and comes to no harm."""
    suite.write("test_it.py", "def test_ok():\n    pass\n")
    suite.write("test_beside.py", "if os.environ.get('FIX'):\n    os._exit(3)\ndef test_beside():\n    pass\n")

    (told,) = suite.again(again("test_it.py::test_ok", set={"FIX": "1"}))

    assert told["outcomes"] == {"test_it.py::test_ok": ["passed", ""]}
    assert not told["deaths"]


def test_a_file_that_needs_the_import_of_another_is_collected_with_all(suite: Suite) -> None:
    """What fails only because less is collected runs once more with everything."""
    suite.write("test_a.py", "import sys\nsys.modules['made_here'] = pathlib\n")
    suite.write("test_b.py", "import made_here\ndef test_b():\n    pass\n")

    (told,) = suite.again(again("test_b.py::test_b"))

    assert told["outcomes"] == {"test_b.py::test_b": ["passed", ""]}


@pytest.mark.parametrize(
    "options", [("-k", "one or two"), ("-m", "mine"), ("-x", "--maxfail=100"), ("--deselect=test_it.py::no",)]
)
def test_selections_of_the_run_hide_nothing(suite: Suite, options: tuple[str, ...]) -> None:
    """Options that choose tests choose the same again, and -x doesn't end it after the first failure."""
    (suite.folder / "pytest.ini").write_text("[pytest]\nmarkers = mine\n")
    suite.write(
        "test_it.py", "pytestmark = pytest.mark.mine\ndef test_one():\n    assert 0\ndef test_two():\n    pass\n"
    )

    (told,) = suite.again(again("test_it.py::test_one", "test_it.py::test_two"), options=options)

    assert {nodeid: word for nodeid, (word, _) in told["outcomes"].items()} == {
        "test_it.py::test_one": "failed",
        "test_it.py::test_two": "passed",
    }


def test_what_another_plugin_leaves_out_because_it_sees_less_runs(suite: Suite) -> None:
    """A plugin that takes a part of the tests by their number takes another part of fewer."""
    suite.write("test_it.py", "@pytest.mark.parametrize('n', range(4))\ndef test_n(n):\n    pass\n")
    suite.write("test_beside.py", "def test_beside():\n    pass\n")
    with (suite.folder / "conftest.py").open("a") as file:
        file.write("\ndef pytest_collection_modifyitems(items):\n    items[:] = items[len(items) // 2:]\n")

    (told,) = suite.again(again("test_it.py::test_n[0]", "test_it.py::test_n[3]"))

    assert {word for word, _ in told["outcomes"].values()} == {EXITS}
    assert len(told["outcomes"]) == 2


def test_a_worker_that_dies_costs_the_test_it_was_running(suite: Suite) -> None:
    """Another worker runs the rest, and the signal is said."""
    suite.write(
        "test_it.py",
        "def test_dies():\n    if os.environ.get('FIX'):\n        os.kill(os.getpid(), signal.SIGSEGV)\n\ndef test_rest():\n    pass\n",
    )

    (told,) = suite.again(again("test_it.py::test_dies", "test_it.py::test_rest", set={"FIX": "1"}))

    assert told["outcomes"]["test_it.py::test_rest"] == ["passed", ""]
    word, message = told["outcomes"]["test_it.py::test_dies"]
    assert word == "failed"
    assert "SIGSEGV" in message
    assert told["broken"] is None


def test_a_worker_that_dies_at_import_is_a_death_without_outcomes(suite: Suite) -> None:
    """No test is blamed for it, and nobody tries for ever."""
    suite.write("test_it.py", "if os.environ.get('FIX'):\n    os._exit(3)\ndef test_it():\n    pass\n")

    (told,) = suite.again(again("test_it.py::test_it", set={"FIX": "1"}))

    assert told["outcomes"] == {}
    assert "exit code 3" in told["deaths"][0]


def test_a_test_that_hangs_is_killed(suite: Suite) -> None:
    """After three times what it took in the run, or a minimum; others that run beside it are not affected."""
    suite.write(
        "test_it.py",
        "def test_hangs():\n    if os.environ.get('FIX'):\n        time.sleep(600)\n\ndef test_ok():\n    pass\n",
    )

    told = suite.again(
        again("test_it.py::test_hangs", set={"FIX": "1"}, seconds={"test_it.py::test_hangs": 0.1}),
        again("test_it.py::test_ok"),
        limits=(60, 1),
    )

    assert told[0]["broken"] == ["test_it.py::test_hangs was still running after 1 s, and was killed"]
    assert told[0]["outcomes"]["test_it.py::test_hangs"][0] == "failed"
    assert told[1]["outcomes"] == {"test_it.py::test_ok": ["passed", ""]}


def test_the_import_of_a_file_is_tried_and_its_tests_if_asked(suite: Suite) -> None:
    """A file that could not be imported passes where it can be; its tests run only where they are wanted."""
    suite.write("test_it.py", "open(os.environ.get('FIX', 'x'), 'w').close()\ndef test_in():\n    assert 0\n")

    told = suite.again(
        again("test_it.py"),
        again("test_it.py", set={"FIX": "/tmp/x"}),
        again("test_it.py", set={"FIX": "/tmp/x"}, whole=True),
    )

    assert [{nodeid: word for nodeid, (word, _) in one["outcomes"].items()} for one in told] == [
        {"test_it.py": "error"},
        {"test_it.py": "passed"},
        {"test_it.py": "passed", "test_it.py::test_in": "failed"},
    ]
    assert "open" in told[0]["refusals"]["test_it.py"]


def test_a_test_with_an_environment_of_its_own_gets_the_variables_too(suite: Suite) -> None:
    """It's forked from the worker, so what its own profile leaves alone is as there."""
    suite.write(
        "test_it.py",
        "@pytest.mark.envguard('container')\ndef test_marked():\n    assert os.environ['FIX'] == '1'\n",
    )

    (told,) = suite.again(again("test_it.py::test_marked", set={"FIX": "1"}))

    assert told["outcomes"]["test_it.py::test_marked"] == ["passed", ""]


def test_a_limit_is_three_times_what_a_test_took() -> None:
    """At least a minute; a longer one for what nobody knows."""
    wanted = Wanted(Plan("host", ""), ["a", "b", "c"], {"a": 0.1, "b": 100.0})
    assert wanted.limit("a") == SHORTEST == 60
    assert wanted.limit("b") == 300
    assert wanted.limit("c") == wanted.limit("") == UNKNOWN == 300
