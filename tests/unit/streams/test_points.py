"""Which points are tried first, and what they're called."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pytest_envguard.streams import eventstream, points

TEXT = ('data: {"text":"' + "x" * 2000 + "长😀\\ud83d\\ude00\\n" + "y" * 2000 + '"}\r\n\r\n').encode()


def test_all_points_if_there_are_few() -> None:
    """From the first byte to the last but one."""
    assert points.chosen(b"abcd", 3) == [1, 2, 3]
    assert points.chosen(b"abcd", 10) == [1, 2, 3]


@pytest.mark.parametrize("most", [1, 2, 10, 100, 1000, len(TEXT) - 2])
def test_a_sample_has_as_many_as_were_asked_for(most: int) -> None:
    """Each once, in order, the same every time."""
    found = points.chosen(TEXT, most)
    assert len(found) == len(set(found)) == most
    assert found == sorted(found) == points.chosen(TEXT, most)
    assert 0 < found[0] <= found[-1] < len(TEXT)


def test_a_sample_has_what_hurts_first_and_then_all_of_the_stream() -> None:
    """Ends of lines, characters and escapes are all there; the rest is nowhere far from one that's tried."""
    found = points.chosen(TEXT, 200)
    around = TEXT.index("长".encode())
    assert set(range(around, around + 7 + 12 + 2 + 1)) <= set(found)
    assert set(range(len(TEXT) - 6, len(TEXT))) <= set(found)
    assert set(range(1, 8)) <= set(found)
    assert max(after - before for before, after in pairwise(found)) < 300


def test_frames_of_aws_come_before_all_else() -> None:
    """A byte before and behind each of their parts."""
    frame = eventstream.event("PayloadPart", "长".encode() * 2000)
    found = points.chosen(frame * 3, 60)
    for each in eventstream.frames(frame * 3):
        for edge in (each.start, each.start + 12, each.payload, each.checksum, each.end):
            assert {point for point in (edge - 1, edge, edge + 1) if 0 < point < len(frame) * 3} <= set(found)


def test_a_class_that_is_too_large_is_taken_evenly() -> None:
    """A tenth of what may be tried is left for all the others."""
    data = "长".encode() * 1000 + b"x" * 3000
    found = points.chosen(data, 100)
    assert sum(point <= 3000 for point in found) > 90
    assert sum(point > 3000 for point in found) >= 4
    assert sum(point <= 1500 for point in found) > 40


@pytest.mark.parametrize(
    ("data", "point", "words"),
    [
        ("a长b", 2, "within a character"),
        ("a😀b", 4, "within a character"),
        (b"a\x80b", 1, "within a line"),
        ("a\r\nb", 2, "between CR and LF"),
        ("a\n\nb", 2, "between two ends of a line"),
        ("a\\ud83d\\ude00b", 7, "within a pair of escapes"),
        ("a\\u4e2db", 4, "within an escape"),
        ('"\\""', 2, "within an escape"),
        ("a\nb", 2, "behind the end of a line"),
        ("a\nb", 1, "before the end of a line"),
        ("ab", 1, "within a line"),
    ],
)
def test_a_place_has_a_name(data: str | bytes, point: int, words: str) -> None:
    """The most telling one."""
    assert points.place(data.encode() if isinstance(data, str) else data, point) == words


def test_the_character_that_is_split_is_found() -> None:
    """From each of its inner points, and from no other."""
    data = "a长😀b".encode()
    assert [points.character(data, point) for point in range(1, len(data))] == [
        "",
        "长",
        "长",
        "",
        "😀",
        "😀",
        "😀",
        "",
    ]
