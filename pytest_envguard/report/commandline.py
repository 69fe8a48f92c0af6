"""A command line as a report may show it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.model.evidence import looks_secret

HIDDEN = "…"


def shown_command(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command line without what looks secret: by the name of an option, or by a password in an address."""
    return tuple(_shown(word, before) for word, before in zip(words, ("", *words), strict=False))


def _shown(word: str, before: str) -> str:
    """Return a word; ``before`` is the one before it, whose value it may be."""
    name, given, value = word.partition("=")
    if given:
        return f"{name}={HIDDEN}" if looks_secret(_plain(name), value) else word
    is_value = before.startswith("--") and "=" not in before and not word.startswith("-")
    return HIDDEN if looks_secret(_plain(before) if is_value else "", word) else word


def _plain(option: str) -> str:
    return option.lstrip("-").replace("-", "_")
