"""Texts that may hold something secret, such as command lines, as a report may show them."""

from __future__ import annotations

import re

from pytest_envguard.model.evidence import looks_secret

HIDDEN = "…"

# A name, what stands between it and its value, and where the value begins: KEY=…, "key": …, --key …
_PAIR = re.compile(r"""(?<![\w-])([\w-]+)["']?(?:\s*=\s*|\s*:(?!:)\s*|(\s+))["']?(?=[^\s-]|(?<=[=:])\S)""")
_FURTHER = frozenset(
    {"authorization", "jwt", "pwd", "sig", "signature"}
)  # too short or too common for variables' names
_SECRET = re.compile(
    r"(?<=://)(?:[^\s/@]{0,300}@|[^\s/:@]{0,300}:\S{0,300}@)"  # a user, or a password that may have a slash in it
    r"|(?<=earer )\S|(?<=asic )(?=[A-Za-z0-9+/=]{8})"
    r"|\b(?:gh[opsru]_|github_pat_|glpat-|hf_|pypi-|sk-|xox[abeprs]-)[\w-]{16}"
    r"|\bAKIA[0-9A-Z]{16}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8}"
)


def without_secrets(text: str) -> str:
    """Return a text up to the first value that looks secret: by its name, or by what it is itself.

    What follows is hidden with it: where a value ends nobody knows.
    """
    starts = [match.end() for match in _PAIR.finditer(text) if _names_secret(match[1], spaced=match[2] is not None)]
    if found := _SECRET.search(text):
        starts.append(found.start())
    return text[: min(starts)] + HIDDEN if starts else text


def names_secret(option: str) -> bool:
    """Whether the value of an option or of a header looks secret."""
    name = option.lstrip("-").replace("-", "_")
    return looks_secret(name) or not _FURTHER.isdisjoint(name.lower().split("_"))


def _names_secret(name: str, *, spaced: bool) -> bool:
    return (name.startswith("--") or not spaced) and names_secret(name)
