"""Every way to split bytes in two (or more), each given to a decoder whose results must all be the same."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from itertools import combinations, pairwise
from math import comb
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import points
from pytest_envguard.streams.telling import explain

if TYPE_CHECKING:
    import asyncio

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line

MOST = 10_000
_LARGEST = 1 << 20  # bytes: a decoder reads more than that some hundred times a second
_MOST_PIECES = 9
_NOTHING: tuple[object, ...] = (None, "", b"", [], (), {})
_UNSET = object()


class Parts(tuple[bytes, ...]):
    """The parts of some bytes, in order; ``async for`` goes through them as well."""

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield each part."""
        for part in self:
            yield part


class SplitError(AssertionError):
    """A decoder's result depends on where the bytes are split.

    Attributes:
        points: The splits that gave another result, each as the numbers of bytes before its cuts.
        got: What the first of them gave: a result, or a `Raised`.
    """

    def __init__(self, message: str, points: tuple[tuple[int, ...], ...] = (), got: object = None) -> None:
        super().__init__(message)
        self.points = points
        self.got = got


class Splits:
    """What `every_split` returns: an iterable of parts. ``str()`` says how many of all splits these are.

    Attributes:
        data: The bytes.
        pieces: How many parts each split has.
        total: How many splits there are.
        tried: How many of them this has; fewer than ``total`` for a sample.
    """

    def __init__(self, data: bytes, pieces: int, most: int) -> None:
        self.data, self.pieces = data, pieces
        self.total = comb(len(data) - 1, pieces - 1)
        self.tried = min(self.total, most)

    def __len__(self) -> int:
        return self.tried

    def __str__(self) -> str:
        what = "split points" if self.pieces == 2 else f"splits into {self.pieces:,} parts"
        return f"{self.tried:,} of {self.total:,} {what}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def __iter__(self) -> Iterator[Parts]:
        data, end = self.data, len(self.data)
        if self.pieces == 2:
            return (Parts((data[:point], data[point:])) for (point,) in self.points())
        return (Parts(data[start:stop] for start, stop in pairwise((0, *cuts, end))) for cuts in self.points())

    def points(self) -> Iterator[tuple[int, ...]]:
        """Return each split as the numbers of bytes before its cuts; always the same ones for the same bytes."""
        count, cuts = len(self.data) - 1, self.pieces - 1
        if self.tried == self.total:
            return combinations(range(1, count + 1), cuts)
        if cuts == 1:
            return ((point,) for point in points.chosen(self.data, self.tried))
        return self._sample(count, cuts)

    def _sample(self, count: int, cuts: int) -> Iterator[tuple[int, ...]]:
        """Return splits whose inner parts have one byte each, where it hurts, then splits with cuts far apart."""
        near = [point for point in points.chosen(self.data, self.tried // 2) if point + cuts - 1 <= count]
        close = [tuple(range(point, point + cuts)) for point in near]
        yield from close
        wanted, grid = self.tried - len(close), cuts
        while grid < count and comb(grid, cuts) < self.tried:
            grid += 1
        seen = set(close)
        apart = combinations(points.evenly(range(1, count + 1), grid), cuts)
        yield from points.evenly([one for one in apart if one not in seen], wanted)

    def check(
        self, decode: Callable[[Parts], Any], expected: Any = _UNSET, *, raises: type[Exception] | None = None
    ) -> Splits:
        """Give every split to a decoder and compare the results; return this.

        Args:
            decode: Called with the parts, and returns what they say: a value, an iterator, or a coroutine or asynchronous
                generator, which runs in an event loop of its own. Each call starts anew.
            expected: What it must return each time; left out, what it returns for the bytes as one part.
            raises: Instead: the exception that every split must end with, for bytes that are no whole stream.

        Raises:
            SplitError: A split gave something else, or the decoder can't read the bytes even as one part.
        """
        _outside_of_a_loop()
        wrong: list[tuple[int, ...]] = []
        first: Any = None
        with closing(_Runner()) as runner:
            wanted = _wanted(runner.outcome(decode, Parts((self.data,))), expected, raises)
            for cuts, parts in zip(self.points(), self, strict=True):
                got = runner.outcome(decode, parts)
                if not wanted.fits(got):
                    first = first if wrong else got
                    wrong.append(cuts)
        if wrong:
            raise SplitError(explain(self.data, str(self), wrong, wanted.value, first), tuple(wrong), first)
        return self


class Raised(NamedTuple):
    """A decoder's exception, in place of a result.

    Attributes:
        error: It.
    """

    error: Exception

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


class _Wanted(NamedTuple):
    """What every split must give."""

    value: Any
    raises: type[Exception] | None

    def fits(self, got: Any) -> bool:
        if isinstance(got, Raised):
            return self.raises is not None and isinstance(got.error, self.raises)
        return self.raises is None and bool(got == self.value)


def _wanted(whole: Any, expected: Any, raises: type[Exception] | None) -> _Wanted:
    """Return what every split must give.

    A decoder that fails always, or never returns anything, would otherwise be right everywhere.
    """
    if raises is not None:
        return _Wanted(raises, raises)
    if expected is not _UNSET:
        return _Wanted(expected, None)
    if isinstance(whole, Raised):
        raise SplitError(
            f"the decoder can't read the bytes as one part: {whole!r}\n"
            "hint: give `raises=` if that's right, and the same for every split"
        ) from whole.error
    if any(type(whole) is type(nothing) and whole == nothing for nothing in _NOTHING):
        raise SplitError(
            f"the decoder returns {whole!r} for the bytes as one part: nothing to compare\n"
            "hint: return what was read, or give `expected=` if that's right"
        )
    return _Wanted(whole, None)


class _Runner:
    """Calls decoders, and has an event loop for those that want one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        if self._loop is not None:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def outcome(self, decode: Callable[[Parts], Any], parts: Parts) -> Any:
        try:
            got = decode(parts)
            if isinstance(got, Iterator):
                return list(got)
            return self._run(got) if isinstance(got, Awaitable | AsyncIterator) else got
        except Exception as error:  # noqa: BLE001  # whatever it is, it's the outcome
            return Raised(error)

    def _run(self, got: Awaitable[Any] | AsyncIterator[Any]) -> Any:
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        result = _result(got)
        try:
            return self._loop.run_until_complete(result)
        finally:
            result.close()


def _outside_of_a_loop() -> None:
    """See to it that a decoder can have an event loop."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:  # noqa: SLF001  # the public one raises instead
        raise EnvguardError(
            "`every_split(…).check` may need an event loop of its own, and here one is running already",
            "call it in a test that isn't async, or go through the splits: `for parts in every_split(data)`",
        )


async def _result(got: Awaitable[Any] | AsyncIterator[Any]) -> Any:
    if isinstance(got, Awaitable):
        got = await got
    return [item async for item in got] if isinstance(got, AsyncIterator) else got


def every_split(data: bytes, *, pieces: int = 2, most: int = MOST) -> Splits:
    """Return every way to split bytes, to drive a decoder with: ``every_split(body).check(decode)``.

    ``for parts in every_split(body): …`` gives the parts one after another. With ``pieces=len(data)`` there is one way: each
    byte by itself. Where there are more than ``most`` ways these are a sample, always the same: what lies within and around
    AWS's frames, ends of lines, characters, escapes and JSON's marks first, then evenly. ``str()`` of it says how many:
    "1,000 of 48,231 split points".

    Args:
        data: The bytes, whole, up to 1 MiB.
        pieces: How many parts each split has, none of them empty: 2 to 9, or as many as there are bytes.
        most: How many splits are tried at most.

    Raises:
        EnvguardError: It can't be split like that.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        hint = "a text has to be encoded: `text.encode()`"
        raise EnvguardError(f"`every_split`: expected bytes, got {type(data).__name__}", hint)
    data = bytes(data)
    for name, value, least in (("pieces", pieces, 2), ("most", most, 1)):
        if type(value) is not int or value < least:
            raise EnvguardError(f"`every_split`: `{name}`: expected a number from {least} on, got {value!r}")
    if not pieces <= len(data) <= _LARGEST:
        raise EnvguardError(
            f"`every_split`: expected {pieces:,} to {_LARGEST:,} bytes, got {len(data):,}",
            "give the bytes of a whole stream, or a piece of a large one",
        )
    if _MOST_PIECES < pieces < len(data):
        hint = f"`pieces=len(data)` gives each byte by itself, here {len(data):,} of them"
        raise EnvguardError(f"`every_split`: `pieces`: expected up to {_MOST_PIECES}, got {pieces:,}", hint)
    return Splits(data, pieces, most)
