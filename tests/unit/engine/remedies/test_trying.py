"""Which remedies are tried in which order, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_envguard.engine.remedies.trying import MOST, _all_trials, in_order, message, searches
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Seed, Trial
from pytest_envguard.model.verdict import Broken, Outcome, Run
from tests.unit.engine.pretending import Pretended, needs, sets

A, B, C = "t.py::a", "t.py::b", "t.py::c"


def cause(
    remedies: Sequence[Remedy], *tests: str, environments: Sequence[str] = ("lambda",), silent: bool = False
) -> Cause:
    return Cause(Diagnosis("why", remedies=tuple(remedies)), dict.fromkeys(environments, tests), silent)


def tried(stage: Pretended, *causes: Cause) -> list[list[Trial]]:
    found = _all_trials(stage, causes)  # type: ignore[arg-type]
    return [found.get(number, []) for number in range(len(causes))]


def titles(trials: Sequence[Trial]) -> list[str]:
    return [trial.title for trial in trials]


def test_variables_come_before_seeds_before_versions_and_guesses_last() -> None:
    """Within a kind the order of the diagnosis holds; advice can't be tried."""
    guess, upgrade, seed = (
        Remedy(set={"G": "1"}, guess=True),
        Remedy(upgrade="x>=1"),
        Remedy(seed=Seed("S"), set={"X": "1"}),
    )
    first, second = sets("Z=1", "A=1")
    assert in_order([guess, upgrade, seed, Remedy(says="pray"), first, second]) == (first, second, seed, upgrade, guess)


def test_the_first_that_makes_all_tests_pass_wins() -> None:
    """Those before it are told with what the tests say now; those after it aren't tried."""
    stage = Pretended(needs(a="R=2", b="R=2"), [A, B])
    (trials,) = tried(stage, cause(sets("R=1", "R=2", "R=3"), A, B))
    assert titles(trials) == ["R=1", "R=2"]
    assert trials[0].failed == {A: "needs R=2", B: "needs R=2"}
    assert trials[1].works
    assert trials[1].passed == (A, B)
    assert stage.said[0] == "envguard: trying R=1 in lambda (2 tests)"


def test_several_causes_and_environments_are_tried_side_by_side() -> None:
    """Each has an answer of its own."""
    stage = Pretended(needs(a="R=1", b="S=1"), [A, B], ("lambda", "container"))
    found = tried(
        stage,
        cause(sets("R=1"), A, environments=("lambda", "container")),
        cause(sets("S=1"), B, environments=("container",)),
    )
    assert [[(trial.environment, trial.works) for trial in trials] for trials in found] == [
        [("lambda", True), ("container", True)],
        [("container", True)],
    ]


@pytest.mark.parametrize("order", [("X=1", "Y=1", "Z=1"), ("Z=1", "Y=1", "X=1"), ("Y=1", "X=1", "Z=1")])
def test_where_none_does_it_alone_the_smallest_combination_is_searched(order: tuple[str, ...]) -> None:
    """Whatever the order is; of the combinations only the one that is found is told."""
    stage = Pretended(needs(a="X=1 Z=1"), [A])
    (trials,) = tried(stage, cause(sets(*order), A))
    assert titles(trials[:3]) == list(order)
    assert {remedy.title for remedy in trials[3].remedies} == {"X=1", "Z=1"}
    assert trials[3].works
    assert len(trials) == 4


def test_a_combination_that_fails_altogether_is_told_once() -> None:
    """All together, with what the tests say then; contradictions are not put together."""
    stage = Pretended(needs(a="NEVER"), [A])
    (trials,) = tried(stage, cause(sets("X=1", "X=2", "Y=1"), A))
    assert titles(trials) == ["X=1", "X=2", "Y=1", "X=1 Y=1"]
    assert not any(trial.works for trial in trials)


def test_reruns_are_bounded() -> None:
    """However many guesses there are."""
    stage = Pretended(needs(a="NEVER"), [A])
    (trials,) = tried(stage, cause(sets(*(f"V{number}=1" for number in range(40))), A))
    assert len(stage.ran) == len(trials) == MOST


def test_a_test_with_two_causes_is_tried_with_what_helps_against_both() -> None:
    """The tests with one cause only decide what helps against it."""
    stage = Pretended(needs(a="X=1", b="Y=1", c="X=1 Y=1"), [A, B, C])
    first, second = tried(stage, cause(sets("X=1"), A, C), cause(sets("N=1", "Y=1"), B, C))
    assert titles(first) == ["X=1", "X=1 Y=1"]
    assert titles(second) == ["N=1", "Y=1", "X=1 Y=1"]
    assert first[-1] == second[-1]
    assert first[-1].passed == (C,)


def test_a_test_with_two_causes_that_no_other_test_has() -> None:
    """What helps against both is searched among the remedies of both."""
    stage = Pretended(needs(c="X=1 Y=1"), [C])
    first, _ = tried(stage, cause(sets("X=1"), C), cause(sets("Y=1"), C))
    assert titles(first) == ["X=1", "Y=1", "X=1 Y=1"]
    assert first[-1].works


def test_each_environment_has_remedies_of_its_own() -> None:
    """A folder of one may not be there in another."""
    stage = Pretended(needs(), [A], ("lambda", "container"))
    for run in stage.bench.runs.values():
        run.outcomes[A] = Outcome("failed", "read-only")
    made = cause(sets("X=/tmp"), A, environments=("lambda", "container"))
    (trials,) = tried(stage, made._replace(remedies={"container": sets("X=/dev/shm")}))
    assert [(trial.environment, trial.title) for trial in trials] == [("lambda", "X=/tmp"), ("container", "X=/dev/shm")]


def test_silent_causes_and_those_without_remedies_are_not_tried() -> None:
    """And don't keep the others from it."""
    stage = Pretended(needs(a="X=1"), [A])
    found = tried(stage, cause(sets("X=1"), A), cause(sets("Y=1"), A, silent=True), cause([Remedy(says="pray")], A))
    assert [titles(trials) for trials in found] == [["X=1"], [], []]
    assert [search.causes for search in searches([cause(sets("X=1"), A), cause([], A)])] == [(0,)]


def test_what_can_not_be_applied_says_why() -> None:
    """It's a trial without a result, and the next one is tried."""
    stage = Pretended(needs(a="X=1"), [A])
    stage.problems["six>=2"] = "needs `--envguard-versions`"
    (trials,) = tried(stage, cause([Remedy(upgrade="six>=2"), Remedy(set={"X": "1"}, guess=True)], A))
    assert [(trial.title, trial.works, trial.problem) for trial in trials] == [
        ("six>=2", False, "needs `--envguard-versions`"),
        ("X=1", True, ""),
    ]


def test_a_cell_of_the_run_answers_without_a_rerun() -> None:
    """It's named in the trial."""
    stage = Pretended(needs(a="NEVER"), [A])
    stage.known["six>=2"] = Run("lambda-six2", {A: Outcome("passed")})
    (trials,) = tried(stage, cause([Remedy(upgrade="six>=2")], A))
    assert stage.ran == []
    assert (trials[0].works, trials[0].cell, trials[0].seconds) == (True, "cell", 0.0)


def test_a_test_that_is_skipped_with_a_remedy_does_not_pass() -> None:
    """Nothing was shown by it."""
    run = Run(
        "lambda", {A: Outcome("skipped", "no cache"), "f.py": Outcome("error", "no module x")}, deaths=["SIGSEGV"]
    )
    assert message(run, A) == "no cache"
    assert message(run, "f.py::x") == "no module x"
    assert message(run, C) == "SIGSEGV"
    stage = Pretended(needs(a="NEVER"), [A])
    stage.known["six>=2"] = run
    (trials,) = tried(stage, cause([Remedy(upgrade="six>=2")], A))
    assert trials[0].failed == {A: "no cache"}
    assert not trials[0].works


def test_a_run_that_hung_is_a_problem_and_says_nothing_of_tests_that_did_not_run() -> None:
    """What it has seen before is kept."""
    stage = Pretended(needs(a="NEVER"), [A, B])
    stage.known["six>=2"] = Run("lambda", {A: Outcome("passed")}, broken=Broken((f"{B} was still running",)))
    (trials,) = tried(stage, cause([Remedy(upgrade="six>=2")], A, B))
    assert (trials[0].passed, trials[0].failed, trials[0].problem) == ((A,), {}, f"{B} was still running")
    assert not trials[0].works


def test_a_file_that_can_be_imported_but_whose_tests_fail_is_not_mended() -> None:
    """Unless they fail on the host as well."""
    for on_host, works in ((set(), False), ({"f.py::x"}, True)):
        stage = Pretended(needs(), ["f.py"])
        stage.bench.runs["lambda"].outcomes["f.py"] = Outcome("error", "read-only")
        stage.on_host = on_host
        stage.known["six>=2"] = Run(
            "lambda", {"f.py": Outcome("passed"), "f.py::x": Outcome("failed", "read-only too")}
        )
        (trials,) = tried(stage, cause([Remedy(upgrade="six>=2")], "f.py"))
        assert trials[0].works is works
        assert trials[0].failed == ({} if works else {"f.py::x": "read-only too"})


def test_a_test_in_an_environment_of_its_own_that_still_fails_is_a_problem() -> None:
    """Its own environment may set the variable itself."""
    stage = Pretended(needs(a="NEVER"), [A])
    stage.bench.runs["lambda"].outcomes[A] = Outcome("failed", "x", own_environment="container")
    (trials,) = tried(stage, cause(sets("X=1"), A))
    assert trials[0].problem == (
        "still fails in the test's own environment (container), which may set these variables itself: needs NEVER"
    )


def test_a_remedy_that_breaks_other_tests_is_shown_as_such() -> None:
    """All that works is tried together on the other tests."""

    def says(test: str, applied: frozenset[str]) -> str:
        if test == C:
            return "broken by Y" if "Y=1" in applied else ""
        return needs(a="X=1", b="Y=1")(test, applied)

    stage = Pretended(says, [A, B, C])
    first, second = tried(stage, cause(sets("X=1"), A), cause(sets("Y=1"), B))
    assert first[0].broken == {}
    assert second[0].broken == {C: "broken by Y"}
    assert second[0].works
