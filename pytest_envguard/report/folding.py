"""Lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

WIDTH = 80
_narrower: ContextVar[int] = ContextVar("columns that a terminal has less", default=0)


def folded(text: str, indent: str, width: int = WIDTH) -> list[str]:
    """Fold between words only: a path must stay whole, for whoever copies it.

    Args:
        text: One line.
        indent: What further lines begin with.
        width: Columns on a terminal of 80; within `narrowed` as many fewer as the terminal has.
    """
    width -= _narrower.get()
    # A first line that is aligned by spaces keeps them.
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=indent[: width // 2],
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )


def room() -> int:
    """Return the columns of the terminal, at most 80."""
    return WIDTH - _narrower.get()


@contextmanager
def narrowed(width: int) -> Iterator[None]:
    """Fold for a terminal of so many columns, at most 80."""
    token = _narrower.set(max(0, WIDTH - width))
    try:
        yield
    finally:
        _narrower.reset(token)
