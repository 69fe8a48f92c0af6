"""JSON lines."""

from __future__ import annotations

import json

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import lines
from pytest_envguard.streams.cutting import HARD_TEXT, Cutting

TEXTS = [HARD_TEXT, "黄河", ""]
SMALL = Cutting(7, joined=True)


@pytest.mark.parametrize("newline", ["lf", "crlf"])
@pytest.mark.parametrize("final", [True, False])
def test_each_line_is_an_object(newline: str, final: bool) -> None:
    """With its text under the key, whatever ends it; the last one may be ended by nothing."""
    stream = lines.stream(TEXTS, SMALL, key="response", newline=newline, final_newline=final)
    body = b"".join(stream.parts)
    end = lines.NEWLINES[newline]
    assert body.endswith(end) is final
    assert [json.loads(line)["response"] for line in body.removesuffix(end).split(end)] == TEXTS
    assert stream.text == "".join(TEXTS)


def test_an_unknown_newline_is_one_error() -> None:
    """With those that there are."""
    with pytest.raises(EnvguardError, match="no newline is named `cr`") as caught:
        lines.stream(TEXTS, SMALL, newline="cr")
    assert caught.value.hint == "known: lf, crlf"
