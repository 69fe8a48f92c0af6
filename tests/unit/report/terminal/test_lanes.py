"""How far the tests are: a lane for each environment."""

from __future__ import annotations

import pytest

from pytest_envguard.report.terminal.lanes import Lanes, Letter, joined

PASS, FAIL = Letter(".", "green"), Letter("F", "red")


def lanes(width: int = 40, **totals: int) -> Lanes:
    """Return lanes of environments with so many tests."""
    found = Lanes(list(totals), width)
    for name, total in totals.items():
        found[name].total = total
    return found


def run(found: Lanes, name: str, letter: Letter, times: int = 1) -> list[str]:
    """Let tests end; returns the lines that were finished by it."""
    lines = []
    for _ in range(times):
        lines += [*found.take(name, letter), *found.ended(name)]
    return [str(line) for line in lines]


def test_a_line_is_written_when_it_is_full_or_its_environment_has_finished() -> None:
    """So lines of environments that run at the same time do not mix."""
    found = lanes(a=30, offline=2)
    assert run(found, "a", PASS, 10) == []
    assert run(found, "offline", FAIL) == []
    assert run(found, "offline", PASS) == ["offline  F.                      [100%]"]
    assert run(found, "a", PASS, 20) == [
        f"a        {'.' * found.room}  [ 73%]",
        "a        ........                [100%]",
    ]


@pytest.mark.parametrize("width", [20, 25, 30, 40, 80, 300])
def test_a_line_fits(width: int) -> None:
    """Also with long names and letters of plugins, and the last column stays free."""
    found = lanes(width, **{"py311-litellm1.53.9-tiktoken0.7.0-transformers4.57.1": 500, "b": 1})
    lines = run(found, "py311-litellm1.53.9-tiktoken0.7.0-transformers4.57.1", Letter("R."), 400)
    assert lines and max(map(len, lines)) < width
    assert max(len(str(line)) for line in found.now(5)) < width


@pytest.mark.parametrize("width", [20, 40, 200])
def test_a_terminal_that_has_another_width_meanwhile(width: int) -> None:
    """Nothing is wider than it, for what is wrapped can't be drawn over, and no letter is lost."""
    found = lanes(80, a=100)
    lines = run(found, "a", PASS, 60)
    found.resize(width)
    assert all(len(str(line)) < width for line in found.now(5))
    lines += run(found, "a", PASS, 40)
    assert all(len(line) < width for line in lines)
    assert sum(line.count(".") for line in lines) == 100


def test_a_finished_line_says_how_far_the_environment_was() -> None:
    """Rounded down: 100 % is only said of all."""
    found = lanes(a=1000)
    run(found, "a", PASS, 999)
    assert str(found.now(1)[0]).endswith("[ 99%]")
    assert run(found, "a", PASS)[-1].endswith("[100%]")


def test_what_is_left_when_the_run_is_interrupted() -> None:
    """Each environment's last line, once."""
    found = lanes(a=10, b=10)
    run(found, "a", PASS, 3)
    run(found, "b", FAIL)
    assert [str(line) for line in found.rest()] == [
        "a  ...                           [ 30%]",
        "b  F                             [ 10%]",
    ]
    assert found.rest() == []


def test_what_a_terminal_shows_meanwhile() -> None:
    """Those at work as they stand, the others as numbers; what has finished stands above already."""
    found = Lanes(["a", "b", "c", "d", "e"], 60)
    assert found.now(10) == []
    for name in "abc":
        found[name].begun = True
    found["a"].total = 4
    run(found, "a", PASS, 2)
    assert [str(line) for line in found.now(10)] == [
        "a  ..                                                [ 50%]",
        "b  collecting",
        "c  collecting",
        "2 environments not begun",
    ]
    assert [str(line) for line in found.now(2)] == [str(found.now(10)[0]), "2 more at work, 2 environments not begun"]
    run(found, "a", PASS, 2)
    assert str(found.now(10)[0]) == "b  collecting"


def test_an_environment_with_a_failure_is_red() -> None:
    """To the end of its line and in later ones; the share of a green one is green."""
    found = lanes(a=4, b=1)
    assert [*found.take("b", PASS), *found.ended("b")][0].colour == "green"
    found.take("a", FAIL)
    found.ended("a")
    run(found, "a", PASS, 2)
    assert [*found.take("a", PASS), *found.ended("a")][0].colour == "red"


def test_letters_of_one_colour_are_written_together() -> None:
    """Or escape sequences would be most of what is sent."""
    assert joined([PASS, PASS, FAIL, PASS]) == [Letter("..", "green"), FAIL, PASS]


def test_an_environment_that_nobody_announced() -> None:
    """A replaced worker's, or one of a comparison: it gets a lane, without a share as long as nothing is known."""
    found = lanes(a=1)
    found.take("late", PASS)
    (line,) = found.rest()
    assert (line.name.strip(), line.letters, line.tail) == ("…", (PASS,), "")
