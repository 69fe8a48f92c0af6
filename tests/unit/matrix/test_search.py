"""The search finds what trying every release in order would find, in a number of steps that can be announced."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from pytest_envguard.matrix.search import Search, Trial

SMALL = 8  # releases in a row: every combination of them is searched


def search(trials: list[Trial]) -> tuple[Search, list[int]]:
    """Search a row of releases of which everything is known; return the end of the search and what it tried."""
    state, places = Search(len(trials)), []
    while (place := state.next()) is not None:
        assert place not in places and 0 < place < len(trials) - 1
        places.append(place)
        state = state.after(place, trials[place])
    return state, places


def linear(trials: list[Trial]) -> tuple[int, ...]:
    """Return those of which one must be the first bad one, as trying them all one after the other finds them."""
    bad = trials.index(Trial.BAD)
    good = max(place for place in range(bad) if trials[place] is Trial.GOOD)
    return tuple(range(good + 1, bad + 1))


def rows(count: int) -> list[list[Trial]]:
    """Return every row of ``count`` releases with one change from good to bad, and any of those between skipped."""
    found = []
    for first_bad in range(1, count):
        truth = [Trial.GOOD] * first_bad + [Trial.BAD] * (count - first_bad)
        for hidden in product((False, True), repeat=count - 2):
            skips = [False, *hidden, False]
            found.append([Trial.SKIPPED if skip else trial for skip, trial in zip(skips, truth, strict=True)])
    return found


@pytest.mark.parametrize("count", range(2, SMALL + 1))
def test_it_finds_what_a_linear_search_finds(count: int) -> None:
    """Whichever release is the first bad one, and whichever of them can't be tried."""
    for trials in rows(count):
        state, _ = search(trials)

        assert state.suspects == linear(trials), trials


@pytest.mark.parametrize("count", range(2, 300, 7))
def test_without_skips_it_takes_no_more_steps_than_it_announces(count: int) -> None:
    """The number of steps is the logarithm of the number of releases, for every place of the change."""
    announced = Search(count).steps_left

    for first_bad in range(1, count):
        state, places = search([Trial.GOOD] * first_bad + [Trial.BAD] * (count - first_bad))
        assert state.suspects == (first_bad,)
        assert len(places) <= announced
    assert 2**announced < 2 * count


def test_the_steps_that_are_left_count_down_to_none() -> None:
    """Each step that isn't skipped takes at least one off."""
    state = Search(100)
    left = [state.steps_left]
    while (place := state.next()) is not None:
        state = state.after(place, Trial.GOOD if place < 70 else Trial.BAD)
        left.append(state.steps_left)

    assert left[0] == 7 and left[-1] == 0
    assert all(later < before for before, later in pairwise(left))


def test_the_middle_is_tried_first_then_its_neighbour_then_further_away() -> None:
    """A single release that can't be built costs little; a long row of them isn't walked through one by one."""
    trials = [Trial.GOOD] * 10 + [Trial.SKIPPED] * 80 + [Trial.BAD] * 11

    state, places = search(trials)

    assert places[:4] == [50, 51, 25, 76]
    assert state.suspects == tuple(range(10, 91))

    one = Search(101).after(50, Trial.SKIPPED)
    assert one.next() == 51
    assert Search(101).after(50, Trial.SKIPPED).after(51, Trial.GOOD).next() == 76


def test_a_broken_row_away_from_the_change_costs_few_steps() -> None:
    """Of a thousand releases, four hundred in a row can't be built: about as many steps as there are bits, and a few."""
    trials = [Trial.GOOD] * 900 + [Trial.BAD] * 100
    trials[300:700] = [Trial.SKIPPED] * 400

    state, places = search(trials)

    assert state.suspects == (900,)
    assert len(places) <= 14


def test_two_releases_need_no_step() -> None:
    """Neighbours: the bad one is the first bad one."""
    assert (Search(2).next(), Search(2).suspects, Search(2).steps_left) == (None, (1,), 0)
