"""Server-sent events, read by the standard."""

from __future__ import annotations

import json
from itertools import product

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import sse
from pytest_envguard.streams.cutting import HARD_TEXT, Cutting
from pytest_envguard.streams.stream import Stream

TEXTS = [HARD_TEXT, "黄河", "长\n江"]
SMALL = Cutting(7, joined=True)
FLAGS = ("comments", "bom", "multiline", "done")


def made(**options: object) -> Stream:
    """Return a stream of `TEXTS`."""
    return sse.stream(TEXTS, SMALL, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("newline", ["lf", "crlf", "cr", "mixed"])
@pytest.mark.parametrize("flags", list(product([True, False], repeat=4)), ids=str)
def test_whatever_is_around_it_the_text_is_the_same(newline: str, flags: tuple[bool, ...]) -> None:
    """Ends of lines, comments, a byte order mark, data over several lines, and how it ends."""
    stream = made(newline=newline, **dict(zip(FLAGS, flags, strict=True)))
    assert stream.text == "".join(TEXTS)
    assert stream.events[-1:] == (("[DONE]",) if flags[3] else stream.events[-1:])
    assert all(isinstance(json.loads(event), dict) for event in stream.events if event != "[DONE]")


def test_a_text_has_a_line_of_data_for_each_of_its_lines() -> None:
    """Which are joined by newlines, so that only they are left of other ends."""
    stream = sse.stream(["长\n江", "黄\r河", " a"], SMALL, shape="text", done=False, comments=False)
    assert b"".join(stream.parts) == "data: 长\ndata: 江\n\ndata: 黄\ndata: 河\n\ndata:  a\n\n".encode()
    assert stream.events == ("长\n江", "黄\n河", " a")


def test_an_event_that_is_not_ended_is_none() -> None:
    """The standard drops it; with `[DONE]` in it nothing of the text is missing."""
    assert made(final_newline=False).events == made().events[:-1]
    assert made(final_newline=False).text == "".join(TEXTS)
    assert made(shape="text", done=False, final_newline=False).events == made(shape="text", done=False).events[:-1]


def test_ends_of_lines_are_cr_and_lf_alone() -> None:
    """U+2028 and the others are characters like any other."""
    body = "\ufeffdata: a\u2028b\x85\x0b\x1e\r\rdata:c\r\ndata\n\n: data: no\ndata: d\n".encode()
    assert list(sse.read(body)) == ["a\u2028b\x85\x0b\x1e", "c\n"]


def test_mixed_ends_are_all_there() -> None:
    """And a CR isn't followed by a LF that belongs to another end."""
    body = b"".join(made(newline="mixed").parts)
    assert body.count(b"\r\n") > 3
    assert body.replace(b"\r\n", b"").count(b"\n") > 3
    assert body.replace(b"\r\n", b"").count(b"\r") > 3


@pytest.mark.parametrize("option", [{"newline": "lfcr"}, {"shape": "chats"}])
def test_an_unknown_name_is_one_error_with_the_nearest(option: dict[str, str]) -> None:
    """As everywhere."""
    with pytest.raises(EnvguardError, match="is named") as caught:
        made(**option)
    assert "did you mean" in caught.value.hint
