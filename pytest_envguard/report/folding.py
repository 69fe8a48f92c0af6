"""Lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pytest_envguard.report.printable import columns, printable

WIDTH = 80
LONGEST = 100
_NO_BREAK = "\N{NO-BREAK SPACE}"
_SECOND = "\ue000"  # of a wide character while it's folded; no printable text has one
_narrower: ContextVar[int] = ContextVar("columns that a terminal has less", default=0)
_columns: ContextVar[int] = ContextVar("columns that a terminal has", default=LONGEST)


def folded(text: str, indent: str, width: int = WIDTH) -> list[str]:
    """Fold between words only: a path must stay whole, for whoever copies it.

    Args:
        text: One line.
        indent: What further lines begin with.
        width: Columns on a terminal of 80; within `narrowed` as many fewer as the terminal has.
    """
    return _wrapped(text, indent, width - _narrower.get())


def folded_wider(text: str, indent: str, before: int) -> list[str]:
    """Fold what is often longer than 80 columns, such as messages: at 100, or at those that a terminal has.

    Args:
        text: One line.
        indent: What further lines begin with.
        before: Columns that the caller writes before each line.
    """
    return _wrapped(text, indent, min(LONGEST, _columns.get()) - before)


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    # Escaped before it's measured; where a caller wants no fold there is a no-break space, which isn't printable.
    shown = _NO_BREAK.join(map(printable, text.split(_NO_BREAK)))
    return wrapped(shown, width, subsequent_indent=indent[: max(0, width) // 2])


def wrapped(text: str, width: int, *, initial_indent: str = "", subsequent_indent: str = "") -> list[str]:
    """Fold a printable text at so many columns, of which wide characters take two."""
    doubled = text if text.isascii() else "".join(char + _SECOND * (columns(char) - 1) for char in text)
    lines = textwrap.wrap(
        doubled,
        max(1, width),
        initial_indent=initial_indent,
        subsequent_indent=subsequent_indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,  # a first line that is aligned by spaces keeps them
    )
    return [line.replace(_SECOND, "") for line in lines]


def room() -> int:
    """Return the columns of the terminal, at most 80."""
    return WIDTH - _narrower.get()


@contextmanager
def narrowed(columns: int) -> Iterator[None]:
    """Fold for a terminal of so many columns: at most at 80, and at 100 what is told to be wider."""
    tokens = _narrower.set(max(0, WIDTH - columns)), _columns.set(columns)
    try:
        yield
    finally:
        _narrower.reset(tokens[0])
        _columns.reset(tokens[1])
