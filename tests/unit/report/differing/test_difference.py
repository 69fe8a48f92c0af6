"""From one run to another: what is worse, what is better, and what nobody knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import OVER, SECONDS, WITHIN, Figure
from pytest_envguard.model.verdict import Broken, Outcome, Run
from pytest_envguard.report.differing.difference import Change, Difference, difference
from pytest_envguard.report.differing.telling import facts, lines
from pytest_envguard.report.summary import Invocation, Summary, summarise
from tests.unit.report.pages import (
    CONTAINER,
    EROFS,
    LAMBDA,
    NO_MODULE,
    OFFLINE,
    PASSED,
    Happened,
    matrix_run,
    run,
)

SKIPPED = Outcome("skipped")
PLANS = {"lambda": LAMBDA, "container": CONTAINER, "offline": OFFLINE}


def of(*runs: Run, interrupted: str = "") -> Summary:
    """Return the summary of some runs."""
    made = summarise([PLANS[one.environment] for one in runs], list(runs), None)
    return made._replace(invocations=(Invocation(interrupted=interrupted),) if interrupted else ())


def found(old: Summary, new: Summary) -> dict[str, Any]:
    """Return what isn't empty of a difference."""
    return {name: value for name, value in difference(old, new)._asdict().items() if value}


def test_the_same_run_differs_in_nothing() -> None:
    """Failures that were there are no news."""
    both = of(run("lambda", a=EROFS, b=PASSED), run("container", a=PASSED))
    assert found(both, both) == {}
    assert not difference(both, both).worse
    assert list(lines(difference(both, both))) == ["not worse: nothing that failed or passed has changed"]


def test_tests_that_fail_now_are_worse_environments_with_the_same_together() -> None:
    """With what they say."""
    old = of(run("lambda", a=PASSED, b=SKIPPED), run("container", a=PASSED, b=PASSED))
    new = of(run("lambda", a=EROFS, b=EROFS), run("container", a=EROFS, b=PASSED))
    assert found(old, new) == {
        "newly_failing": (
            Change("tests/a.py::a", ("lambda", "container"), "passed", "failed", EROFS.message),
            Change("tests/b.py::b", ("lambda",), "skipped", "failed", EROFS.message),
        )
    }
    assert difference(old, new).worse


def test_a_new_test_that_fails_is_worse() -> None:
    """It wasn't there, and so didn't fail."""
    told = found(of(run("lambda", a=PASSED)), of(run("lambda", a=PASSED, b=EROFS, c=PASSED)))
    assert told["newly_failing"] == (Change("tests/b.py::b", ("lambda",), "not there", "failed", EROFS.message),)
    assert told["new_tests"] == ("tests/b.py::b", "tests/c.py::c")


def test_what_fails_in_another_way_is_no_news() -> None:
    """It was red, and is."""
    assert found(of(run("lambda", a=EROFS)), of(run("lambda", a=NO_MODULE))) == {}


def test_fixed_is_what_passes_not_what_is_skipped() -> None:
    """Skipping shows nothing."""
    old = of(run("lambda", a=EROFS, b=EROFS, c=PASSED))
    told = found(old, of(run("lambda", a=PASSED, b=SKIPPED, c=PASSED)))
    assert told["fixed"] == (Change("tests/a.py::a", ("lambda",), "failed", "passed"),)
    assert told["unsure"] == ("skipped in the new run, and not in the old one: 1 test: tests/b.py::b",)
    assert not difference(old, of(run("lambda", a=PASSED, b=SKIPPED, c=PASSED))).worse


def test_tests_and_environments_of_one_run_alone_are_neither_worse_nor_better() -> None:
    """A new environment may begin with failures."""
    old = of(run("lambda", a=PASSED, b=EROFS), run("offline", a=PASSED))
    new = of(run("lambda", a=PASSED, c=PASSED), run("container", a=EROFS))
    assert found(old, new) == {
        "new_tests": ("tests/c.py::c",),
        "gone_tests": ("tests/b.py::b",),
        "new_environments": ("container",),
        "gone_environments": ("offline",),
    }
    assert not difference(old, new).worse


def refusing(
    target: str, *, test: str = "a", place: str = "lib.py:3", library: str = "lib", error: str = "EROFS"
) -> Run:
    """Return a run in lambda in which something was refused to a test that passed."""
    here = run("lambda", a=PASSED, b=PASSED)
    here.refused(f"tests/{test}.py::{test}", [["open", target, error, library, place, 1, "call", ""]])
    return here


def test_what_was_refused_to_nobody_before_is_worse() -> None:
    """Although nothing fails: it's lost."""
    told = found(of(run("lambda", a=PASSED, b=PASSED)), of(refusing("/home/me/.cache/x")))
    (change,) = told["newly_refused"]
    assert change == Change(
        "open /home/me/.cache/x: EROFS (lib, lib.py:3)", ("lambda",), "not refused", "refused", "tests/a.py::a"
    )
    back = difference(of(refusing("/home/me/.cache/x")), of(run("lambda", a=PASSED, b=PASSED)))
    assert len(back.no_longer_refused) == 1 and not back.worse


@pytest.mark.parametrize(
    "other",
    [
        refusing("/home/me/.cache/tmpq1w2e3r4"),
        refusing("/home/me/.cache/x", test="b"),
        refusing("/home/me/.cache/x", place="lib.py:77"),
    ],
    ids=["a temporary name", "another test", "another line"],
)
def test_what_differs_by_chance_is_no_news(other: Run) -> None:
    """Which test is the first to ask a library, and where its code stands after a release."""
    assert found(of(refusing("/home/me/.cache/x")), of(other)) == {}


@pytest.mark.parametrize(
    "other",
    [
        refusing("/home/me/.config/x"),
        refusing("/home/me/.cache/x", library="other"),
        refusing("/home/me/.cache/x", error="EACCES"),
        refusing("/home/me/.cache/x", library="", place="app.py:3"),
    ],
    ids=["another folder", "another library", "another answer", "the project itself"],
)
def test_another_refusal_is_news(other: Run) -> None:
    """Even where something else was refused before."""
    assert len(found(of(refusing("/home/me/.cache/x")), of(other))["newly_refused"]) == 1


def test_numbers_and_temporary_folders_in_paths_change_from_run_to_run() -> None:
    """Such as pytest's own."""
    first = refusing("/tmp/pytest-of-me/pytest-7/tmpab12cd_9/x")
    assert found(of(first), of(refusing("/tmp/pytest-of-me/pytest-8/tmpzz12cd_1/x"))) == {}


def test_an_environment_that_was_stopped_is_lost() -> None:
    """Its tests are neither gone nor fixed."""
    stopped = run("lambda")
    stopped.broken = Broken(("it could connect",))
    told = found(of(run("lambda", a=PASSED, b=EROFS)), of(stopped))
    assert told == {"newly_lost": (Change("lambda", ("lambda",), "ran", "stopped", "it could connect"),)}


def test_an_environment_that_was_stopped_before_is_no_news() -> None:
    """Nothing is known any less."""
    stopped = run("lambda", a=PASSED)
    stopped.broken = Broken(("it could connect",))
    assert found(of(stopped), of(stopped)) == {}


def test_a_cell_that_can_not_be_had_any_more_is_lost() -> None:
    """With the reason."""

    def happened(lost: bool) -> Summary:
        def what(_profile: str, versions: dict[str, str]) -> Happened:
            return "No such version." if lost and versions["six"] == "1.16.0" else {"a": PASSED}

        return matrix_run({"six": ("1.15.0", "1.16.0")}, what, (LAMBDA,)).summary()

    told = found(happened(lost=False), happened(lost=True))
    lost = Change("lambda-six1.16.0", ("lambda-six1.16.0",), "ran", "not resolvable", "No such version.")
    assert told == {"newly_lost": (lost,), "gone_environments": ("lambda-six1.16.0",)}


def test_tests_that_an_interruption_kept_from_running_are_lost_not_gone() -> None:
    """Those that were collected are known, and so are those that were not."""
    short = run("lambda", a=PASSED)
    short.collected = ("tests/a.py::a", "tests/b.py::b")
    told = found(of(run("lambda", a=PASSED, b=PASSED, c=PASSED)), of(short, interrupted="by Ctrl-C"))
    assert told == {
        "newly_lost": (Change("tests/b.py::b", ("lambda",), "passed", "did not run"),),
        "gone_tests": ("tests/c.py::c",),
        "unsure": ("the new run isn't whole: by Ctrl-C",),
    }


def test_tests_of_a_file_that_can_not_be_imported_are_lost() -> None:
    """What failed is the file."""
    new = run("lambda", a=PASSED)
    new.outcomes["tests/b.py"] = NO_MODULE
    told = found(of(run("lambda", a=PASSED, b=PASSED)), of(new))
    assert [change.subject for change in told["newly_failing"]] == ["tests/b.py"]
    assert told["newly_lost"] == (Change("tests/b.py::b", ("lambda",), "passed", "did not run"),)
    assert "gone_tests" not in told


def test_figures_that_crossed_their_budget() -> None:
    """In either direction; one that has always been beyond it is no news."""

    def measured(*verdicts: str) -> Summary:
        here = run("lambda", a=PASSED)
        here.figures["tests/a.py::a"] = tuple(
            Figure(f"f{number}", SECONDS, 0.02, 0.01, verdict) for number, verdict in enumerate(verdicts)
        )
        return of(here)

    told = found(measured(WITHIN, OVER, OVER), measured(OVER, WITHIN, OVER))
    assert [(change.before, change.after) for change in told["over"]] == [
        ("f0 20 ms of 10 ms", "f0 20 ms of 10 ms (over)")
    ]
    assert [change.after for change in told["within"]] == ["f1 20 ms of 10 ms"]


def test_runs_without_a_common_environment_can_not_be_compared() -> None:
    """Nor those without a common test."""
    with pytest.raises(EnvguardError, match="no environment in common: lambda; container"):
        difference(of(run("lambda", a=PASSED)), of(run("container", a=PASSED)))
    with pytest.raises(EnvguardError, match=r"no test in common: tests/a\.py::a …; tests/b\.py::b …"):
        difference(of(run("lambda", a=PASSED)), of(run("lambda", b=PASSED)))


def test_where_refusals_were_not_listed_nobody_knows_of_them() -> None:
    """It's said."""
    blind = run("lambda", a=PASSED)
    blind.unwatched = "the kernel is too old"
    told = found(of(refusing("/x/y")), of(blind))
    assert told["unsure"] == ("the new run doesn't list what was refused in lambda",)
    assert "no_longer_refused" not in told


def test_the_text_says_first_whether_it_is_worse() -> None:
    """Then what, worse before better; long lists are cut, unless asked for."""
    many = {f"t{number}": PASSED for number in range(30)}
    old = of(run("lambda", a=EROFS, **many), run("container", a=EROFS))
    new = of(run("lambda", a=PASSED, **dict.fromkeys(many, EROFS)), run("container", a=EROFS))
    told = list(lines(difference(old, new)))
    assert told[:5] == [
        "worse: 30 newly failing, 1 fixed",
        "",
        "newly failing:",
        "  tests/t0.py::t0 [lambda]: passed, now failed",
        f"      {EROFS.message}",
    ]
    assert "  ... and 10 more (-v shows them)" in told
    assert told[-3:] == ["", "fixed:", "  tests/a.py::a [lambda]: failed, now passed"]
    assert sum("now failed" in line for line in lines(difference(old, new), 1)) == 30


def test_programs_get_the_same() -> None:
    """Each kind of change under its own name, whether or not there is any."""
    told = facts(difference(of(run("lambda", a=PASSED)), of(run("lambda", a=EROFS))))
    assert json.loads(json.dumps(told))["newly_failing"] == [
        {
            "subject": "tests/a.py::a",
            "environments": ["lambda"],
            "before": "passed",
            "after": "failed",
            "details": EROFS.message,
        }
    ]
    assert told["worse"] is True
    assert set(told) == {*Difference._fields, "worse", "notes"} - {"unsure"}


def test_what_differs_by_a_temporary_name_alone_is_one_change() -> None:
    """In several environments as in one."""
    here, there = refusing("/usr/tmpab12cd_9/x"), run("container", a=PASSED, b=PASSED)
    there.refused("tests/a.py::a", [["open", "/usr/tmpzz12cd_1/x", "EROFS", "lib", "lib.py:3", 1, "call", ""]])
    old = of(run("lambda", a=PASSED, b=PASSED), run("container", a=PASSED, b=PASSED))
    (change,) = found(old, of(here, there))["newly_refused"]
    assert change.environments == ("lambda", "container")


def test_a_test_that_fails_in_several_ways_is_one_test() -> None:
    """Its changes stand behind each other, whatever else failed."""
    old = of(run("lambda", a=PASSED, b=PASSED), run("container", a=PASSED, b=PASSED))
    new = of(run("lambda", a=EROFS, b=EROFS), run("container", a=NO_MODULE, b=EROFS))
    told = difference(old, new)
    assert [change.subject[-1] for change in told.newly_failing] == ["a", "a", "b"]
    assert next(lines(told)) == "worse: 2 newly failing"


def test_a_file_that_can_be_imported_again_is_fixed() -> None:
    """It's no test that is gone."""
    old = run("lambda", a=PASSED)
    old.outcomes["tests/b.py"] = NO_MODULE
    told = found(of(old), of(run("lambda", a=PASSED, b=PASSED)))
    assert told == {
        "fixed": (Change("tests/b.py", ("lambda",), NO_MODULE.word, "imported"),),
        "new_tests": ("tests/b.py::b",),
    }


def test_what_is_expected_to_fail_is_not_fixed() -> None:
    """A marker hides it, as a skip does; it's said."""
    xfailed = Outcome("xfailed")
    told = found(of(run("lambda", a=EROFS, b=PASSED)), of(run("lambda", a=xfailed, b=xfailed)))
    assert told == {
        "unsure": ("expected to fail in the new run, and not in the old one: 2 tests: tests/a.py::a, tests/b.py::b",)
    }


def test_of_a_test_that_an_interruption_kept_from_running_nobody_says_it_was_not_there() -> None:
    """Whether it was collected, or the run didn't get so far."""
    waiting, unseen = run("lambda", a=PASSED), run("lambda", a=PASSED)
    waiting.collected = ("tests/a.py::a", "tests/b.py::b")
    for old in (of(waiting), of(unseen, interrupted="by Ctrl-C")):
        (change,) = found(old, of(run("lambda", a=PASSED, b=EROFS)))["newly_failing"]
        assert change.before == "did not run"


def test_a_run_without_tests_can_not_be_compared() -> None:
    """Nothing fails where nothing is found, and a gate must not open."""
    with pytest.raises(EnvguardError, match=r"the new run has no tests, the old one has 2: tests/a\.py::a …"):
        difference(of(run("lambda", a=PASSED, b=PASSED)), of(run("lambda")))
    lost = difference(of(run("lambda", a=PASSED)), of(run("lambda"), interrupted="by Ctrl-C"))
    assert lost.worse


def test_a_new_advisory_that_fails_the_run_is_worse() -> None:
    """In whichever cells its package is installed."""

    def failing(*reasons: str) -> Summary:
        return of(run("lambda", a=PASSED))._replace(invocations=(Invocation(failing=reasons),))

    old, known = "six 1.15.0: PYSEC-1, fixed in 1.16 (every cell)", "six 1.15.0: PYSEC-1, fixed in 1.16 (six1.15.0)"
    told = difference(failing(old), failing(known, "six 1.15.0: PYSEC-2, no fixed version (every cell)"))
    assert [change.subject[:19] for change in told.new_reasons] == ["six 1.15.0: PYSEC-2"] and told.worse
    assert list(lines(told))[:3] == [
        "worse: 1 new reason to fail besides tests",
        "",
        "new reason to fail besides tests:",
    ]
    assert not difference(failing(old), failing(known)).worse
