"""Which remedy breaks which test."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from pytest_envguard.engine.remedies.breaking import Accepted, broken_by
from pytest_envguard.model.diagnosis import Remedy
from pytest_envguard.model.verdict import Outcome, Run
from tests.unit.engine.pretending import Pretended, needs, sets

A, B, C, D = "t.py::a", "t.py::b", "t.py::c", "u.py::d"
(X,), (Y,), (Z,) = sets("X=1"), sets("Y=1"), sets("Z=1")


def _fails(**when: Callable[[frozenset[str]], bool]) -> Pretended:
    def says(test: str, titles: frozenset[str]) -> str:
        return "broken" if when.get(test.rpartition("::")[2], lambda _titles: False)(titles) else ""

    return Pretended(says, [A, B, C, D])


def test_nothing_is_broken() -> None:
    """One run with all of them together tells."""
    stage = _fails()
    assert broken_by(stage, "lambda", [Accepted((X,), (A,)), Accepted((Y,), (B,))]) == [{}, {}]  # type: ignore[arg-type]
    assert [titles for titles, _ in stage.ran] == ["X=1 + Y=1"]


def test_one_remedy_is_blamed_at_once() -> None:
    """The test fails with it and passes without."""
    stage = _fails(c=lambda titles: "X=1" in titles)
    assert broken_by(stage, "lambda", [Accepted((X,), (A,))]) == [{C: "broken"}]  # type: ignore[arg-type]
    assert [(titles, tests) for titles, tests in stage.ran[1:]] == [("", (C,))]


def test_a_test_that_fails_without_any_remedy_on_a_second_look_is_not_broken() -> None:
    """It comes and goes."""
    seen = itertools.count()

    def comes_and_goes(_titles: frozenset[str]) -> bool:
        return next(seen) > 0  # it passed in the run

    stage = _fails(c=comes_and_goes)
    assert broken_by(stage, "lambda", [Accepted((X,), (A,))]) == [{}]  # type: ignore[arg-type]


def test_of_several_remedies_the_one_that_breaks_it_alone_is_blamed() -> None:
    """Each is tried alone on what is broken."""
    stage = _fails(c=lambda titles: "Y=1" in titles, d=lambda titles: "Z=1" in titles)
    accepted = [Accepted((X,), (A,)), Accepted((Y,), (B,)), Accepted((Z,), ())]
    assert broken_by(stage, "lambda", accepted) == [{}, {C: "broken"}, {D: "broken"}]  # type: ignore[arg-type]


def test_what_only_several_break_together_is_blamed_on_all() -> None:
    """None does it alone."""
    stage = _fails(c=lambda titles: titles >= {"X=1", "Y=1"})
    accepted = [Accepted((X,), (A,)), Accepted((Y,), (B,))]
    assert broken_by(stage, "lambda", accepted) == [{C: "broken"}, {C: "broken"}]  # type: ignore[arg-type]


def test_a_remedy_that_breaks_what_another_mends() -> None:
    """The test keeps its own remedy, and is tried with each of the others besides."""
    stage = _fails(a=lambda titles: "X=1" not in titles or "Y=1" in titles)
    accepted = [Accepted((X,), (A,)), Accepted((Y,), (B,)), Accepted((Z,), (C,))]
    assert broken_by(stage, "lambda", accepted) == [{}, {A: "broken"}, {}]  # type: ignore[arg-type]


def test_another_version_is_judged_by_its_own_cell() -> None:
    """What passes here and fails there."""
    stage = Pretended(needs(), [A, B, C])
    stage.known["six>=2"] = Run("lambda-six2", {A: Outcome("passed"), C: Outcome("failed", "gone in 2")})
    found = broken_by(stage, "lambda", [Accepted((Remedy(upgrade="six>=2"),), (A,))])  # type: ignore[arg-type]
    assert found == [{C: "gone in 2"}]


def test_many_tests_are_shared_out_by_files() -> None:
    """No test runs twice, and those of a file stay together."""
    tests = [f"t{number % 3}.py::t{number}" for number in range(60)]
    stage = Pretended(needs(), tests)
    assert broken_by(stage, "lambda", [Accepted((X,), ())]) == [{}]  # type: ignore[arg-type]
    assert sorted(itertools.chain.from_iterable(some for _, some in stage.ran)) == sorted(tests)
    files = [{test.partition("::")[0] for test in some} for _, some in stage.ran]
    assert sum(map(len, files)) == 3
