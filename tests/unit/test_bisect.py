"""The search for a release: which ones are tried, what each step says, and what the result does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from pytest_envguard.bisect import Found, Question, Result, find, judge, result_text, row
from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.search import Trial

RELEASES = [f"1.{minor}" for minor in range(20)]
GOOD = Found(Trial.GOOD)
BAD = Found(Trial.BAD, "AssertionError: 3 != 4", "test_x.py::test_y")
OF_ITS_DAY = "`--versions as-of=release`: every release with the dependencies of its day"
NONE = Found(Trial.SKIPPED, "not resolvable: it needs another b")


def question(good: str = "1.0", bad: str = "1.19", *axes: str) -> Question:
    return Question("litellm", good, bad, "lambda", axes, ("test_x.py::test_y",))


def from_on(change: str, *skipped: str, before: Found = GOOD, after: Found = BAD) -> Callable[[str], Found]:
    """Return a run that changes with a release."""
    place = RELEASES.index(change)
    return lambda version: NONE if version in skipped else after if RELEASES.index(version) >= place else before


def searched(asked: Question, run: Callable[[str], Found]) -> tuple[Result, list[str]]:
    """Return the result of a search and the lines that it said, without seconds."""
    said: list[str] = []
    result = find(asked, RELEASES, run, said.append)
    return result, re.sub(r"\d+\.\d s", "0.0 s", "".join(said)).splitlines()


@pytest.mark.parametrize("change", RELEASES[1:])
def test_the_first_bad_release_is_found_wherever_it_is(change: str) -> None:
    """With every step said, and both ends tried first."""
    result, said = searched(question(), from_on(change))

    assert result.suspects == (change,)
    assert result.before == RELEASES[RELEASES.index(change) - 1]
    assert len(said) <= 7
    assert all(line.startswith(f"step {number} of about 7: ") for number, line in enumerate(said[:4], 1))
    assert said[0] == "step 1 of about 7: litellm 1.0 … passes (0.0 s)"
    assert (
        said[1] == "step 2 of about 7: litellm 1.19 … fails: AssertionError: 3 != 4 (0.0 s; 18 releases between them)"
    )
    assert said[-1].endswith("(0.0 s; 1 release left)")


@pytest.mark.parametrize("change", RELEASES[1:])
def test_with_a_newer_good_one_the_first_release_that_mends_it_is_found(change: str) -> None:
    """The question turned round: it failed before and passes from some release on."""
    result, _ = searched(question("1.19", "1.0"), from_on(change, before=BAD, after=GOOD))

    assert result.suspects == (change,)
    assert result_text(question("1.19", "1.0"), result).startswith(
        f"litellm {change} is the first release with which it passes in lambda; with {result.before} it fails.\n"
    )


def test_a_release_that_can_t_be_tried_is_passed_over() -> None:
    """Its neighbour is tried instead; the step says why, and nothing is hidden by it."""
    result, said = searched(question(), from_on("1.14", "1.10"))

    assert result.suspects == ("1.14",)
    assert said[2:4] == [
        "step 3 of about 7: litellm 1.10 … skipped: not resolvable: it needs another b (0.0 s; 19 releases left)",
        "step 4 of about 8: litellm 1.9 … passes (0.0 s; 10 releases left)",
    ]


def test_skips_around_the_change_are_said_to_hide_it() -> None:
    """Any of them may be the first: each one is named, with the reason why it couldn't be tried."""
    result, _ = searched(question(), from_on("1.14", "1.13", "1.12"))

    assert result.suspects == ("1.12", "1.13", "1.14")
    assert result_text(question(), result).splitlines()[:3] == [
        "The first release with which it fails in lambda is litellm 1.14 or one that can't be tried:",
        "  litellm 1.12: not resolvable: it needs another b",
        "  litellm 1.13: not resolvable: it needs another b",
    ]


@pytest.mark.parametrize(
    ("run", "message", "hint"),
    [
        (
            lambda _: BAD,
            "litellm 1.0 was said to be good, but fails: AssertionError: 3 != 4",
            "name another one with `--good`; see `pytest --envguard=lambda --envguard-versions=litellm==1.0 test_x.py::test_y`",
        ),
        (
            lambda _: GOOD,
            "litellm 1.19 was said to be bad, but passes",
            "name another one with `--bad`; see `pytest --envguard=lambda --envguard-versions=litellm==1.19 test_x.py::test_y`",
        ),
        (
            lambda _: NONE,
            "litellm 1.0 (--good) can't be tried: not resolvable: it needs another b",
            f"name another release with `--good`, or try {OF_ITS_DAY}",
        ),
    ],
)
def test_an_end_that_isn_t_what_was_said_of_it_is_a_mistake(
    run: Callable[[str], Found], message: str, hint: str
) -> None:
    """A search between wrong ends would find something, and mean nothing."""
    with pytest.raises(EnvguardError) as caught:
        searched(question(), run)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_the_result_says_how_to_see_both_sides_and_what_else_changed() -> None:
    """The culprit may be a dependency that the release brought along; the failure may be another one than at the end."""
    found = {
        "1.4": GOOD._replace(packages={"litellm": "1.4", "openai": "1.0", "tokenizers": "0.2", "six": "1"}),
        "1.5": BAD._replace(packages={"litellm": "1.5", "openai": "1.9", "six": "1", "h11": "3"}),
        "1.19": Found(Trial.BAD, "TypeError: no", "test_x.py::test_y"),
    }

    assert result_text(question("1.0", "1.19", "as-of=release"), Result(("1.5",), "1.4", found)) == (
        "litellm 1.5 is the first release with which it fails in lambda; with 1.4 it passes.\n"
        "  test_x.py::test_y\n"
        "  AssertionError: 3 != 4\n"
        "  with 1.19 it fails otherwise: TypeError: no\n"
        "\n"
        "With it changed, so that it may be one of these:\n"
        "  h11 absent -> 3\n"
        "  openai 1.0 -> 1.9\n"
        "  tokenizers 0.2 -> absent\n"
        "\n"
        "passes: pytest --envguard=lambda --envguard-versions=litellm==1.4 --envguard-versions=as-of=release test_x.py::test_y\n"
        "fails:  pytest --envguard=lambda --envguard-versions=litellm==1.5 --envguard-versions=as-of=release test_x.py::test_y"
    )


def test_releases_are_in_the_order_of_versions_with_both_ends() -> None:
    """1.10 is newer than 1.9; an end that the index doesn't list (yanked, for instance) is tried all the same."""
    assert row(["1.10", "1.9", "1.10.1", "1.10rc1"], "1.11", "1.9") == ["1.9", "1.10rc1", "1.10", "1.10.1", "1.11"]


READY = {"state": "ready", "packages": {"litellm": "1.5"}}


def report(words: str, *, cell: Mapping[str, object] = READY, stopped: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the parts of a JSON report that a search reads: tests that ended so, in one cell."""
    tests = []
    for word in words.split():
        bad = word in ("failed", "error")
        failures = {"failures": {"litellm1.5": {"message": "TypeError:\n  no"}}} if bad else {}
        tests.append({"nodeid": f"test_x.py::test_{word}", "outcomes": {"litellm1.5": word}, **failures})
    return {"cells": [cell], "tests": tests, "environments": [{"stopped": list(stopped)}]}


@pytest.mark.parametrize(
    ("code", "told", "expected"),
    [
        (0, report("passed skipped"), Found(Trial.GOOD, packages={"litellm": "1.5"})),
        (0, report("xfailed"), Found(Trial.GOOD, packages={"litellm": "1.5"})),
        (1, report("passed failed"), Found(Trial.BAD, "TypeError: no", "test_x.py::test_failed", {"litellm": "1.5"})),
        # A module that can't be imported with a release is as bad as a test that fails, whatever pytest ends with.
        (2, report("error"), Found(Trial.BAD, "TypeError: no", "test_x.py::test_error", {"litellm": "1.5"})),
        (4, report("error"), Found(Trial.BAD, "TypeError: no", "test_x.py::test_error", {"litellm": "1.5"})),
        (1, report("", stopped=("no worker", "died")), Found(Trial.BAD, "no worker; died", "", {"litellm": "1.5"})),
        (0, report("skipped skipped"), Found(Trial.SKIPPED, "all tests are skipped there", "", {"litellm": "1.5"})),
        (
            1,
            report("", cell={"state": "not resolvable", "reason": "it needs\nb"}),
            Found(Trial.SKIPPED, "not resolvable: it needs b"),
        ),
        (
            1,
            report("", cell={"state": "not built", "reason": "x" * 200}),
            Found(Trial.SKIPPED, f"not built: {'x' * 149}…"),
        ),
    ],
)
def test_a_run_of_pytest_is_judged_by_its_report(code: int, told: dict[str, object], expected: Found) -> None:
    """A failing test is told apart from a cell that can't be had, and from a run in which nothing ran."""
    assert judge(code, told, "", "litellm 1.5") == expected


@pytest.mark.parametrize(
    ("code", "told", "printed", "message"),
    [
        (
            4,
            {},
            "=== x ===\nERROR: not found: test_x.py::test_z\n",
            "pytest doesn't run with these arguments\n  ERROR: not found: test_x.py::test_z",
        ),
        (5, report(""), "12 deselected", "pytest finds no test with these arguments"),
        (3, {}, "boom\n", "pytest ended with exit code 3\n  boom"),
        (-9, {}, "", "pytest ended with exit code -9"),
        (
            4,
            {},
            "ERROR: usage: x\nx: error: unrecognized y\n  inifile: z\n",
            "pytest doesn't run with these arguments\n  x: error: unrecognized y",
        ),
        (0, {}, "nothing\n", "pytest ended with exit code 0\n  nothing"),
    ],
)
def test_a_run_that_says_nothing_about_the_release_stops_the_search(
    code: int, told: dict[str, object], printed: str, message: str
) -> None:
    """With what pytest said: a test id that doesn't exist isn't a release that fails."""
    with pytest.raises(EnvguardError) as caught:
        judge(code, told, printed, "litellm 1.5")
    assert caught.value.message == f"litellm 1.5: {message}"


def test_a_cell_that_this_machine_can_t_make_stops_the_search() -> None:
    """Another release couldn't be had either: no index, no disk."""
    with pytest.raises(EnvguardError, match=r"litellm 1\.5 can't be tried: offline: no route"):
        judge(1, report("", cell={"state": "offline", "reason": "no route"}), "", "litellm 1.5")
