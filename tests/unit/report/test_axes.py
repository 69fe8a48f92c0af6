"""What tells failing cells from passing ones, compared with the definition, tried out on all boxes there are."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator

import pytest

from pytest_envguard.report.axes import Box, Coordinates, Effort, Explainer, explain

LITELLM = ("1.53.9", "1.60.8", "1.75.5")
TIKTOKEN = ("0.7.0", "0.9.0", "0.12.0")


def cells(*axes: tuple[str, ...]) -> set[Coordinates]:
    """Return every combination."""
    return set(itertools.product(*axes))


def box(*values: str | None) -> Box:
    """Return a box: values of one axis separated by spaces, None for whatever."""
    return tuple(None if text is None else frozenset(text.split()) for text in values)


def described(failing: set[Coordinates], *axes: tuple[str, ...]) -> tuple[Box, ...]:
    """Return the explanation where every combination ran."""
    return explain(failing, cells(*axes) - failing)


def test_nothing_fails() -> None:
    """There is nothing to explain."""
    assert described(set(), LITELLM) == ()


def test_all_fail() -> None:
    """No axis matters."""
    assert described(cells(LITELLM, TIKTOKEN), LITELLM, TIKTOKEN) == (box(None, None),)


def test_one_axis_explains_it() -> None:
    """The other one doesn't matter, because it failed with each of its values."""
    failing = cells(("1.53.9", "1.60.8"), TIKTOKEN)
    assert described(failing, LITELLM, TIKTOKEN) == (box("1.53.9 1.60.8", None),)


def test_two_axes_explain_it_together() -> None:
    """Both values are needed."""
    failing = cells(("lambda",), LITELLM, ("0.7.0",))
    assert described(failing, ("lambda", "host"), LITELLM, TIKTOKEN) == (box("lambda", None, "0.7.0"),)


def test_two_causes() -> None:
    """Two boxes, which may overlap."""
    failing = cells(("1.53.9",), TIKTOKEN) | cells(LITELLM, ("0.7.0",))
    assert set(described(failing, LITELLM, TIKTOKEN)) == {box("1.53.9", None), box(None, "0.7.0")}


def test_an_axis_on_which_one_value_was_seen_to_fail_is_not_called_whatever() -> None:
    """Two of four combinations ran: either axis could be it, so that both are said."""
    assert explain({("1.53.9", "0.7.0")}, {("1.60.8", "0.9.0")}) == (box("1.53.9", "0.7.0"),)


def test_cells_that_never_ran_do_not_stand_in_the_way() -> None:
    """Each version of litellm ran with another tiktoken: the two that fail have their litellm's range in common."""
    failing = {("1.53.9", "0.7.0"), ("1.53.9", "0.9.0")}
    passing = {("1.60.8", "0.7.0"), ("1.60.8", "0.12.0"), ("1.75.5", "0.9.0")}
    assert explain(failing, passing) == (box("1.53.9", None),)


def test_an_axis_with_one_value_in_all_that_ran_says_nothing() -> None:
    """It was never varied."""
    assert explain({("3.11", "1.53.9")}, {("3.11", "1.60.8")}) == (box(None, "1.53.9"),)


def test_a_cell_that_passed_once_and_failed_once_failed() -> None:
    """The environment `host` can be compared with itself."""
    assert explain({("a",)}, {("a",), ("b",)}) == (box("a"),)


@pytest.mark.parametrize("seed", range(300))
def test_the_search_finds_what_the_definition_says(seed: int) -> None:
    """No cover by admissible boxes is smaller, or as small and mentions fewer axes."""
    failing, passing = evidence(random.Random(seed))
    found = explain(failing, passing, Effort(10**9))
    check(found, failing, passing)
    assert (len(found), sum(values is not None for one in found for values in one)) == smallest(failing, passing)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("steps", [0, 1, 10, 40])
def test_a_search_that_gives_up_is_still_true(seed: int, steps: int) -> None:
    """What is left out is only that it's the smallest description."""
    failing, passing = evidence(random.Random(seed))
    found = explain(failing, passing, Effort(steps))
    for one in found:
        assert any(holds(one, cell) for cell in failing)
        assert not any(holds(one, cell) for cell in passing)
    assert all(any(holds(one, cell) for one in found) for cell in failing)


def test_the_order_of_the_cells_does_not_matter() -> None:
    """The same evidence is always described by the same boxes in the same order."""
    for seed in range(50):
        failing, passing = evidence(random.Random(seed))
        again = set(random.Random(1).sample(sorted(failing), len(failing)))
        assert explain(failing, passing) == explain(again, set(passing))


def test_many_flaky_tests_do_not_hold_up_a_report() -> None:
    """256 cells of five axes, 2,000 tests with as many different failures: a few seconds at most, on a slow machine too."""
    axes = [tuple("abcd")] * 4
    everything = sorted((*cell, "x") for cell in cells(*axes))
    chance = random.Random(7)
    explain_cached = Explainer()
    started = time.process_time()
    for number in range(2000):
        failing = set(chance.sample(everything, chance.choice((1, 2, 3, 5, 100)) if number % 2 else 60))
        explain_cached(failing, set(everything) - failing)
    assert time.process_time() - started < 20
    again = time.process_time()
    for _ in range(2000):
        explain_cached(set(everything[:64]), set(everything[64:]))
    assert time.process_time() - again < 2


def evidence(chance: random.Random) -> tuple[set[Coordinates], set[Coordinates]]:
    """Return made-up outcomes: at times with causes, at times by chance, at times with cells that never ran."""
    axes = [tuple("abcd"[: chance.randint(1, 3)]) for _ in range(chance.randint(1, 3))]
    ran = [cell for cell in sorted(cells(*axes)) if chance.random() < chance.choice((1.0, 1.0, 0.6))]
    causes = [[chance.sample(axis, chance.randint(1, len(axis))) for axis in axes] for _ in range(chance.randint(1, 2))]
    noise = chance.choice((0.0, 0.0, 0.1, 0.5))

    def fails(cell: Coordinates) -> bool:
        caused = any(all(value in values for value, values in zip(cell, cause, strict=True)) for cause in causes)
        return caused != (chance.random() < noise)

    failing = {cell for cell in ran if fails(cell)}
    return failing, set(ran) - failing


def holds(one: Box, cell: Coordinates) -> bool:
    """Whether a cell lies in a box."""
    return all(values is None or value in values for value, values in zip(cell, one, strict=True))


def check(found: tuple[Box, ...], failing: set[Coordinates], passing: set[Coordinates]) -> None:
    """Demand that boxes are what the module's first words promise."""
    assert all(any(holds(one, cell) for one in found) for cell in failing)
    assert all(admissible(one, failing, passing) for one in found)


def admissible(one: Box, failing: set[Coordinates], passing: set[Coordinates]) -> bool:
    """Whether a box holds no passing cell and claims nothing that wasn't seen."""
    if any(holds(one, cell) for cell in passing):
        return False
    inside = [cell for cell in failing if holds(one, cell)]
    for axis, values in enumerate(one):
        seen = {cell[axis] for cell in inside}
        varied = len({cell[axis] for cell in failing | passing}) > 1
        if values is None and varied and len(seen) < 2:
            return False
        if values is not None and not values <= seen:
            return False
    return bool(inside)


def boxes(failing: set[Coordinates], passing: set[Coordinates]) -> Iterator[Box]:
    """Every box that may be in a description."""
    choices = []
    for values in map(sorted, map(set, zip(*failing, *passing, strict=True))):
        proper = itertools.chain.from_iterable(itertools.combinations(values, size) for size in range(1, len(values)))
        choices.append([None, *map(frozenset, proper)])
    return (one for one in itertools.product(*choices) if admissible(one, failing, passing))


def smallest(failing: set[Coordinates], passing: set[Coordinates]) -> tuple[int, int]:
    """Return the number of boxes and of mentioned axes in the smallest description, by trying all."""
    if not failing:
        return 0, 0
    order = sorted(failing)
    cheapest: dict[int, int] = {}
    for one in boxes(failing, passing):
        held = sum(1 << number for number, cell in enumerate(order) if holds(one, cell))
        mentioned = sum(values is not None for values in one)
        cheapest[held] = min(mentioned, cheapest.get(held, mentioned))
    reached = {0: 0}
    for count in itertools.count(1):
        following: dict[int, int] = {}
        for known, mentioned in reached.items():
            for held, more in cheapest.items():
                both = known | held
                following[both] = min(mentioned + more, following.get(both, mentioned + more))
        reached = following
        if (1 << len(order)) - 1 in reached:
            return count, reached[(1 << len(order)) - 1]
    raise AssertionError
