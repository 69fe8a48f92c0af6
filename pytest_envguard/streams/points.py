"""Where bytes can be split, which of these places are the ones that decoders get wrong, and what they're called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pytest_envguard.streams import eventstream

T = TypeVar("T")

# What is tried first where not every point can be: from what is rare and hurts to what is common. Each pattern's points
# are those within what it finds and at both ends of it.
_TELLING = (
    re.compile(rb"\r\n|\n\n|\r\r|\n|\r|^data: ?|^\xef\xbb\xbf", re.MULTILINE),
    re.compile(
        rb"\xe2\x80[\xa8\xa9]|\xc2\x85|[\x0b\x0c\x1c-\x1e]"
    ),  # what str.splitlines() takes for the end of a line
    re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}"),
    re.compile(rb'\\(?:u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})?|["\\/bfnrt])'),
    re.compile(rb"[\xc2-\xef][\x80-\xbf]{1,2}"),
    re.compile(rb'[][{}:,"]+'),
)
_ESCAPE = re.compile(rb'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LONGEST = 12  # bytes of a pair of escapes: nothing that is looked for here is longer


def chosen(data: bytes, most: int) -> list[int]:
    """Return ``most`` points at most, in order: nine in ten of them where it hurts, the others evenly over all.

    A point is the number of bytes before it, from 1 to one less than there are.
    """
    count = len(data) - 1
    if count <= most:
        return list(range(1, count + 1))
    found: set[int] = set()
    room = most - most // 10
    for points in _classes(data):
        new = [point for point in points if 0 < point <= count and point not in found]
        found.update(evenly(sorted(set(new)), room - len(found)))
        if len(found) == room:
            break
    rest = [point for point in range(1, count + 1) if point not in found]
    return sorted(found.union(evenly(rest, most - len(found))))


def _classes(data: bytes) -> Iterator[Iterable[int]]:
    """Return points, class by class."""
    yield (
        point + around
        for one in eventstream.frames(data)
        for point in (one.start, one.start + eventstream.PRELUDE, one.payload, one.checksum, one.end)
        for around in (-1, 0, 1)
    )
    for pattern in _TELLING:
        yield (point for match in pattern.finditer(data) for point in range(match.start(), match.end() + 1))


def evenly(items: Sequence[T], count: int) -> Sequence[T]:
    """Return ``count`` of some items at most, at equal distances."""
    if count >= len(items):
        return items
    return [items[number * len(items) // count] for number in range(count)]


# -- what they're called -----------------------------------------------------------------------------------------------


def place(data: bytes, point: int) -> str:
    """Return in words what is split at a point."""
    return next((words for test, words in _PLACES if test(data, point)), "within a line")


def _in_character(data: bytes, point: int) -> bool:
    return 0x80 <= data[point] < 0xC0 and character(data, point) != ""


def character(data: bytes, point: int) -> str:
    """Return the character that is split at a point; "" for none."""
    for start in range(max(0, point - 3), point):
        for end in range(point + 1, min(len(data), start + 4) + 1):
            try:
                text = data[start:end].decode()
            except UnicodeDecodeError:
                continue
            if len(text) == 1:
                return text
    return ""


def _within(pattern: re.Pattern[bytes]) -> Callable[[bytes, int], bool]:
    def test(data: bytes, point: int) -> bool:
        around = pattern.finditer(data, max(0, point - _LONGEST), point + _LONGEST)
        return any(match.start() < point < match.end() for match in around)

    return test


def _in_line_end(data: bytes, point: int) -> bool:
    return data[point - 1 : point + 1] == b"\r\n"


def _in_blank_line(data: bytes, point: int) -> bool:
    return data[point - 1 : point] in (b"\n", b"\r") and data[point : point + 1] in (b"\n", b"\r")


def _after_line(data: bytes, point: int) -> bool:
    return data[point - 1 : point] in (b"\n", b"\r")


def _before_line_end(data: bytes, point: int) -> bool:
    return data[point : point + 1] in (b"\n", b"\r")


_PLACES: tuple[tuple[Callable[[bytes, int], bool], str], ...] = (
    (_in_character, "within a character"),
    (_in_line_end, "between CR and LF"),
    (_in_blank_line, "between two ends of a line"),
    (_within(_PAIR), "within a pair of escapes"),
    (_within(_ESCAPE), "within an escape"),
    (_after_line, "behind the end of a line"),
    (_before_line_end, "before the end of a line"),
)
