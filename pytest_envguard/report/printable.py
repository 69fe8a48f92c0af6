"""Texts as a terminal can show them: nothing in them controls it, and every character is one that it has."""

from __future__ import annotations

import codecs
import io
import unicodedata

# What we write ourselves and a terminal without UTF-8 lacks. What tests and files are called becomes an escape.
_STAND_INS = {
    "…": "...",
    "·": "-",
    "•": "*",
    "—": "-",
    "–": "-",
    "×": "x",
    "→": "->",
    "←": "<-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "±": "+-",
    "µ": "u",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "\N{NO-BREAK SPACE}": " ",
    "✓": "+",
    "✔": "+",
    "✗": "x",
    "✘": "x",
    **dict.fromkeys("─━═╌╍", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬", "+"),
    **dict.fromkeys("█▓▉▊▋", "#"),
    **dict.fromkeys("▌▍▎▏▒░", "."),
}
_HANDLER = "envguard-readable"


def printable(text: str) -> str:
    """Return a line in which everything that isn't printable is escaped: escape sequences, bytes that are no text."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if 0xDC80 <= ord(char) <= 0xDCFF:
        return f"\\x{ord(char) - 0xDC00:02x}"  # a byte that isn't UTF-8, by PEP 383
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def readable(text: str, encoding: str) -> str:
    """Return a text that ``encoding`` has, with plain characters for what it lacks: "..." for "…"."""
    if _has(text, encoding):
        return text
    plain = "".join(char if _has(char, encoding) else _STAND_INS.get(char, char) for char in text)
    return plain.encode(encoding, "backslashreplace").decode(encoding)


def _has(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeError:
        return False
    return True


def settle(stream: object) -> None:
    """Let a stream that is printed on write the same, where it would raise an error; a stream of another kind stays."""
    codecs.register_error(_HANDLER, _stand_in)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_HANDLER)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return readable(error.object[error.start : error.end], error.encoding), error.end


def encoding_of(stream: object) -> str:
    """Return what a stream encodes texts with; UTF-8 for one that keeps them as they are."""
    name = getattr(stream, "encoding", None) or "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "ascii"
    return str(name)


def columns(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):  # marks; some of them combine in a class of their own
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def filled(text: str, width: int) -> str:
    """Return a text with spaces up to so many columns."""
    return text + " " * (width - columns(text))


def ending(text: str, width: int, sign: str = "...") -> str:
    """Return the end of a text that is wider than ``width`` columns, with a sign that it was cut."""
    if columns(text) <= width:
        return text
    room, at = width - len(sign), len(text)
    while at and room >= _columns(text[at - 1]):
        at -= 1
        room -= _columns(text[at])
    return sign + text[at:]


def cut(text: str, width: int, sign: str = "…") -> str:
    """Return the beginning of a text that is wider than ``width`` columns, with a sign that it was cut."""
    if columns(text) <= width:
        return text
    taken, room = 0, width - len(sign)
    for at, char in enumerate(text):
        taken += _columns(char)
        if taken > room:
            return (text[:at] + sign)[: max(0, width)]
    return text


def short(text: str, longest: int) -> str:
    """Cut a text that is longer than ``longest`` characters, as reports do that have no columns."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def cut_within(text: str, width: int, sign: str = "…") -> str:
    """Return beginning and end of a text that is longer than ``width``: versions stand at the end of names."""
    if len(text) <= width:
        return text
    room = max(0, width - len(sign))
    end = room - room // 3
    return (text[: room // 3] + sign + text[len(text) - end :])[: max(0, width)]
