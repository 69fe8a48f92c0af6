"""What a terminal can show."""

from __future__ import annotations

import io

import pytest

from pytest_envguard.report.printable import (
    columns,
    cut,
    cut_within,
    encoding_of,
    ending,
    filled,
    printable,
    readable,
    settle,
    short,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tests/test_ä.py::test_x[→ …]", "tests/test_ä.py::test_x[→ …]"),
        ("\x1b]0;title\x07\x1b[31mred", "\\x1b]0;title\\x07\\x1b[31mred"),
        ("a\rb\nc\td\x00", "a\\rb\\nc\\td\\x00"),
        ("\x9b31m", "\\x9b31m"),  # the one byte that is an escape and its bracket
        ("evil\N{RIGHT-TO-LEFT OVERRIDE}txt", "evil\\u202etxt"),
        ("no\udcfftext", "no\\xfftext"),
        ("\ud800", "\\ud800"),
    ],
)
def test_nothing_in_a_name_controls_the_terminal(text: str, shown: str) -> None:
    """What isn't printable is an escape, the rest stays."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "a… · — ×→ ━╌ ä"), ("ascii", "a... - - x-> -- \\xe4"), ("latin-1", "a... · - ×-> -- ä"), ("gbk", None)],
)
def test_a_terminal_without_a_character_gets_one_that_it_has(encoding: str, shown: str | None) -> None:
    """Ours have plain ones in their place, those of tests become escapes; nothing fails."""
    text = readable("a… · — ×→ ━╌ ä", encoding)
    assert shown is None or text == shown
    text.encode(encoding)


def test_every_stand_in_is_ascii() -> None:
    """Or it would need one itself."""
    for char in "…·•—–×→←≤≥≈“”‘’✓✗─│┌┼█░":
        assert "\\" not in readable(char, "ascii") and readable(char, "ascii").isascii(), char


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"3 x 4 ... \\xe4 \\udcff"), ("utf-8", "3 × 4 … ä \\udcff".encode())]
)
def test_what_is_printed_on_a_stream_that_was_settled(encoding: str, shown: bytes) -> None:
    """Never an error, not for a byte that is no text either."""
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    settle(stream)
    print("3 × 4 … ä \udcff", end="", file=stream, flush=True)
    assert buffer.getvalue() == shown
    settle(io.StringIO())


def test_what_a_stream_encodes_with() -> None:
    """One that keeps text has every character; an encoding that Python doesn't know is the least that there is."""

    class Odd:
        encoding = "no-such"

    assert encoding_of(io.TextIOWrapper(io.BytesIO(), encoding="latin-1")) == "latin-1"
    assert [encoding_of(io.StringIO()), encoding_of(None), encoding_of(Odd())] == ["utf-8", "utf-8", "ascii"]


def test_wide_characters_take_two_columns() -> None:
    """And combining ones none."""
    assert [columns("abc"), columns("日本"), columns("e\N{COMBINING ACUTE ACCENT}")] == [3, 4, 1]
    assert columns("✓\N{VARIATION SELECTOR-16}") == 1 and filled("日", 3) == "日 "


@pytest.mark.parametrize("width", range(12))
def test_cutting_never_gives_more_than_the_width(width: int) -> None:
    """Neither at the end nor within."""
    for text in ("", "short", "a text that is too long", "日本語のとても長い名前"):
        assert columns(cut(text, width)) <= width
        assert width < 3 or columns(ending(text, width)) <= width
    for text in ("", "lambda", "lambda-litellm1.53.9-tiktoken0.9.0"):
        assert len(cut_within(text, width)) <= width


def test_a_name_keeps_both_of_its_ends() -> None:
    """The profile begins it, and the last version ends it."""
    assert cut_within("lambda-litellm1.53.9-tiktoken0.9.0", 20) == "lambda…tiktoken0.9.0"
    assert cut_within("lambda", 20) == "lambda"


def test_a_long_text_is_cut() -> None:
    assert (short("abcdef", 6), short("abcdefg", 6)) == ("abcdef", "abc...")
