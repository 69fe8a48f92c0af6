"""What a server writes, cut on bytes as production cuts it, with proof that a cut hurts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line

# Han, astral, combined and right-to-left characters; then what str.splitlines() takes for the end of a line and neither
# JSON nor server-sent events do; then what JSON escapes. All of it stands inside of a JSON string.
HARD_TEXT = (
    "长江的源头在唐古拉山，流经十一个省，最后注入东海。𠮷野家 👩\u200d👩\u200d👧🇨🇳 e\u0301 مرحبا שלום "
    '\u2028\u2029\x85\x0b\x0c\x1c\x1e \ufeff data: [DONE] \\ " {"a": [1]} \r\n\n\t \\u4e2d 终'
)
_CONTINUATION = range(0x80, 0xC0)


class Write(NamedTuple):
    """What a server writes at once.

    Attributes:
        before: Such as ``data:``.
        body: What must be read whole: a JSON object.
        after: Such as the end of the line.
    """

    before: bytes
    body: bytes
    after: bytes

    @property
    def whole(self) -> bytes:
        """All of it."""
        return self.before + self.body + self.after


class Cutting(NamedTuple):
    """How to cut.

    Attributes:
        at: Bytes of a part at most, or the offsets in the whole stream to cut at; None: not at all.
        joined: Whether a part can have bytes of several writes; otherwise each write begins a part.
    """

    at: int | tuple[int, ...] | None
    joined: bool = False


def read_cut(at: object, who: str) -> int | tuple[int, ...] | None:
    """Return what a user asked for.

    Raises:
        EnvguardError: It isn't a size, a list of offsets or None.
    """
    if at is None or (type(at) is int and at > 0):
        return at
    if isinstance(at, Sequence) and not isinstance(at, str | bytes):
        offsets = tuple(at)
        if offsets and all(type(offset) is int and offset > 0 for offset in offsets):
            return tuple(sorted(set(offsets)))
    raise EnvguardError(
        f"{who}: `cut`: expected a number of bytes, a list of offsets, or None, got {at!r}", "for example `cut=8192`"
    )


def cut(writes: Sequence[Write], cutting: Cutting) -> tuple[bytes, ...]:
    """Return the parts; all of them together are the bytes of all writes."""
    whole = b"".join(write.whole for write in writes)
    return tuple(whole[start:end] for start, end in pairwise(_edges(writes, cutting)))


def _edges(writes: Sequence[Write], cutting: Cutting) -> list[int]:
    starts = [0, *accumulate(len(write.whole) for write in writes)]
    edges = {0, starts[-1]} if cutting.joined else set(starts)
    return sorted(edges.union(_offsets(starts, cutting)))


def _offsets(starts: Sequence[int], cutting: Cutting) -> Iterator[int]:
    """Return the offsets that are cut at, those between two writes apart."""
    if isinstance(cutting.at, tuple):
        yield from (offset for offset in cutting.at if offset < starts[-1])
    elif cutting.at is not None:
        spans = [(0, starts[-1])] if cutting.joined else pairwise(starts)
        for start, end in spans:
            yield from range(start + cutting.at, end, cutting.at)


# -- proof -------------------------------------------------------------------------------------------------------------


def decodable(part: bytes) -> bool:
    """Whether a part is UTF-8 by itself."""
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


def check_cut(writes: Sequence[Write], cutting: Cutting, parts: Sequence[bytes], who: str) -> None:
    """See to it that a client that reads every part by itself would fail: otherwise a test shows nothing.

    Raises:
        EnvguardError: No part is undecodable by itself, or none ends within a JSON object.
    """
    if cutting.at is None:
        return
    character, body = _hurts(writes, cutting)
    if character and body and not all(decodable(part) for part in parts):
        return
    whole = b"".join(write.whole for write in writes)
    if whole.isascii():
        raise EnvguardError(
            f"{who}: no part can be undecodable by itself: the text is nothing but ASCII",
            "give texts with other characters, such as `pytest_envguard.streams.HARD_TEXT`",
        )
    raise EnvguardError(f"{who}: {_why(writes, cutting, parts, character=character)}", _instead(writes, cutting))


def _hurts(writes: Sequence[Write], cutting: Cutting) -> tuple[bool, bool]:
    """Return whether there is a cut within a character, and whether there is one within a JSON object."""
    whole = b"".join(write.whole for write in writes)
    starts = [0, *accumulate(len(write.whole) for write in writes)]
    inner = list(_offsets(starts, cutting))
    bodies = [
        range(start + len(write.before) + 1, start + len(write.before) + len(write.body))
        for start, write in zip(starts, writes, strict=False)
    ]
    return any(whole[offset] in _CONTINUATION for offset in inner), _within(sorted(inner), bodies)


def _within(offsets: Sequence[int], spans: Sequence[range]) -> bool:
    """Whether an offset lies in a span; both are in order."""
    following = iter(spans)
    span = next(following, None)
    for offset in offsets:
        while span is not None and span.stop <= offset:
            span = next(following, None)
        if span is not None and offset in span:
            return True
    return False


def _why(writes: Sequence[Write], cutting: Cutting, parts: Sequence[bytes], *, character: bool) -> str:
    largest = sum(len(write.whole) for write in writes) if cutting.joined else max(len(write.whole) for write in writes)
    if isinstance(cutting.at, int) and cutting.at >= largest:
        what = "the stream" if cutting.joined else f"the largest of {len(writes):,} writes"
        return f"nothing is cut: {what} has {largest:,} bytes, and a part has up to {cutting.at:,}"
    if character:
        return f"none of the {len(parts):,} parts ends within a JSON object"
    return f"each of the {len(parts):,} parts can be decoded by itself: all cuts fall between two characters"


def _instead(writes: Sequence[Write], cutting: Cutting) -> str:
    """Return a hint with a size that does."""
    first = cutting.at if isinstance(cutting.at, int) else 8192
    largest = max(len(write.whole) for write in writes)
    while first > 1 and first >= largest and not cutting.joined:
        first //= 2
    sizes = (size for base in _halves(first) for size in (base, base - 1, base + 1, base - 2, base + 2) if size > 0)
    for size in sizes:
        if all(_hurts(writes, cutting._replace(at=size))):
            return f"`cut={size}` cuts these texts within a character and within a JSON object"
    return "give longer texts, with characters of several bytes"


def _halves(size: int) -> Iterator[int]:
    while size:
        yield size
        size //= 2
