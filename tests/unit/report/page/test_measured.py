"""What environments and tests took."""

from __future__ import annotations

from pytest_envguard.model.budget import BYTES, MISSING, SECONDS, Figure, of_start
from pytest_envguard.model.verdict import Resources, Run
from pytest_envguard.report.page.measured import resources
from tests.unit.report.page.samples import LOAD, small
from tests.unit.report.pages import PASSED


def test_each_environment_has_its_times_in_their_order_and_its_longest_test() -> None:
    """With time and memory of all together, as far as they are known."""
    took = resources(small().runs).took
    assert [one.environment for one in took] == ["lambda", "container", "offline"]
    assert took[0].says == "longest: 464 ms, tests/test_text.py::test_split[2]"
    assert [(bar.title, bar.text) for bar in took[0].bars] == [
        ("time", "12.3 s"),
        ("peak memory", "310 MiB"),
        ("peak /tmp", "40 MiB"),
    ]
    assert [bar.title for bar in took[1].bars] == ["time", "peak memory"]


def test_all_environments_have_the_same_scales() -> None:
    """Else the longest bar says nothing."""
    runs = [Run("a", {"t": PASSED}, Resources(4.0)), Run("b", {"t": PASSED}, Resources(1.0))]
    first, second = resources(runs).took
    assert 'width="100%"' in str(first.bars[0].drawn).partition("track")[2]
    assert 'width="25%"' in second.bars[0].drawn


def test_an_environment_in_which_nothing_ran_took_nothing() -> None:
    """Where nobody noted the times of tests there is no timeline."""
    (took,) = resources([Run("a", {"t": PASSED}, Resources(1.0)), Run("b")]).took
    assert (took.environment, took.says, str(took.drawn)) == ("a", "", "")


def test_figures_stand_by_test_and_name_with_those_that_are_over_first() -> None:
    """Each environment beside the others, on one scale."""
    seconds, memory = resources(small().runs).budgets
    assert (seconds.nodeid, seconds.name, memory.name) == (LOAD, "load_seconds", "peak_memory")
    assert [(one.environment, one.text, one.failed) for one in seconds.measures] == [
        ("lambda", "8 s of 10 s", False),
        ("container", "11.2 s of 10 s (over)", True),
        ("offline", "6.4 s of 10 s", False),
    ]
    assert seconds.measures[0].details == "between 7.68 s and 8.56 s; 5 cold starts"


def test_cold_starts_are_timelines_of_their_own() -> None:
    """Seconds and memory, in their order, on the scales of all environments; other figures are none."""
    starts = (*of_start(1, 0.5, 30 << 20, "`import app`"), *of_start(2, 1.5, 60 << 20, "`import app.more`"))
    other = Figure("import_seconds", SECONDS, 9.0)
    runs = [
        Run("a", {"t": PASSED}, figures={"t": (*starts, other)}),
        Run("b", {"t": PASSED}, figures={"t": starts[:2]}),
    ]
    first, second = resources(runs).took
    assert [(one.title, one.text) for one in first.starts] == [
        ("cold starts", "2, at most 1.5 s"),
        ("their memory", "2, at most 60 MiB"),
    ]
    assert "a: cold starts in their order: 2, at most 1.5 s: `import app.more`" in first.starts[0].drawn
    whole, third = (
        [part.split("H")[0] for part in str(one.starts[0].drawn).split("V")[1:2]] for one in (first, second)
    )
    assert whole == third  # of the same length on the same scale
    assert not resources(small().runs).took[0].starts


def test_a_figure_that_was_not_measured_has_no_plot() -> None:
    """And no budget is no line."""
    figures = (Figure("a", SECONDS, None, 1.0, MISSING), Figure("growth", BYTES, -5.0))
    missing, growth = resources([Run("a", {"t": PASSED}, figures={"t": figures})]).budgets
    assert (missing.measures[0].text, str(missing.measures[0].drawn)) == ("not measured", "")
    assert growth.measures[0].text == "-5 B"


def test_more_than_anybody_reads_is_counted() -> None:
    """Hundreds of cells, and of figures."""
    runs = [
        Run(f"e{at}", {"t": PASSED}, figures={"t": tuple(Figure(f"f{n}", SECONDS, 1.0) for n in range(200))})
        for at in range(70)
    ]
    found = resources(runs)
    assert (len(found.took), found.more, len(found.budgets), found.more_budgets) == (60, 10, 150, 50)
