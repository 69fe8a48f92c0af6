"""Texts that can be sent: plain, short, and without secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache

from pytest_envguard.model.evidence import looks_secret

LONGEST_SECRET = 8192  # of those that are looked for; a key in PEM has 3,300 characters
_LONGEST_VALUE = 300

is_secret = lru_cache(maxsize=1000)(looks_secret)  # each failure asks for all variables


def plain(text: str) -> str:
    """Return a text that can be sent: a `str` and no subclass, without the surrogates that names of files may have."""
    return str.encode(text, "utf-8", "backslashreplace").decode()


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """Return values that must not be told, in a message either, the longest first."""
    found = [text for name, text in environ.items() if len(text) >= 8 and is_secret(name, text)]
    return sorted((text for text in found if not (text[0] == "/" and os.path.exists(text))), key=len, reverse=True)  # noqa: PTH110


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return a text without those of `secrets_of` that stand in it."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def shortened(text: str, most: int) -> str:
    """Return at most so many characters: what went wrong stands at the beginning, or at the end."""
    tail = most // 4
    return text if len(text) <= most else f"{text[: most - tail - 1]}…{text[-tail:]}"


def short_value(text: str) -> str:
    """Return what is shown of a variable's value."""
    return plain(text)[:_LONGEST_VALUE]
