"""Texts in Markdown: each stays what it was, and becomes nothing else. `tests/acceptance/test_markdown.py` asks GitHub's own reader."""

from __future__ import annotations

import pytest

from pytest_envguard.report.markdown.markup import cell, code, folded, html, pasted, plain, row, table, visible


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a_b *c* [d](e) ~f~ `g` \\", r"a\_b \*c\* \[d\](e) \~f\~ \`g\` \\"),
        ("<b> & &amp;", "&lt;b&gt; &amp; &amp;amp;"),
        ("two\n lines\t", "two lines"),
        ("- a", r"\- a"),
        ("+ a", r"\+ a"),
        ("--- a", r"\--- a"),
        ("=== a", r"\=== a"),
        ("12. a", r"12\. a"),
        ("1) a", r"1\) a"),
        ("1.15.0 is -old", "1.15.0 is -old"),
        ("", ""),
    ],
)
def test_what_marks_up_is_shown(text: str, marked: str) -> None:
    assert plain(text) == marked


@pytest.mark.parametrize(
    "word",
    [
        "@someone",
        "a@b.example",
        "#123",
        "owner/name#4",
        "https://a.example/x_y",
        "ftp://x",
        "www.a.example",
        "xwww.a",
        ":smile:",
        "$x$",
        "deadbeef",
        "0123456789012345678901234567890123456789",
        "GH-12",
        "gh-1",
    ],
)
def test_a_word_that_github_would_make_a_link_of_is_code(word: str) -> None:
    """A backslash doesn't help: GitHub looks for mentions and issues in the finished page."""
    assert plain(f"see {word} now") == f"see `{word}` now"
    assert html(f"see {word} now") == f"see <code>{word}</code> now"


@pytest.mark.parametrize(
    ("word", "marked"),
    [
        ("/x/deadbeef1;", "`/x/deadbeef1`;"),
        ("(see:#12).", "(`see:#12`)."),
        ('["@someone"],', r'\["`@someone`"\],'),
        ("(:smile:)", "`(:smile:)`"),
        ("@]b[", "`@]b[`"),
    ],
)
def test_marks_of_a_sentence_around_such_a_word_are_not_part_of_it(word: str, marked: str) -> None:
    """Unless they are what makes it a link."""
    assert plain(f"see {word} now") == f"see {marked} now"


def test_what_cannot_be_seen_is_an_escape() -> None:
    """Escape sequences, turns of direction, bytes that are no text."""
    assert visible("a\x1b[31mb\u202ec\udce9") == r"a\x1b[31mb\u202ec\xe9"
    assert code("\x1b[2J") == r"`\x1b[2J`"
    assert plain("\x1b[2J") == r"\\x1b\[2J"
    assert html("\x1b<") == r"\x1b&lt;"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a", "`a`"),
        ("a`b", "`` a`b ``"),
        ("``", "``` `` ```"),
        ("", ""),
        (" \n ", ""),
        ("<b> a_b @c", "`<b> a_b @c`"),
    ],
)
def test_code_stands_between_more_backquotes_than_it_has(text: str, marked: str) -> None:
    assert code(text) == marked


def test_a_bar_ends_no_cell() -> None:
    """Nor does one behind backslashes: code is divided before the bar then."""
    assert row([cell("a|b"), plain("c|d")]) == r"| `a\|b` | c\|d |"
    assert row([cell("a\\|b")]) == "| `a\\`<!-- -->`\\|b` |"
    assert list(table(("x", "y"), [("1", "2")])) == ["", "| x | y |", "| --- | --- |", "| 1 | 2 |", ""]


def test_what_is_folded_has_a_title_in_html() -> None:
    assert list(folded("a_b </summary> <c>", ["x"], ": 1 test")) == [
        "",
        "<details><summary><b>a_b &lt;/summary&gt; &lt;c&gt;</b>: 1 test</summary>",
        "",
        "x",
        "",
        "</details>",
    ]


def test_a_block_has_a_fence_longer_than_any_in_it() -> None:
    """And keeps its tabs; what is left of its lines can't end it."""
    assert list(pasted("RUN a\n\t````\n\x1b")) == [
        "",
        "    `````",
        "    RUN a",
        "    \t````",
        r"    \x1b",
        "    `````",
        "",
    ]
