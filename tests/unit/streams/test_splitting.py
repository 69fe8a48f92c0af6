"""`every_split`, with decoders that are right, and with those that people write."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import combinations

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import HARD_TEXT, Parts, SplitError, every_split, lines, sse
from pytest_envguard.streams.cutting import Cutting

TEXTS = [HARD_TEXT, "黄河😀", "e\u0301"]
BODY = b"".join(lines.stream(TEXTS, Cutting(7, joined=True)).parts)
EVENTS = b"".join(sse.stream(TEXTS, Cutting(7, joined=True), newline="crlf").parts)


def json_lines(parts: Iterable[bytes]) -> list[str]:
    """Read JSON lines as it's done rightly: the rest of a part, in bytes, is kept for the next."""
    rest, found = b"", []
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        found += [json.loads(line)["text"] for line in whole]
    return found


# -- decoders that people write ----------------------------------------------------------------------------------------


def part_by_part(parts: Iterable[bytes]) -> list[str]:
    """Each part is decoded by itself."""
    rest, found = "", []
    for part in parts:
        *whole, rest = (rest + part.decode()).split("\n")
        found += [json.loads(line)["text"] for line in whole]
    return found


def rest_lost(parts: Iterable[bytes]) -> list[str]:
    """What isn't whole is dropped, without a word."""
    found = []
    for part in parts:
        for line in part.split(b"\n"):
            try:
                found.append(json.loads(line)["text"])
            except ValueError:
                continue
    return found


def splitlines(parts: Iterable[bytes]) -> list[str]:
    """Ends of lines are what `str.splitlines` takes for some, U+2028 for example."""
    decoder, rest, found = codecs.getincrementaldecoder("utf-8")(), "", []
    for part in parts:
        rest += decoder.decode(part)
        whole = rest.splitlines(keepends=True)
        rest = whole.pop() if whole and not whole[-1].endswith("\n") else ""
        for line in whole:
            try:
                found.append(json.loads(line)["text"])
            except ValueError:
                continue
    return found


def crlf_in_one_part(parts: Iterable[bytes]) -> list[str]:
    """A CR at the end of a part is the end of a line, and then so is the LF of the next."""
    decoder, rest, data, found = codecs.getincrementaldecoder("utf-8")(), "", [], []
    for part in parts:
        *whole, rest = (rest + decoder.decode(part)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            if line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line:
                found.append("\n".join(data))
                data = []
    return found


def replacing(parts: Iterable[bytes]) -> str:
    """What can't be decoded becomes U+FFFD: of the right length almost, and wrong."""
    return "".join(part.decode(errors="replace") for part in parts)


# -- what becomes of them ----------------------------------------------------------------------------------------------


def test_a_right_decoder_passes_at_every_point() -> None:
    """All of them, and in single bytes; what is returned says how many."""
    splits = every_split(BODY).check(json_lines, TEXTS)
    assert str(splits) == f"{len(BODY) - 1:,} of {len(BODY) - 1:,} split points"
    assert str(every_split(BODY, pieces=len(BODY)).check(json_lines, TEXTS)).startswith("1 of 1 splits into")
    every_split(EVENTS).check(lambda parts: list(sse.read(b"".join(parts))))


def failed(decode: object, data: bytes = BODY, **options: object) -> SplitError:
    """Return the error of a decoder that is wrong."""
    with pytest.raises(SplitError) as caught:
        every_split(data).check(decode, **options)  # type: ignore[arg-type]
    return caught.value


def test_a_decoder_of_single_parts_fails_within_every_character() -> None:
    """And nowhere else; the message says so, with the first of these characters and the exception."""
    error = failed(part_by_part)
    inner = [point for point in range(1, len(BODY)) if 0x80 <= BODY[point] < 0xC0]
    assert [cuts[0] for cuts in error.points] == inner
    assert f"{len(inner)} wrong, {len(BODY) - 1} of {len(BODY) - 1} split points tried" in str(error)
    assert f"{len(inner):>7}  within a character" in str(error)
    assert f"bytes split at {inner[0]}, within '\\u957f' (U+957F)" in str(error)
    assert "got       UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9" in str(error)


def test_a_decoder_that_drops_the_rest_is_found_by_its_result() -> None:
    """It never raises anything; what is missing is shown."""
    error = failed(rest_lost)
    ends = {point + 1 for point, byte in enumerate(BODY) if byte == 10}
    assert {cuts[0] for cuts in error.points} == set(range(1, len(BODY))) - ends - {end - 1 for end in ends}
    assert "expected  3 items: " in str(error)
    assert "got       2 items: " in str(error)


def test_wrong_ends_of_lines_are_found_if_the_right_result_is_given() -> None:
    """The bytes as one part are read wrongly as well: only `expected=` tells."""
    error = failed(splitlines, expected=TEXTS)
    assert len(error.points) == len(BODY) - 1
    assert error.got == TEXTS[1:]


def test_a_line_that_is_ended_twice_is_found_between_cr_and_lf() -> None:
    """There alone."""
    error = failed(crlf_in_one_part, EVENTS)
    assert {EVENTS[cuts[0] - 1 : cuts[0] + 1] for cuts in error.points} == {b"\r\n"}
    assert "between CR and LF" in str(error)
    assert "before    …b'" in str(error)


def test_replaced_characters_are_found_by_comparing() -> None:
    """Where the results begin to differ, they're shown."""
    error = failed(replacing)
    assert "\\ufffd" in str(error) or "\ufffd" in str(error)
    assert "they differ from number 10 on" in str(error)


# -- decoders of every form --------------------------------------------------------------------------------------------


def generator(parts: Iterable[bytes]) -> Iterator[str]:
    yield from json_lines(parts)


async def coroutine(parts: Parts) -> list[str]:
    return json_lines([part async for part in parts])


async def asynchronous(parts: Parts) -> AsyncIterator[str]:
    for text in json_lines([part async for part in parts]):
        yield text


@pytest.mark.parametrize("decode", [generator, coroutine, asynchronous])
def test_decoders_may_be_generators_and_asynchronous(decode: object) -> None:
    """Their results are those of the plain one."""
    every_split(BODY).check(decode, TEXTS)  # type: ignore[arg-type]


def test_an_asynchronous_decoder_that_is_wrong_is_found() -> None:
    """Its exception is its outcome."""

    async def wrong(parts: Parts) -> str:
        return "".join([part.decode() async for part in parts])

    assert "UnicodeDecodeError" in str(failed(wrong))


# -- what would be green and show nothing ------------------------------------------------------------------------------


def fails(parts: Iterable[bytes]) -> None:
    raise TypeError("unexpected keyword argument")


def test_a_decoder_that_always_fails_is_not_right_everywhere() -> None:
    """Unless that's what is expected."""
    with pytest.raises(SplitError, match="can't read the bytes as one part: TypeError: unexpected"):
        every_split(b"abc").check(fails)
    every_split(b"abc").check(fails, raises=TypeError)
    with pytest.raises(SplitError, match="expected  <class 'ValueError'>\n  got       TypeError"):
        every_split(b"abc").check(fails, raises=ValueError)
    with pytest.raises(SplitError, match="expected  <class 'ValueError'>\n  got       b'abc'"):
        every_split(b"abc").check(b"".join, raises=ValueError)


def always(value: object) -> Callable[[Iterable[bytes]], object]:
    """Return a decoder that doesn't look."""
    return lambda _: value


@pytest.mark.parametrize("nothing", [None, "", b"", [], {}])
def test_a_decoder_that_returns_nothing_is_not_right_everywhere(nothing: object) -> None:
    """Unless that's what is expected; 0 and False are values."""
    with pytest.raises(SplitError, match="nothing to compare"):
        every_split(b"abc").check(always(nothing))
    every_split(b"abc").check(always(nothing), nothing)
    every_split(b"abc").check(always(0))


def test_what_ends_a_test_ends_the_check() -> None:
    """`pytest.skip` and Ctrl-C aren't results."""

    def skip(parts: Iterable[bytes]) -> None:
        pytest.skip("not here")

    with pytest.raises(pytest.skip.Exception):
        every_split(b"abc").check(skip)


def test_within_a_running_loop_it_is_one_error() -> None:
    """Before anything is tried."""
    import asyncio

    async def check() -> None:
        every_split(b"abc").check(b"".join)

    with pytest.raises(EnvguardError, match="one is running already"):
        asyncio.run(check())


# -- which splits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", [2, 3, 4])
def test_all_splits_are_all(pieces: int) -> None:
    """Each once; no part is empty, and together they're the bytes."""
    found = list(every_split(b"abcdef", pieces=pieces))
    assert len(found) == len(set(found)) == len(list(combinations(range(5), pieces - 1)))
    assert all(len(parts) == pieces and all(parts) and b"".join(parts) == b"abcdef" for parts in found)


@pytest.mark.parametrize("pieces", [2, 3, 4])
@pytest.mark.parametrize("most", [1, 2, 50, 999])
def test_a_sample_is_bounded_and_the_same_every_time(pieces: int, most: int) -> None:
    """As many as were asked for, each once; it says how many there would be."""
    splits = every_split(BODY, pieces=pieces, most=min(most, len(BODY) - 2))
    found = list(splits)
    assert len(found) == len(set(found)) == len(splits) == splits.tried < splits.total
    assert found == list(splits)
    assert {len(parts) for parts in found} == {pieces}
    assert all(b"".join(parts) == BODY for parts in found)
    assert str(splits).startswith(f"{splits.tried:,} of {splits.total:,} ")


def test_three_parts_are_a_single_byte_in_the_middle_first() -> None:
    """Which a character of three bytes doesn't survive; then cuts that lie apart."""
    found = list(every_split(BODY, pieces=3, most=400))
    assert sum(len(parts[1]) == 1 for parts in found) >= 199
    assert sum(len(parts[1]) > len(BODY) // 4 for parts in found) > 50
    start = BODY.index("😀".encode())
    assert Parts((BODY[: start + 1], BODY[start + 1 : start + 2], BODY[start + 2 :])) in found


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        ("text", {}, "expected bytes, got str"),
        (b"a", {}, "expected 2 to 1,048,576 bytes, got 1"),
        (b"", {}, "got 0"),
        (bytes(1 << 20) + b"x", {}, "got 1,048,577"),
        (b"abc", {"pieces": 1}, "`pieces`: expected a number from 2 on, got 1"),
        (b"abc", {"pieces": 4}, "expected 4 to"),
        (b"a" * 99, {"pieces": 10}, "`pieces`: expected up to 9, got 10"),
        (b"abc", {"most": 0}, "`most`: expected a number from 1 on, got 0"),
        (b"abc", {"most": "1"}, "got '1'"),
    ],
)
def test_what_cannot_be_split_is_one_error(data: bytes, options: dict[str, int], says: str) -> None:
    """With what was expected and got."""
    with pytest.raises(EnvguardError) as caught:
        every_split(data, **options)
    assert says in str(caught.value)


def test_other_kinds_of_bytes_are_bytes() -> None:
    """What a decoder gets is `bytes` all the same."""
    for data in (bytearray(b"abc"), memoryview(b"abc")):
        every_split(data).check(b"".join, b"abc")  # type: ignore[arg-type]
        assert {type(part) for parts in every_split(data) for part in parts} == {bytes}  # type: ignore[arg-type]
