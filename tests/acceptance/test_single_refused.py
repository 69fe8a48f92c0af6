"""Mistakes in markers, and machines that can't enforce what a test asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run, run_where_forbidden, write


@pytest.mark.parametrize(
    ("marker", "message", "hint"),
    [
        ('"lamda"', "no profile is named `lamda`", "did you mean `lambda`?"),
        ('"lambda", tmp_sze="1M"', "no dimension or setting is named `tmp_sze`", "did you mean `tmp_size`?"),
        ('"lambda", tmp_size="much"', "`tmp_size`: expected a size", ""),
        ("3", "expected names of profiles, got 3", 'for example `@pytest.mark.envguard("lambda")`'),
        ("", "names no profile", 'for example `@pytest.mark.envguard("lambda")`'),
        ('"lambda", fresh=1', "`fresh`: expected True or False, got 1", ""),
        ('"lambda", timeout=-1', "`timeout`: expected seconds above zero, got -1", ""),
    ],
)
def test_a_mistake_in_a_marker_is_found_before_the_first_test(
    project: Path, run: Run, marker: str, message: str, hint: str
) -> None:
    write(project, f"def test_first():\n    pass\n\n@pytest.mark.envguard({marker})\ndef test_it():\n    pass")
    result = run()
    assert result.code == 4
    assert "ERROR: test_it.py::test_it: @pytest.mark.envguard" in result.err
    assert message in result.err and hint in result.err and "Traceback" not in result.err
    assert "1 passed" not in result.out
    parallel = run("-n", "1")
    assert parallel.code == 1 and message in parallel.out and "1 passed, 1 error" in parallel.out


def test_where_an_environment_cannot_be_enforced_the_test_is_an_error(project: Path) -> None:
    """Where neither namespaces nor a filter are allowed, a marked test is an error and all others run."""
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_marked():
    pass

@pytest.mark.xfail
def test_fixture(no_network):
    pass

@pytest.mark.envguard("lambda")
@pytest.mark.skip(reason="not today")
def test_skipped():
    pass

def test_plain():
    pass
""",
    )
    result = run_where_forbidden(project, "sealed")
    assert result.code == 1, result
    assert "`lambda` cannot be enforced here to the fidelity `exact`" in result.out
    assert "`no_network` cannot be enforced here to the fidelity `exact`" in result.out
    assert "1 passed, 1 skipped, 2 errors" in result.out


def test_a_plugin_that_runs_tests_itself_cannot_bypass_the_environment(project: Path, run: Run) -> None:
    write(
        project,
        """
from _pytest.runner import runtestprotocol

class Mine:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        runtestprotocol(item, nextitem=nextitem)
        return True

def pytest_configure(config):
    config.pluginmanager.register(Mine())
""",
        "conftest.py",
    )
    write(project, "@pytest.mark.envguard('lambda')\ndef test_it():\n    pass")
    result = run()
    assert result.code == 1
    assert "asks for an environment and would run without it" in result.out


def test_on_another_operating_system_the_test_is_an_error(project: Path, run: Run) -> None:
    write(
        project,
        """
import signal
sys.platform = "darwin"
del signal.SIGRTMAX
sys.modules["resource"] = None
""",
        "conftest.py",
    )
    write(
        project,
        "def test_plain():\n    pass\n\n@pytest.mark.envguard('lambda')\ndef test_it():\n    pass\n\ndef test_fixture(no_shm):\n    pass",
    )
    result = run()
    assert result.code == 1
    assert result.out.count("environments are enforced by the Linux kernel, and this is darwin") >= 2
    assert "1 passed, 2 errors" in result.out


@pytest.mark.parametrize("fresh", ["", ", fresh=True"], ids=["fork", "fresh"])
def test_an_environment_that_is_not_there_turns_the_test_red(project: Path, run: Run, fresh: str) -> None:
    """Whatever goes wrong on the way: here a step of the plan is lost, and the promise of a read-only root with it."""
    write(
        project,
        """
from pytest_envguard.prepare import Planner

planned = Planner.plan

def plan(self, *arguments):
    made = planned(self, *arguments)
    kept = [step for step in made.script["steps"] if step[0] != "readonly"]
    return made._replace(script={**made.script, "steps": kept})

Planner.plan = plan
""",
        "conftest.py",
    )
    write(
        project,
        f"@pytest.mark.envguard('readonly_root'{fresh})\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n):\n    pass",
    )
    result = run()
    assert result.code == 1
    assert "`readonly_root` is not what was promised on this machine: root: " in result.out
    assert "2 errors" in result.out and "passed" not in result.out
