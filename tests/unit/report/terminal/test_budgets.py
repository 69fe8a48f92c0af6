"""Figures in the terminal and in the JSON document, beside their budgets."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_envguard.model.budget import BYTES, OVER, SECONDS, WITHIN, Figure, of_start
from pytest_envguard.report.document.writing import document
from pytest_envguard.report.figures import by_test
from pytest_envguard.report.summary import summarise
from pytest_envguard.report.terminal.budgets import lines, write_measured
from tests.unit.report.pages import HOST, LAMBDA, PASSED, Paper, run

FAST = Figure("encode_p99", SECONDS, 0.012, 0.015, WITHIN, 0.011, 0.013, "491 samples")
SLOW = FAST._replace(value=0.018, verdict=OVER)
PEAK = Figure("peak_memory", BYTES, float(300 << 20))
NODEID = "tests/test_a.py::test_a"


def measured_in(**environments: tuple[Figure, ...]) -> list:
    runs = [run(name, test_a=PASSED) for name in environments]
    for one, figures in zip(runs, environments.values(), strict=True):
        one.figures[NODEID] = figures
    return runs


def test_each_environment_has_its_line_under_the_test() -> None:
    told = list(lines(by_test(measured_in(**{"lambda": (SLOW, PEAK), "host": (FAST, PEAK)})), 0))
    assert told == [
        "",
        "measured:",
        "  tests/test_a.py::test_a",
        "      lambda: encode_p99 18 ms of 15 ms (over)",
        "      host: encode_p99 12 ms of 15 ms",
    ]


def test_without_budgets_everything_that_was_measured_is_shown() -> None:
    assert "      host: peak_memory 300 MiB" in list(lines(by_test(measured_in(host=(PEAK,))), 0))


def test_verbose_has_all_figures_with_their_noise() -> None:
    told = list(lines(by_test(measured_in(host=(FAST, PEAK))), 1))
    assert told[3:] == [
        "      host: encode_p99 12 ms of 15 ms: between 11 ms and 13 ms; 491 samples",
        "      host: peak_memory 300 MiB",
    ]


@pytest.mark.parametrize("verbosity", [-1, -2])
def test_a_quiet_run_shows_nothing(verbosity: int) -> None:
    assert list(lines(by_test(measured_in(host=(FAST,))), verbosity)) == []


def test_cold_starts_that_nobody_set_a_budget_for_are_told_with_verbose_only() -> None:
    """They stand in reports; a test that uses the fixture has asked for no line."""
    starts = measured_in(host=of_start(1, 0.5, 1 << 20, "`import app`"))
    assert list(lines(by_test(starts), 0)) == []
    assert list(lines(by_test(starts), 1))[3:] == [
        "      host: cold_start_seconds 500 ms: `import app`",
        "      host: cold_start_peak_memory 1 MiB: `import app`",
    ]


def test_of_very_many_tests_some_are_shown() -> None:
    measured = {f"tests/test_a.py::test_{number}": {"": (FAST,)} for number in range(30)}
    told = list(lines(measured, 0))
    assert told[-1] == "  ... and 10 more tests (-v shows all of them, a junit file has them too)"
    assert sum("encode_p99" in line for line in told) == 20
    assert sum("encode_p99" in line for line in lines(measured, 1)) == 30


def test_a_plain_run_shows_them_too() -> None:
    paper = Paper()
    report = SimpleNamespace(nodeid=NODEID, envguard_figures=[list(FAST)])
    own = SimpleNamespace(nodeid=NODEID, envguard_figures=[list(SLOW)], envguard_environment="lambda")
    write_measured(paper, [report, own], 0)
    assert paper.lines == [
        "============================== envguard: measured ==============================",
        "  tests/test_a.py::test_a",
        "      encode_p99 12 ms of 15 ms",
        "      lambda: encode_p99 18 ms of 15 ms (over)",
    ]


def test_the_document_has_numbers_by_environment() -> None:
    runs = measured_in(**{"lambda": (SLOW,), "host": (FAST,)})
    (test,) = document(summarise([LAMBDA, HOST], runs, runs[1]))["tests"]
    assert test["measured"]["lambda"] == [
        {
            "name": "encode_p99",
            "unit": "s",
            "value": 0.018,
            "limit": 0.015,
            "verdict": "over",
            "low": 0.011,
            "high": 0.013,
            "note": "491 samples",
        }
    ]
    assert list(test["measured"]) == ["lambda", "host"]


def test_a_test_that_measured_nothing_says_nothing_of_it() -> None:
    (test,) = document(summarise([HOST], [run("host", test_a=PASSED)], None))["tests"]
    assert "measured" not in test
