"""Which cells a set of versions is."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import RELEASE, Axis, Choice, VersionSet, read_set
from pytest_envguard.matrix.choosing import MOST_CELLS, Resolved, choose, dated, to_resolve
from pytest_envguard.matrix.covering import Space, pairwise
from pytest_envguard.model.cell import Cell

LATEST, LOWEST = Choice("latest", "latest"), Choice("lowest", "lowest")


def exact(version: str) -> Choice:
    """Return the choice of one version."""
    return Choice("exact", version)


def answers(versions: VersionSet, **known: dict[str, tuple[str, ...]]) -> Resolved:
    """Return what an index would answer: exact versions are themselves, ``known`` says what the other choices stand for."""
    return {
        name: {choice: known.get(name, {}).get(choice.text, (choice.text,)) for choice in choices}
        for name, choices in to_resolve(versions).items()
    }


def chosen(raw: Mapping[str, Any], **known: dict[str, tuple[str, ...]]) -> list[Cell]:
    """Return the cells of a table."""
    versions = read_set("default", raw, "here")
    return choose(versions, answers(versions, **known))


def names(raw: Mapping[str, Any], **known: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the names of a table's cells."""
    return [cell.name for cell in chosen(raw, **known)]


def refused(raw: Mapping[str, Any], **known: dict[str, tuple[str, ...]]) -> EnvguardError:
    """Return the error that a table's cells end with."""
    with pytest.raises(EnvguardError) as caught:
        chosen(raw, **known)
    return caught.value


def numbered(*counts: int) -> dict[str, Any]:
    """Return axes a, b, c, … with versions from 0."""
    return {chr(ord("a") + axis): [str(version) for version in range(count)] for axis, count in enumerate(counts)}


# --- which cells ---


def test_all_combinations_in_the_order_of_the_axes() -> None:
    """The last axis changes fastest, as in nested loops."""
    cells = chosen({"a": ["1", "2"], "b": ["1", "2"], "python": "3.12", "with": ["x"], "as-of": "2024-06-20"})
    assert [cell.versions for cell in cells] == [
        (("a", a), ("b", b), ("python", "3.12")) for a, b in itertools.product("12", "12")
    ]
    assert {(cell.as_of, cell.extra) for cell in cells} == {("2024-06-20", ("x",))}


def test_a_choice_stands_for_what_it_was_resolved_to() -> None:
    """A range has many versions; one that two choices stand for is there once, where it comes first."""
    known = {"a": {">=1,<3": ("1.9", "2.9"), "latest": ("2.9",), "lowest": ("1.0.0",), "1": ("1.0",)}}
    assert names({"a": [">=1,<3", "latest", "lowest", "1"]}, **known) == ["a1.9", "a2.9", "a1.0.0"]


def test_what_must_be_resolved() -> None:
    """Every choice of the axes and of included cells is asked for once; interpreters stand for themselves."""
    raw = {"a": ["latest", "1.5", ">2"], "python": "3.12", "include": [{"a": "1.5", "b": "lowest"}, {"a": "3"}]}
    assert to_resolve(read_set("default", raw, "here")) == {
        "a": (LATEST, exact("1.5"), Choice("range", ">2"), exact("3")),
        "b": (LOWEST,),
    }


def test_an_axis_without_versions_is_an_error() -> None:
    """A range that no release lies in doesn't silently leave no cells."""
    assert refused({"a": ["1"], "b": [">=9"]}, b={">=9": ()}).message == (
        "here: the axis `b` is empty: no release is `>=9`"
    )


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ([{"a": "1.5.0", "b": "1"}], ["a1.5-b2", "a2.0-b1", "a2.0-b2"]),
        ([{"a": "<2", "b": "2"}], ["a1.5-b1", "a2.0-b1", "a2.0-b2"]),
        ([{"a": "latest"}], ["a1.5-b1", "a1.5-b2"]),
        ([{"A": "lowest"}], ["a1.5-b1", "a1.5-b2", "a2.0-b1", "a2.0-b2"]),
        ([{"a": "1.*", "b": "1"}, {"a": "2.0", "b": "!=1"}], ["a1.5-b2", "a2.0-b1"]),
        ([{"a": "7"}], ["a1.5-b1", "a1.5-b2", "a2.0-b1", "a2.0-b2"]),
    ],
)
def test_excluded_combinations(exclude: list[dict[str, str]], left: list[str]) -> None:
    """An entry takes away what all its items match: a version however it's written, the choice's word, or a specifier."""
    raw = {"a": ["1.5", "latest"], "b": ["1", "2"], "exclude": exclude}
    assert names(raw, a={"latest": ("2.0",)}) == left


def test_a_specifier_excludes_prereleases_in_it() -> None:
    """A prerelease that was asked for is compared like any other version."""
    assert names({"a": ["2.0rc1", "3.0"], "exclude": [{"a": ">=1,<2.5"}]}) == ["a3.0"]


def test_interpreters_can_be_excluded() -> None:
    """The axis of interpreters is one like any other."""
    assert names({"python": ["3.11", "3.12"], "a": "1", "exclude": [{"python": ">=3.12"}]}) == ["py311-a1"]


def test_included_cells_come_last_with_their_own_date_and_requirements() -> None:
    """Axes come first and in their order; packages that are no axis follow; the set's requirements stay."""
    raw = {
        "a": "1",
        "b": "1",
        "as-of": "release",
        "with": ["x", "y<2"],
        "include": [
            {"other": "latest", "b": "7", "a": "latest", "as-of": "2023-12-20", "with": ["z", "x"]},
            {"b": "8"},
        ],
    }
    assert chosen(raw, a={"latest": ("2",)}, other={"latest": ("5",)})[1:] == [
        Cell((("a", "2"), ("b", "7"), ("other", "5")), "2023-12-20", ("x", "y<2", "z")),
        Cell((("b", "8"),), "release", ("x", "y<2")),
    ]


def test_an_included_cell_takes_the_place_of_the_combination_that_it_is() -> None:
    """So no two cells have the same name, and a combination can be given a date of its own."""
    raw = {"a": ["1.0", "2"], "include": [{"a": "1.0.0", "as-of": "2023-12-20"}, {"a": "2"}, {"a": "2"}]}
    assert chosen(raw) == [Cell((("a", "1.0"),), "2023-12-20"), Cell((("a", "2"),))]


def test_a_set_can_be_included_cells_only() -> None:
    """Without axes there's no combination, not an empty one; an exclusion of all of them leaves the included ones."""
    assert names({"include": [{"a": "1"}, {"a": "2", "b": "1"}]}) == ["a1", "a2-b1"]
    assert names({"a": "1", "exclude": [{"a": "1"}], "include": [{"a": "2"}]}) == ["a2"]


def test_excluding_does_not_touch_included_cells() -> None:
    """Who writes a cell down wants it."""
    assert names({"a": ["1", "2"], "exclude": [{"a": ">1"}], "include": [{"a": "3"}]}) == ["a1", "a3"]


def test_mistakes_in_exclude_and_include() -> None:
    """An exclusion of no axis, of everything, and two cells that a report couldn't tell apart."""
    error = refused({"litellm": "1", "six": "1", "exclude": [{"litelm": "1"}]})
    assert (error.message, error.hint) == (
        "here: `exclude`: no axis is named `litelm`",
        "did you mean `litellm`? known: litellm, six",
    )
    error = refused({"a": ["1", "2"], "b": ["1", "2"], "exclude": [{"a": "1"}, {"b": "1"}, {"a": "2", "b": "2"}]})
    assert (error.message, error.hint) == ("here: `exclude` leaves none of 2 × 2 combinations", "exclude less")
    assert refused({"a": "1", "exclude": [{"a": "<2"}]}).message == "here: `exclude` leaves none of 1 version"
    error = refused({"a": "1", "include": [{"a": "2"}, {"a": "2", "as-of": "2024-06-20"}]})
    assert error.message == "here: `include`: two entries are the cell a2, with another `as-of` or `with`"


# --- how many ---


def test_as_many_cells_as_github_allows() -> None:
    """256 are allowed, 257 are not."""
    assert len(chosen(numbered(16, 16))) == MOST_CELLS == 256
    assert len(chosen({**numbered(16, 17), "exclude": [{"b": "16"}]})) == 256
    assert len(chosen({**numbered(16, 16), "include": [{"a": "3", "b": "5"}]})) == 256
    refused({**numbered(16, 16), "include": [{"a": "3"}]})
    refused(numbered(257))


@pytest.mark.parametrize(
    ("raw", "message", "hint"),
    [
        (
            numbered(12, 30),
            "12 × 30 = 360 cells",
            "take fewer versions; `strategy=pairwise` leaves nothing out here",
        ),
        ({"a": numbered(300)["a"]}, "300 cells", "take fewer versions; `strategy=pairwise` leaves nothing out here"),
        (
            numbered(12, 15, 2),
            "12 × 15 × 2 = 360 cells",
            "`strategy=pairwise` has 180: any two versions of different axes meet in one of them",
        ),
        (
            {**numbered(12, 15, 2), "exclude": [{"a": "<2", "c": "1"}], "include": [{"d": "1"}, {"d": "2"}]},
            "12 × 15 × 2 = 360 cells (330 without what is excluded) and 2 included",
            "`strategy=pairwise` has 182: any two versions of different axes meet in one of them",
        ),
        (
            {**numbered(12, 21, 2), "include": [{"d": str(number)} for number in range(9)]},
            "12 × 21 × 2 = 504 cells and 9 included",
            "take fewer versions; `strategy=pairwise` has 261, which is too many as well",
        ),
        (
            numbered(30, 30, 30),
            "30 × 30 × 30 = 27000 cells",
            "take fewer versions; `strategy=pairwise` has more than 256, which is too many as well",
        ),
        (
            {**numbered(30, 30, 3), "strategy": "pairwise"},
            "`strategy=pairwise` has more than 256 cells of 30 × 30 × 3 = 2700 cells",
            "take fewer versions",
        ),
    ],
)
def test_too_many_cells(raw: dict[str, Any], message: str, hint: str) -> None:
    """The error has the number, the shape, and how many would do."""
    error = refused(raw)
    assert (error.message, error.hint) == (f"here: {message}; a run has 256 at most", hint)


def test_huge_matrices_are_counted_without_being_built() -> None:
    """A million million combinations are refused, or covered by pairs, in no time."""
    started = time.perf_counter()
    plain = refused(numbered(*[10] * 12))
    excluded = refused({**numbered(*[10] * 12), "exclude": [{"a": "1", "b": ">3"}]})
    assert time.perf_counter() - started < 5  # seconds; 0.3 where nothing else runs
    assert "= 1000000000000 cells; a run" in plain.message
    assert "= 1000000000000 cells (less what is excluded); a run" in excluded.message
    fewest = int(plain.hint.split()[2].rstrip(":"))
    assert len(chosen({**numbered(*[10] * 12), "strategy": "pairwise"})) == fewest <= 200


def test_what_pairs_alone_allow_is_not_refused() -> None:
    """Two long axes whose combinations are mostly excluded are counted by what is left."""
    raw = {**numbered(20, 20, 2), "exclude": [{"a": ">0", "b": ">0"}], "strategy": "pairwise"}
    cells = chosen(raw)
    assert {tuple(dict(cell.versions)[axis] for axis in "ab") for cell in cells} == {
        *(("0", str(b)) for b in range(20)),
        *((str(a), "0") for a in range(20)),
    }
    assert len(cells) <= 2 * 39


# --- days ---


def test_a_cell_as_of_its_newest_release() -> None:
    """The day on which the last of its pinned releases came out; interpreters have none; other dates stay."""
    cells = [
        Cell((("python", "3.12"), ("a", "1"), ("b", "2")), RELEASE),
        Cell((("a", "1"),), RELEASE),
        Cell((("a", "1"),), "2024-06-20"),
        Cell((("a", "1"),)),
        Cell((("python", "3.12"),), RELEASE),
    ]
    days = {"a": {"1": "2022-03-04"}, "b": {"2": "2023-01-02"}}
    assert [cell.as_of for cell in dated(cells, days)] == ["2023-01-02", "2022-03-04", "2024-06-20", "", ""]
    with pytest.raises(EnvguardError, match="the index doesn't say when c 1 came out"):
        dated([Cell((("c", "1"),), RELEASE)], days)


def test_the_same_matrix_has_the_same_cells_every_time() -> None:
    """A report of yesterday has the cells of today's; and the order is that of all combinations."""
    first, second = (pairwise(Space([4, 3, 3, 2, 2], [{0: frozenset([1]), 3: frozenset([0])}])) for _ in range(2))
    assert first == second == sorted(first)


def test_pairwise_cells_of_a_table() -> None:
    """The strategy takes part of the combinations; each pair of versions that is not excluded meets in one of them."""
    raw = {**numbered(3, 3, 3, 3), "exclude": [{"a": "0", "b": "0"}]}
    everything, few = chosen(raw), chosen({**raw, "strategy": "pairwise"})
    assert len(everything) == 72 and len(few) <= 11
    assert {pair for cell in few for pair in itertools.combinations(cell.versions, 2)} == {
        pair for cell in everything for pair in itertools.combinations(cell.versions, 2)
    }


def test_pairwise_of_one_axis_is_all_of_it() -> None:
    """Without a second axis there's no pair, but every version is wanted."""
    axes = (Axis("a", (exact("1"), exact("2"), exact("3"))),)
    versions = VersionSet("", "here", axes, "pairwise", exclude=((("a", exact("2")),),))
    assert [cell.name for cell in choose(versions, answers(versions))] == ["a1", "a3"]
