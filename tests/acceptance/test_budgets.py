"""Budgets, as a user meets them: in a plain run, in environments, in a process of the test's own, across xdist."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Run, write

KEPT = """
@pytest.mark.envguard_budget(encode_p50="10s", load_seconds=60, peak_memory="64GB")
def test_kept(envguard_measure):
    with envguard_measure.load():
        pass
    envguard_measure.sample("encode", lambda: sum(range(100)))
"""
EXCEEDED = """
@pytest.mark.envguard_budget(load_seconds="1ms", peak_memory="64GB")
def test_exceeded(envguard_measure):
    with envguard_measure.load():
        time.sleep(0.05)
"""


def test_over_budget_is_a_failed_test_with_the_figures(project: Path, run: Run) -> None:
    write(project, KEPT + EXCEEDED)
    result = run()
    result.check(1, "load_seconds: 5")
    assert " is over 1 ms (measured once)" in result.out
    assert "measured as well:" in result.out
    assert "1 failed, 1 passed" in result.out
    assert result.has("test_it.py::test_kept")
    assert "encode_p50" in result.line("      encode_p50")
    assert "of 10 s, load_seconds" in result.line("      encode_p50")


def test_a_budget_that_was_never_measured_is_a_failed_test(project: Path, run: Run) -> None:
    write(project, '@pytest.mark.envguard_budget(encode_p99="15ms")\ndef test_it(envguard_measure):\n    pass\n')
    run().check(1, "encode_p99: not measured: the test never measured it, as `envguard_measure.sample(")


def test_a_budget_without_the_fixture_is_judged_all_the_same(project: Path, run: Run) -> None:
    write(
        project,
        "@pytest.mark.envguard_budget(load_seconds=1)\ndef test_time():\n    pass\n"
        '@pytest.mark.envguard_budget(peak_memory="1MB")\ndef test_peak():\n    pass\n',
    )
    result = run()
    result.check(1, "2 failed")
    assert "load_seconds: not measured" in result.out
    assert " is over 1 MiB (VmHWM" in result.out or sys.platform != "linux"


def test_a_marker_that_comes_too_late_does_not_pass(project: Path, run: Run) -> None:
    write(
        project,
        "@pytest.fixture\ndef late(request):\n    request.node.add_marker(pytest.mark.envguard_budget(load_seconds=1))\n"
        "def test_it(late):\n    pass\n",
    )
    run().check(1, "has got budgets when it had begun: they would not be judged")


def test_a_mistake_ends_the_run_before_the_first_test(project: Path, run: Run) -> None:
    write(project, '@pytest.mark.envguard_budget(peak_mem="1GB")\ndef test_it():\n    pass\n')
    result = run()
    assert result.code == 4
    assert "test_it.py::test_it: @pytest.mark.envguard_budget: no budget is named `peak_mem`" in result.err
    assert "hint: did you mean `peak_memory`?" in result.err


def test_a_mistake_in_a_worker_is_the_test_s_own_failure(project: Path, run: Run) -> None:
    write(project, '@pytest.mark.envguard_budget(peak_mem="1GB")\ndef test_it():\n    pass\n')
    run("-n", "1").check(1, "no budget is named `peak_mem`")


def test_what_fails_by_itself_and_what_is_expected_to_fail(project: Path, run: Run) -> None:
    """A test that has failed already isn't judged; one that is expected to be over budget is."""
    write(
        project,
        """
@pytest.mark.envguard_budget(load_seconds=1)
def test_fails(envguard_measure):
    assert 1 == 2

@pytest.mark.xfail(strict=True)
@pytest.mark.envguard_budget(peak_memory="1MB")
def test_known():
    pass

@pytest.mark.envguard_budget(load_seconds=1)
def test_skips(envguard_measure):
    pytest.skip("not here")
""",
    )
    result = run()
    result.check(1, "1 failed, 1 skipped, 1 xfailed")
    assert "assert 1 == 2" in result.out


def test_workers_of_xdist_send_their_figures(project: Path, run: Run) -> None:
    write(project, KEPT + EXCEEDED)
    result = run("-n", "2", "--junitxml=junit.xml")
    result.check(1, "1 failed, 1 passed")
    assert "of 10 s, load_seconds" in result.line("      encode_p50")
    cases = ElementTree.parse(project / "junit.xml").iter("testcase")
    told = {case.get("name"): case.findtext("system-out", "").splitlines() for case in cases}
    begin = "envguard: measured: "
    assert [text.removeprefix(begin).split()[0] for text in told["test_kept"]][:3] == [
        "encode_p50",
        "load_seconds",
        "peak_memory",
    ]
    assert "of 1 ms (over): measured once" in str(told["test_exceeded"])


def test_an_environment_has_figures_of_its_own(project: Path, run: Run) -> None:
    """In the terminal, and as numbers in the report."""
    write(project, KEPT + EXCEEDED)
    result = run("--envguard=container,host", "--envguard-report=report.json")
    result.check(1, "fails everywhere")
    for name in ("container", "host"):
        assert "of 10 s, load_seconds" in result.line(f"      {name}: encode_p50")
    tests = json.loads((project / "report.json").read_text())["tests"]
    measured = {test["nodeid"]: test["measured"] for test in tests}["test_it.py::test_exceeded"]
    for name in ("container", "host"):
        load = measured[name][0]
        assert (load["name"], load["limit"], load["verdict"]) == ("load_seconds", 0.001, "over")
        assert 0.05 <= load["value"] < 30


@pytest.mark.parametrize("fresh", ["", ", fresh=True"])
def test_a_test_in_a_process_of_its_own_sends_its_figures(project: Path, run: Run, fresh: str) -> None:
    write(
        project,
        f"""
@pytest.mark.envguard("container"{fresh})
@pytest.mark.envguard_budget(peak_memory="1MB", load_seconds=60)
def test_own(envguard_measure, envguard_environment):
    assert envguard_environment == "container"
    with envguard_measure.load():
        pass
""",
    )
    result = run()
    result.check(1, "is over 1 MiB (VmHWM")
    assert "1 failed" in result.out
    assert "peak_memory" in result.line("      container: peak_memory")


def test_a_cold_start_s_figures_meet_budgets(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard_budget(import_seconds=60, peak_memory="1MB")
def test_import(cold_start, envguard_measure):
    start = cold_start("import json").check()
    envguard_measure.record(import_seconds=start.seconds, peak_memory=start.peak_memory)
""",
    )
    run().check(1, "is over 1 MiB (recorded by the test)")


def test_cold_starts_stand_in_reports_and_are_no_line_of_a_usual_run(project: Path, run: Run) -> None:
    """Out of the process of a marked test as well; a budget for them needs nothing else."""
    write(
        project,
        """
@pytest.mark.envguard_budget(cold_start_seconds="1ms")
def test_late(cold_start):
    cold_start("import json").check()

@pytest.mark.envguard("no_network")
def test_twice(cold_start):
    cold_start("import json").check()
    cold_start("import email", within=30).check()
""",
    )
    result = run("--envguard=offline", "--envguard-report=r.json", "--envguard-baseline=never")
    result.check(1, " is over 1 ms (`import json` in offline: exit code 0)")
    assert "cold_start_2" not in result.out
    first, second = (test["measured"]["offline"] for test in json.loads((project / "r.json").read_text())["tests"])
    assert [one["name"] for one in first] == ["cold_start_seconds", "cold_start_peak_memory"]
    names = [one["name"] for one in second]
    assert names[2:] == ["cold_start_2_seconds", "cold_start_2_peak_memory"] and names[:2] == [
        one["name"] for one in first
    ]
    assert second[3]["value"] > 1 << 20
    assert second[3]["note"] == "`import email` in offline+no_network: exit code 0; allowed: 30 s"


def test_a_leak_in_c_is_a_failed_test_and_a_plateau_is_none(project: Path, run: Run) -> None:
    """Real memory, 100 times the budget and none of it."""
    write(
        project,
        """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def leak():
    ctypes.memset(libc.malloc(40_000), 1, 40_000)
    return 4

BUDGET = pytest.mark.envguard_budget(growth_per_10k_tokens="1MB")

@BUDGET
def test_leak(envguard_measure):
    envguard_measure.growth("tokens", leak, seconds=0.4)

@BUDGET
def test_plateau(envguard_measure):
    envguard_measure.growth("tokens", lambda: len(bytearray(b"x" * 40_000)), seconds=0.4)
""",
    )
    result = run()
    result.check(1, "1 failed, 1 passed")
    assert "growth_per_10k_tokens: 9" in result.out
    assert " is over 1 MiB (" in result.out


def test_a_run_that_measures_nothing_has_no_section(project: Path, run: Run) -> None:
    write(project, "def test_it():\n    pass\n")
    result = run()
    result.check(0, "1 passed")
    assert "measured" not in result.out
