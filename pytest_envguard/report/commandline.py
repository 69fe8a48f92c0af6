"""A command line as a report may show it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.model.secrets import HIDDEN, names_secret, without_secrets


def shown_command(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command line without what looks secret: by a name before it, or by what it is itself."""
    return tuple(_shown(word, before) for word, before in zip(words, ("", *words), strict=False))


def _shown(word: str, before: str) -> str:
    """Return a word; ``before`` is the one before it, whose value it may be."""
    is_test = "::" in word and not word.startswith("-") and not before.startswith("-")  # such as a.py::test[key=1]
    is_value = before.startswith("--") and "=" not in before and not word.startswith("-")
    if is_value and names_secret(before):
        return HIDDEN
    return word if is_test else without_secrets(word)
