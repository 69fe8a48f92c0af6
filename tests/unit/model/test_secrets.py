"""Texts without what looks secret."""

from __future__ import annotations

import time

import pytest

from pytest_envguard.model.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("env=A=1\nAPI_TOKEN=xyz\nB=2", "env=A=1\nAPI_TOKEN=…"),
        ("tool --token abc -v", "tool --token …"),
        ("tool --token -v", "tool --token -v"),
        ("curl -H Authorization: Bearer abc https://x", "curl -H Authorization: …"),
        ("X: Bearer abc", "X: Bearer …"),
        ("Server=x;Password=hunter2", "Server=x;Password=…"),
        ('{"password": "hunter2"}', '{"password": "…'),
        ("https://h/?access_token=xyz&x=1", "https://h/?access_token=…"),
        ("redis://:pw@h:1", "redis://…"),
        ("psql postgres://u:p/w@h/db", "psql postgres://…"),
        ("https://ghs_abc@github.com/x", "https://…"),
        ("ghp_0123456789abcdefghij", "…"),
        ("tests/test_password.py:3", "tests/test_password.py:3"),
        ("tests/test_password.py::test_it", "tests/test_password.py::test_it"),
        ("git+https://github.com/x/y@v1", "git+https://github.com/x/y@v1"),
        ("--tokenizer=bert -k token", "--tokenizer=bert -k token"),
    ],
)
def test_the_rest_from_the_first_secret_on_is_hidden(text: str, shown: str) -> None:
    """By the name before it, or by what it is itself."""
    assert without_secrets(text) == shown


@pytest.mark.parametrize("part", ["a-", "key ", "://:", "a.", "b:", "eyJ", " "])
def test_long_texts_take_no_long_time(part: str) -> None:
    """Nothing is looked through again and again."""
    begun = time.perf_counter()
    without_secrets(part * (100_000 // len(part)))
    assert time.perf_counter() - begun < 2
