"""Texts as a page shows them."""

from __future__ import annotations

from pytest_envguard.report.page.shown import Lines, anchor, short, short_name, visible


def test_what_cannot_be_seen_is_written_as_an_escape() -> None:
    """Escape sequences, the direction of writing, what has no width, bytes that are no text, ends of lines."""
    assert visible("a\x1b[31mb\u202ec\u200bd\udce9e\nf\x00é×") == "a\\x1b[31mb\\u202ec\\u200bd\\xe9e\\nf\\x00é×"


def test_a_text_to_copy_keeps_its_lines_and_tabs_and_nothing_else_of_that_kind() -> None:
    """A Makefile's rule needs its tab."""
    assert visible(Lines("a:\n\tb\r\x1b")) == "a:\n\tb\\r\\x1b"


def test_long_texts_are_cut_and_names_keep_both_ends() -> None:
    """The parameters of a test stand at the end of its name."""
    assert short("abc", 3) == "abc"
    assert short("abcd", 3) == "ab…"
    assert short_name("x" * 300) == "x" * 300
    assert short_name("a" * 200 + "b" * 200) == "a" * 150 + "…" + "b" * 150
    assert short_name("environment-1234", 8) == "envi…1234"


def test_an_id_is_the_same_in_every_run_and_plain_whatever_the_name() -> None:
    """A link from last week leads to the same test; a lone surrogate is no obstacle."""
    assert anchor("t", "tests/test_a.py::test_a") == "t-d83da53122"
    odd = anchor("t", '"><script>\udce9')
    assert odd.replace("-", "").isalnum()
    assert odd != anchor("t", '"><script>')
