"""What goes wrong outside of the plugin's own code, as one error that says all a user needs.

What was tried, on what, what was expected or what the system answered, and what to do: a hint of its own.
"""

from __future__ import annotations

from collections.abc import Iterable


class EnvguardError(Exception):
    """A mistake in the input, or a machine that can't do what was asked: exit code 4, never a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)  # both, so that it pickles
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown ``name``: the nearest known one where there is any, then all of them."""
    import difflib  # 4 ms that only a mistake should pay

    known = sorted(known)
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    meant = f"did you mean `{close[0]}`? " if close else ""
    return f"{meant}known: {', '.join(known)}"
