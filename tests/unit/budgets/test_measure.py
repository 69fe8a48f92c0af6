"""What a test measures meets its budgets by their names; what was never measured is no success."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from pytest_envguard.budgets.asked import read_budget
from pytest_envguard.budgets.measure import Measure
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import FREE, MISSING, OVER, TOO_FEW, WITHIN


def measure(**budgets: object) -> Measure:
    return Measure([read_budget(name, raw) for name, raw in budgets.items()])


def verdicts(measured: Measure) -> dict[str, str]:
    return {figure.name: figure.verdict for figure in measured.figures()}


def test_a_block_is_timed_once() -> None:
    measured = measure(load_seconds=30)
    with measured.load():
        time.sleep(0.01)
    (figure,) = measured.figures()
    assert figure.value is not None
    assert (figure.verdict, figure.note) == (WITHIN, "measured once")
    assert 0.01 <= figure.value < 30


def test_of_a_block_that_is_timed_often_the_longest_counts() -> None:
    measured = measure(load_seconds="20ms")
    for seconds in (0.03, 0.0):
        with measured.load():
            time.sleep(seconds)
    figure = measured.figures()[0]
    assert (figure.name, figure.verdict, figure.note) == ("load_seconds", OVER, "the longest of 2")


def test_a_block_that_raises_is_not_measured() -> None:
    measured = measure(load_seconds=10)
    with pytest.raises(LookupError), measured.load():
        raise LookupError
    assert verdicts(measured) == {"load_seconds": MISSING}


def test_blocks_make_a_percentile_if_there_are_enough() -> None:
    measured = measure(step_p50="10s", step_p99="10s")
    for _ in range(10):
        with measured.timed("step"):
            pass
    assert verdicts(measured) == {"step_p50": WITHIN, "step_p99": TOO_FEW, "step_max": FREE}


def test_a_budget_that_nothing_was_measured_for_fails_and_names_what_was() -> None:
    measured = measure(encode_p99="15ms", load_seconds=10, growth_per_10k_tokens="1MB")
    measured.sample("encoed", lambda: None)
    figures = {figure.name: figure for figure in measured.figures()}
    assert all(figures[name].failed for name in ("encode_p99", "load_seconds", "growth_per_10k_tokens"))
    assert figures["encode_p99"].sentence == (
        'encode_p99: not measured: `envguard_measure.sample("encode", function)` would measure it; '
        "did you mean `encoed`? measured was: encoed"
    )


def test_where_nothing_was_measured_it_says_what_would() -> None:
    (figure,) = measure(load_seconds=10).figures()
    assert figure.sentence == (
        'load_seconds: not measured: the test never measured it, as `with envguard_measure.timed("load"): …` does'
    )


def test_what_the_test_recorded_counts_as_measured() -> None:
    measured = measure(import_seconds=2, peak_memory="100MB")
    measured.record(import_seconds=2.5, peak_memory=5 << 20)
    assert verdicts(measured) == {"import_seconds": OVER, "peak_memory": WITHIN}


@pytest.mark.skipif(sys.platform == "win32", reason="no peak is known there")
def test_the_peak_is_measured_without_being_asked_for() -> None:
    small, large = measure(peak_memory="1MB"), measure(peak_memory="1TB")
    assert verdicts(small) == {"peak_memory": OVER}
    assert verdicts(large) == {"peak_memory": WITHIN}


def test_without_budgets_everything_is_told_and_nothing_is_judged() -> None:
    measured = measure()
    measured.sample("encode", lambda: None)
    with measured.load():
        pass
    measured.record(import_seconds=1.0)
    assert set(verdicts(measured).values()) == {FREE}
    assert list(verdicts(measured)) == ["encode_p50", "encode_p95", "encode_max", "load_seconds", "import_seconds"]


def test_under_a_tracer_it_says_that_times_are_longer() -> None:
    measured = measure(encode_p50="10s")
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        measured.sample("encode", lambda: None)
    finally:
        sys.settrace(before)
    assert measured.figures()[0].note.endswith("slower than usual, under a coverage or a debugger")


def test_figures_can_be_sent_and_read_again() -> None:
    measured = measure(encode_p50="10s")
    measured.sample("encode", lambda: None)
    for figure in measured.figures():
        assert type(figure).read(list(figure)) == figure


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one: one.sample("encode p99", print), "expected a name as it stands in a budget, got 'encode p99'"),
        (lambda one: one.sample("encode", 3), "expected a function, got int"),
        (lambda one: one.sample("encode", print, samples=0), "`samples`: expected a whole number above zero, got 0"),
        (
            lambda one: one.sample("encode", print, samples=1.5),
            "`samples`: expected a whole number above zero, got 1.5",
        ),
        (
            lambda one: one.sample("encode", print, seconds=float("nan")),
            "`seconds`: expected seconds above zero, got nan",
        ),
        (lambda one: one.growth("tokens", print, seconds=True), "`seconds`: expected seconds above zero, got True"),
        (lambda one: one.growth("", print), "expected a name as it stands in a budget, got ''"),
        (lambda one: one.record(encode_p99=1), "expected `peak_memory` or a name that ends in `_seconds`"),
        (lambda one: one.record(load_seconds=-1), "`load_seconds`: expected a number, got -1"),
        (lambda one: one.record(load_seconds="2s"), "`load_seconds`: expected a number, got '2s'"),
    ],
)
def test_a_mistake_in_a_call_is_one_clear_error(call: Any, message: str) -> None:
    with pytest.raises(EnvguardError) as error:
        call(measure())
    assert message in str(error.value)


def test_cold_starts_are_told_in_their_order_without_a_budget() -> None:
    """Each with its number; one that the test has recorded itself stands once."""
    measured = measure()
    measured.started(0.25, 1000, "`import app` in lambda: exit code 0")
    measured.started(0.5, 2000, "`import more` in lambda: exit code 0")
    measured.record(cold_start_seconds=0.25)
    figures = measured.figures()
    assert [(one.name, one.value) for one in figures] == [
        ("cold_start_seconds", 0.25),
        ("cold_start_peak_memory", 1000),
        ("cold_start_2_seconds", 0.5),
        ("cold_start_2_peak_memory", 2000),
    ]
    assert all(one.of_cold_start and one.verdict == FREE for one in figures)
    assert figures[3].note == "`import more` in lambda: exit code 0"


def test_a_budget_of_cold_starts_is_for_the_longest() -> None:
    """Without recording it; where nothing was started, it's missing like any other."""
    measured = measure(cold_start_seconds=1)
    assert verdicts(measured) == {"cold_start_seconds": MISSING}
    measured.started(0.25, 1000, "`import app`")
    assert verdicts(measured)["cold_start_seconds"] == WITHIN
    measured.started(1.25, 1000, "`import more`")
    assert [one.name for one in measured.figures() if one.verdict == OVER] == ["cold_start_seconds"]
    assert measured.figures()[0].note == "`import more`"
