"""What came of a run in one sentence."""

from __future__ import annotations

import pytest

from pytest_envguard.model.verdict import Broken, Outcome
from pytest_envguard.report.summary import Invocation, Summary, summarise
from pytest_envguard.report.verdict import verdict
from tests.unit.report.pages import CONTAINER, EROFS, HOST, LAMBDA, PASSED, Happened, matrix_run, run

BOTH = [LAMBDA, CONTAINER]


def both(host: dict[str, Outcome] | None, **here: Outcome) -> Summary:
    """Return a run in two environments; with None it wasn't compared."""
    return summarise(BOTH, [run("lambda", **here), run("container", **here)], run("host", **host) if host else None)


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (both(None, a=PASSED), "1 test in 2 environments: none fails"),
        (both(None), "no test ran in 2 environments"),
        (summarise([], [], {}), "no test ran"),
        (both(None, a=Outcome("skipped")), "1 test in 2 environments: all are skipped"),
        (both(None, a=Outcome("skipped"), b=PASSED), "2 tests in 2 environments: none fails"),
        (
            both({"a": PASSED}, a=EROFS, b=PASSED),
            "1 of 2 tests fails in at least one of 2 environments, where the host passes",
        ),
        (both({"a": EROFS}, a=EROFS), "1 of 1 test fails in at least one of 2 environments, on the host too"),
        (both(None, a=EROFS), "1 of 1 test fails in at least one of 2 environments, not compared with the host"),
        (
            both({"a": PASSED, "b": EROFS}, a=EROFS, b=EROFS, c=EROFS),
            (
                "3 of 3 tests fail in at least one of 2 environments: "
                "1 where the host passes, 1 on the host too, 1 not compared with the host"
            ),
        ),
        (
            summarise([LAMBDA], [run("lambda", a=EROFS, b=EROFS)], run("host", a=PASSED, b=PASSED)),
            "2 of 2 tests fail in lambda, where the host passes",
        ),
        (summarise([HOST], [run("host", a=EROFS)], run("host", a=EROFS)), "1 of 1 test fails in host"),
    ],
)
def test_how_many_tests_fail_and_what_the_host_did_with_them(summary: Summary, sentence: str) -> None:
    assert verdict(summary) == sentence


def test_a_test_that_fails_on_the_host_with_other_versions_only_is_one_where_the_host_passes() -> None:
    """One and the same test fails for two reasons then, and one of them is the environment."""

    def happened(profile: str, versions: dict[str, str]) -> Happened:
        return {"a": EROFS if profile == "lambda" or versions["six"] == "1.2" else PASSED}

    sample = matrix_run({"six": ("1.1", "1.2")}, happened, (LAMBDA,))
    assert verdict(sample.summary()) == "1 of 1 test fails in at least one of 2 environments, where the host passes"


def test_versions_on_this_machine_alone_are_compared_with_nothing() -> None:
    sample = matrix_run({"six": ("1.1", "1.2")}, lambda *_: {"a": EROFS})
    assert verdict(sample.summary()) == "1 of 1 test fails in at least one of 2 environments"


def test_what_else_went_wrong_follows() -> None:
    """A run that isn't green never reads so."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return "because" if versions["six"] == "1.2" else {"a": PASSED}

    sample = matrix_run({"six": ("1.1", "1.2")}, happened, (LAMBDA,))
    sample.runs[0].broken = Broken(("no",))
    called = Invocation(interrupted="by somebody", failing=("not audited",))
    assert verdict(sample.summary()._replace(invocations=(called,))) == (
        "1 test in lambda-six1.1: none fails; 1 stopped; 1 cell could not be had; packages make the run fail; not the whole run"
    )
