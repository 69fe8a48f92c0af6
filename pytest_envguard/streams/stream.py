"""A stream as a value: what is sent, in which parts, and what a client must have read at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams.cutting import HARD_TEXT

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line


class Trouble(NamedTuple):
    """What goes wrong on the way.

    Attributes:
        truncated: Number of parts after which the connection ends within a part, without a word; None: it doesn't.
        stalled: Number of parts after which nothing comes for a time; None: it doesn't stall.
        seconds: For how long.
    """

    truncated: int | None = None
    stalled: int | None = None
    seconds: float = 0.0


class Stream(NamedTuple):
    """What a server answers.

    Attributes:
        parts: The payload, cut as a test asked for.
        chunks: What is written for each part, framed where the protocol has frames.
        text: What a correct client returns.
        content_type: Of the answer.
        path: What the path of a request ends with; "" for any.
        headers: Further ones of the answer.
        events: The data of each server-sent event, as the standard reads them.
    """

    parts: tuple[bytes, ...]
    chunks: tuple[bytes, ...]
    text: str
    content_type: str
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()


def read_texts(texts: Iterable[str] | str | None, who: str, *, characters: int) -> tuple[str, ...]:
    """Return the texts of a stream, one for each event.

    Args:
        texts: What a user gave; None for hard ones of the plugin's own.
        who: Who was asked, for messages.
        characters: How many the plugin's own have, about.

    Raises:
        EnvguardError: They aren't texts, there are none, or one can't be sent.
    """
    if texts is None:
        return (HARD_TEXT * (characters // len(HARD_TEXT) + 1), "黄河", HARD_TEXT)
    found = (texts,) if isinstance(texts, str) else tuple(texts)
    wrong = next((text for text in found if not isinstance(text, str)), None)
    if wrong is not None or not found:
        got = "none" if not found else f"{type(wrong).__name__} {str(wrong)[:40]!r}"
        raise EnvguardError(f"{who}: expected texts, one for each event, got {got}", 'for example `["长江", "黄河"]`')
    for text in found:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise EnvguardError(f"{who}: {text[:20]!r} can't be sent: {error}", "leave lone surrogates out") from None
    return found


def as_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return JSON with its characters as they are: escaped ones could not be cut."""
    separators = (",", ":") if indent is None else None
    return json.dumps(value, ensure_ascii=False, separators=separators, indent=indent).encode()


def chat_chunk(text: str | None, finish: str | None = None) -> dict[str, Any]:
    """Return one event of a chat as OpenAI's API streams it; with None for a text, the last one."""
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    named = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "hostile"}
    return {**named, "choices": [choice]}


def chat(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the events of a chat."""
    return [*(chat_chunk(text) for text in texts), chat_chunk(None, "stop")]
