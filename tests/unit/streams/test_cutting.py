"""Cuts on bytes, and the proof that they hurt."""

from __future__ import annotations

import json

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams.cutting import HARD_TEXT, Cutting, Write, check_cut, cut, decodable, read_cut


def lines(*texts: str) -> list[Write]:
    """Return a write for each text."""
    return [Write(b"data:", json.dumps(text, ensure_ascii=False).encode(), b"\n") for text in texts]


@pytest.mark.parametrize("at", [1, 2, 7, 8192, (3, 8), None])
@pytest.mark.parametrize("joined", [True, False])
def test_nothing_is_lost_or_added(at: int | tuple[int, ...] | None, joined: bool) -> None:
    """All parts together are what was written, and none of them is empty."""
    writes = lines("长江", "x", "黄河" * 10)
    parts = cut(writes, Cutting(at, joined))
    assert b"".join(parts) == b"".join(write.whole for write in writes)
    assert all(parts)


def test_a_write_begins_a_part_unless_they_are_joined() -> None:
    """A container's writes arrive one by one; joined ones are one stream."""
    writes = lines("12345", "678")  # 13 and 11 bytes
    assert [len(part) for part in cut(writes, Cutting(10))] == [10, 3, 10, 1]
    assert [len(part) for part in cut(writes, Cutting(10, joined=True))] == [10, 10, 4]
    assert [len(part) for part in cut(writes, Cutting((4, 20)))] == [4, 9, 7, 4]
    assert [len(part) for part in cut(writes, Cutting(None))] == [13, 11]


def test_a_cut_within_a_character_and_an_object_is_accepted() -> None:
    """At every size that leaves some part undecodable."""
    writes = lines("长江黄河")
    parts = cut(writes, Cutting(7))
    assert not decodable(parts[0])
    check_cut(writes, Cutting(7), parts, "it")


@pytest.mark.parametrize(
    ("texts", "cutting", "says", "hint"),
    [
        (["ascii" * 9], Cutting(7), "the text is nothing but ASCII", "HARD_TEXT"),
        (["长江"], Cutting(8192), "nothing is cut: the largest of 1 writes has 14 bytes", "`cut=8` cuts"),
        (["长江黄河"], Cutting(9), "all cuts fall between two characters", "`cut=8` cuts"),
        (["长"], Cutting((6,)), "between two characters", "cuts these texts within a character"),
        (["长江黄河"], Cutting(99, joined=True), "the stream has 20 bytes, and a part has up to 99", "cuts these"),
    ],
)
def test_a_cut_that_shows_nothing_is_refused_with_one_that_does(
    texts: list[str], cutting: Cutting, says: str, hint: str
) -> None:
    """Else a test would be green whatever its client does."""
    writes = lines(*texts)
    with pytest.raises(EnvguardError) as caught:
        check_cut(writes, cutting, cut(writes, cutting), "it")
    assert says in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("size", range(1, 60))
def test_the_size_in_a_hint_does_what_it_says(size: int) -> None:
    """Whatever was asked for first."""
    writes = lines("长江 a 黄河")
    try:
        check_cut(writes, Cutting(size), cut(writes, Cutting(size)), "it")
    except EnvguardError as error:
        better = Cutting(int(error.hint.partition("cut=")[2].partition("`")[0]))
        check_cut(writes, better, cut(writes, better), "it")


def test_what_is_outside_of_the_object_does_not_count() -> None:
    """A character that is cut in a comment proves nothing about JSON."""
    writes = [Write("：长".encode(), b"{}", b"\n")]
    with pytest.raises(EnvguardError, match="ends within a JSON object"):
        check_cut(writes, Cutting((4,)), cut(writes, Cutting((4,))), "it")


@pytest.mark.parametrize("at", [0, -1, True, "8192", 1.5, [], [0], ["1"], b"1"])
def test_a_cut_that_is_none_is_one_error(at: object) -> None:
    """It says what was expected and got."""
    with pytest.raises(EnvguardError, match="expected a number of bytes, a list of offsets, or None, got"):
        read_cut(at, "it")


def test_offsets_are_put_in_order() -> None:
    """Each once."""
    assert read_cut([9, 3, 9], "it") == (3, 9)


def test_the_hard_text_has_what_decoders_stumble_on() -> None:
    """Characters of one to four bytes, all that only `str.splitlines` splits at, and what looks like a stream."""
    assert {len(char.encode()) for char in HARD_TEXT} == {1, 2, 3, 4}
    assert len(HARD_TEXT.replace("\r", "").replace("\n", "").splitlines()) == 8
    assert "data: [DONE]" in HARD_TEXT
    assert HARD_TEXT.isprintable() is False
