"""Server-sent events, with all that the standard allows and clients forget.

Lines end with CR, LF or both, and with nothing else. Source: HTML Living Standard, 9.2.6, Interpreting an event stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import cycle

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.streams.cutting import Cutting, Write, check_cut, cut
from pytest_envguard.streams.stream import Stream, as_json, chat

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line

WHO = "`envguard_stream.sse`"
DONE = "[DONE]"
# A CR isn't followed by a LF: together they'd be one end of a line.
_NEWLINES = {"lf": (b"\n",), "crlf": (b"\r\n",), "cr": (b"\r",), "mixed": (b"\r\n", b"\n", b"\r")}
_SHAPES = ("chat", "text")
_BOM = b"\xef\xbb\xbf"
_COMMENT = b": keep-alive"
_LINE_END = re.compile(r"\r\n|\n|\r")


def stream(
    texts: Sequence[str],
    cutting: Cutting,
    *,
    shape: str = "chat",
    newline: str = "lf",
    comments: bool = True,
    bom: bool = False,
    multiline: bool = False,
    done: bool = True,
    final_newline: bool = True,
) -> Stream:
    """Return a stream of events.

    Args:
        texts: One for each event.
        cutting: Of all events together.
        shape: "chat": chunks of OpenAI's API; "text": the text itself, a line of data for each of its lines.
        newline: "lf", "crlf", "cr" or "mixed": these in turn.
        comments: Whether a comment precedes every event.
        bom: Whether there is a byte order mark at the beginning.
        multiline: Whether JSON is written over several lines of data.
        done: Whether ``[DONE]`` comes last.
        final_newline: Whether the last event is ended. If not, the standard says that it's none.

    Raises:
        EnvguardError: Unknown shape or newline, or no part is undecodable by itself.
    """
    for name, value, known in (("shape", shape, _SHAPES), ("newline", newline, tuple(_NEWLINES))):
        if value not in known:
            raise EnvguardError(f"{WHO}: no {name} is named `{value}`", nearest(value, known))
    ends = cycle(_NEWLINES[newline])
    first = _COMMENT if comments else b""
    writes = [_event(data, ends, first) for data in _data(texts, shape, multiline=multiline)]
    if done:
        writes.append(_event(DONE.encode(), ends, first))
    if bom:
        writes[0] = writes[0]._replace(before=_BOM + writes[0].before)
    if not final_newline:
        writes[-1] = writes[-1]._replace(after=b"")
    parts = cut(writes, cutting)
    check_cut(writes, cutting, parts, WHO)
    events = tuple(read(b"".join(parts)))
    return Stream(parts, parts, _text(events, shape), "text/event-stream; charset=utf-8", events=events)


def _data(texts: Sequence[str], shape: str, *, multiline: bool) -> Iterator[bytes]:
    if shape == "text":
        yield from (text.encode() for text in texts)
    else:
        yield from (as_json(event, indent=1 if multiline else None) for event in chat(texts))


def _event(data: bytes, ends: Iterator[bytes], comment: bytes) -> Write:
    """Return one event; lines in ``data`` become lines of data."""
    before = comment + next(ends) if comment else b""
    lines = re.split(rb"\r\n|\n|\r", data)
    body = b"".join(line + next(ends) + b"data: " for line in lines[:-1]) + lines[-1]
    return Write(before + b"data: ", body, next(ends) + next(ends))


def _text(events: Sequence[str], shape: str) -> str:
    said = [event for event in events if event != DONE]
    if shape == "text":
        return "".join(said)
    return "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in said)


def read(body: bytes) -> Iterator[str]:
    """Return the data of each event in a whole body, as the standard has it."""
    data: list[str] = []
    *lines, _ = _LINE_END.split(body.decode("utf-8-sig"))
    for line in lines:
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
