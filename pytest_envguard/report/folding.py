"""Lines for a terminal."""

from __future__ import annotations

import textwrap

WIDTH = 80


def folded(text: str, indent: str, width: int = WIDTH) -> list[str]:
    """Fold between words only: a path must stay whole, for whoever copies it."""
    # A first line that is aligned by spaces keeps them.
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
