"""Another version as a remedy: which cells have it already, and which cell is built."""

from __future__ import annotations

from pytest_envguard.engine.remedies.upgrading import attempts, has_run_with, named
from pytest_envguard.model.cell import Cell, Ready
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Broken, Outcome, Run

TESTS = ("test_a", "test_b")


def _cell(version: str) -> Ready:
    cell = Cell((("litellm", version),))
    return Ready(cell, "/c", "/c/python", "/usr", (), "3.11.7", {"litellm": version}, "")


def _plan(profile: str, version: str) -> Plan:
    return Plan(f"{profile}-litellm{version}", "", cell=_cell(version), profile=profile)


def _run(plan: Plan, *words: str) -> Run:
    return Run(plan.name, {nodeid: Outcome(word) for nodeid, word in zip(TESTS, words, strict=False)})


PLANS = {plan.name: plan for plan in (_plan("lambda", v) for v in ("1.30.0", "1.40.9", "1.50.0", "1.60.0"))}
OLD, FIRST, SECOND, THIRD = PLANS.values()


def test_the_first_cell_in_which_all_tests_pass_is_taken() -> None:
    """One that has the version and fails is second choice: it's an answer too."""
    runs = {
        OLD.name: _run(OLD, "failed", "failed"),
        FIRST.name: _run(FIRST, "passed", "failed"),
        SECOND.name: _run(SECOND, "passed", "passed"),
        THIRD.name: _run(THIRD, "passed", "passed"),
    }
    assert has_run_with("litellm>=1.40.9", OLD, PLANS, runs, TESTS) is runs[SECOND.name]
    assert has_run_with("LiteLLM<1.50,>=1.40", OLD, PLANS, runs, TESTS) is runs[FIRST.name]
    assert has_run_with("litellm>=2", OLD, PLANS, runs, TESTS) is None
    assert has_run_with("other>=1", OLD, PLANS, runs, TESTS) is None


def test_a_cell_that_has_not_run_the_tests_there_says_nothing() -> None:
    """Another profile, a broken environment, or a test that's missing."""
    elsewhere = _plan("container", "1.70.0")
    plans = {**PLANS, elsewhere.name: elsewhere}
    runs = {
        OLD.name: _run(OLD, "failed", "failed"),
        FIRST.name: _run(FIRST, "passed"),
        SECOND.name: _run(SECOND, "passed", "passed"),
        THIRD.name: _run(THIRD),
        elsewhere.name: _run(elsewhere, "passed", "passed"),
    }
    runs[SECOND.name].broken = Broken(("hung",))
    assert has_run_with("litellm>=1.40.9", OLD, plans, runs, TESTS) is None


def test_other_versions_are_kept_first_and_then_left() -> None:
    """The requirement takes the place of the pin and of what is said of the same package; the interpreter stays."""
    cell = Cell((("python", "3.12"), ("litellm", "1.30.0"), ("tiktoken", "0.7.0")), "2024-06-20", ("litellm<2", "idna"))
    assert attempts(cell, "litellm>=1.40.9") == [
        Cell((("python", "3.12"), ("tiktoken", "0.7.0")), "2024-06-20", ("idna", "litellm>=1.40.9")),
        Cell((("python", "3.12"),), "", ("idna", "litellm>=1.40.9")),
    ]
    assert len(attempts(Cell((("litellm", "1.30.0"),)), "litellm>=1.40.9")) == 1


def test_the_cell_is_named_by_the_version_that_it_got() -> None:
    """As a cell of a run would be."""
    made = _cell("1.53.9")._replace(cell=Cell((("tiktoken", "0.7.0"),), "", ("litellm>=1.40.9",)))
    assert named(made, "litellm>=1.40.9").name == "tiktoken0.7.0-litellm1.53.9"
