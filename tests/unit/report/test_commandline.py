"""The command line in reports: nothing secret in it."""

from __future__ import annotations

import pytest

from pytest_envguard.report.commandline import shown_command


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            "pytest --envguard=lambda -k token tests/test_token.py",
            "pytest --envguard=lambda -k token tests/test_token.py",
        ),
        ("pytest --api-key=abc", "pytest --api-key=…"),
        ("pytest --api-key abc tests", "pytest --api-key … tests"),
        ("pytest --token -v tests", "pytest --token -v tests"),
        ("pytest -o my_secret=abc", "pytest -o my_secret=…"),
        ("pytest --index=https://me:word@host/x", "pytest --index=https://…"),
        ("pytest --index https://me:word@host/x", "pytest --index https://…"),
        ("pytest --index=https://host/x", "pytest --index=https://host/x"),
    ],
)
def test_what_looks_secret_is_hidden(words: str, shown: str) -> None:
    """By the option's name, or by a password in an address; the rest stays as it is."""
    assert " ".join(shown_command(words.split())) == shown
