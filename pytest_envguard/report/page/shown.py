"""Texts as a page shows them: what can't be seen is written as an escape, what is too long is cut. Pure."""

from __future__ import annotations

import hashlib

from pytest_envguard.report.printable import printable

_LONGEST_NAME = 300


class Lines(str):
    """A text of several lines, which stay lines."""

    __slots__ = ()


def visible(text: str) -> str:
    """Return a text in which nothing hides: control, bidirectional and zero-width characters, bytes that are no text.

    The ends of lines and tabs of `Lines` are kept.
    """
    if not isinstance(text, Lines):
        return printable(text)
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def short(text: str, longest: int) -> str:
    """Return at most ``longest`` characters of a text."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name that has room: both of its ends tell it from others."""
    if len(name) <= longest:
        return name
    return f"{name[: longest // 2]}…{name[-longest // 2 :]}"


def anchor(kind: str, name: str) -> str:
    """Return the id of something on the page: the same in every run, and nothing but letters and digits."""
    raw = name.encode("utf-8", "surrogatepass")
    return f"{kind}-{hashlib.blake2b(raw, digest_size=5).hexdigest()}"


def title_of(axis: str) -> str:
    """Return an axis as a heading names it."""
    return "Python" if axis == "python" else axis
