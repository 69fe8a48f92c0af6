"""Texts that a worker can send."""

from __future__ import annotations

import execnet
import pytest

from pytest_envguard.engine.sendable import sendable


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain ü 😀", "plain ü 😀"),
        ("/var/lib/\udcff", "/var/lib/\\xff"),
        ("half \ud800 of one", "half \\ud800 of one"),
    ],
)
def test_what_utf_8_lacks_is_escaped(text: str, sent: str) -> None:
    """Execnet would end the run over it."""
    assert sendable(text) == sent
    execnet.dumps(sendable({text: [(text, 1, None, {"a": b"\xff"})]}))


def test_everything_else_stays_as_it_is() -> None:
    """At any depth."""
    told = {"a": [1, 2.5, None, True, ("x", [])], "b": {"c": b"\xff"}}
    assert sendable(told) == told
