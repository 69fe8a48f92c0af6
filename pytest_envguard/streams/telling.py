"""What is said of a decoder whose result depends on where bytes are split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pytest_envguard.streams import points

_AROUND = 12  # bytes on either side of a split point
_BEFORE = 10  # of what is the same in two results, before they differ
_SHOWN = 60  # of a result
_ROWS = 5


def explain(data: bytes, tried: str, wrong: Sequence[tuple[int, ...]], expected: Any, got: Any) -> str:
    """Return the message: how many, at what kind of place, and the first of them in full.

    Args:
        data: What was split.
        tried: How many splits there were, in words.
        wrong: Those that gave something else, at least one, each as the numbers of bytes before its cuts.
        expected: The right result.
        got: That of the first of them.
    """
    counted = Counter(points.place(data, cuts[0]) for cuts in wrong)
    point = wrong[0][0]
    shown = ", ".join(f"{cut:,}" for cut in wrong[0][:_ROWS]) + (", …" if len(wrong[0]) > _ROWS else "")
    return "\n".join(
        (
            f"the result depends on where the bytes are split: {len(wrong):,} wrong, {tried} tried",
            *(f"  {count:>7,}  {place}" for place, count in counted.most_common(_ROWS)),
            f"the first: {len(data):,} bytes split at {shown}, {_at(data, point)}",
            f"  before    {_bytes(data, point - _AROUND, point)}",
            f"  behind    {_bytes(data, point, point + _AROUND)}",
            *_difference(expected, got),
        )
    )


def _at(data: bytes, point: int) -> str:
    split = points.character(data, point)
    return f"within {split!a} (U+{ord(split):04X})" if split else points.place(data, point)


def _bytes(data: bytes, start: int, end: int) -> str:
    shown = repr(data[max(0, start) : end])
    return f"{'…' if start > 0 else ''}{shown}{'…' if end < len(data) else ''}"


def _difference(expected: Any, got: Any) -> list[str]:
    """Return both, from just before where they begin to differ."""
    if type(expected) is not type(got) or not isinstance(got, str | bytes | list | tuple):
        return [f"  expected  {_short(expected)}", f"  got       {_short(got)}"]
    both = enumerate(zip(expected, got, strict=False))
    same = next((number for number, (one, other) in both if one != other), min(len(expected), len(got)))
    what = {str: "characters", bytes: "bytes"}.get(type(got), "items")
    begin = max(0, same - _BEFORE) if isinstance(got, str | bytes) else same
    return [
        *(
            f"  {name:<8}  {len(value):,} {what}: {'… ' if begin else ''}{_short(value[begin : begin + _SHOWN])}"
            for name, value in (("expected", expected), ("got", got))
        ),
        f"  they differ from number {same + 1:,} on",
    ]


def _short(value: Any) -> str:
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in repr(value))
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}…"
