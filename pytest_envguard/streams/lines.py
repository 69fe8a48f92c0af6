"""JSON lines: one object after another, each ended by a newline, as Ollama and many containers stream."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams.cutting import Cutting, Write, check_cut, cut
from pytest_envguard.streams.stream import Stream, as_json

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line

WHO = "`envguard_stream.json_lines`"
NEWLINES = {"lf": b"\n", "crlf": b"\r\n"}


def stream(
    texts: Sequence[str], cutting: Cutting, *, key: str = "text", newline: str = "lf", final_newline: bool = True
) -> Stream:
    """Return lines such as ``{"text":"长江"}``.

    Args:
        texts: One for each line.
        cutting: Of all lines together.
        key: Of the text in the object.
        newline: "lf" or "crlf" (a CR at the end is white space to JSON).
        final_newline: Whether the last line has one.

    Raises:
        EnvguardError: Unknown newline, or no part is undecodable by itself.
    """
    if newline not in NEWLINES:
        raise EnvguardError(f"{WHO}: no newline is named `{newline}`", f"known: {', '.join(NEWLINES)}")
    writes = [Write(b"", as_json({key: text}), NEWLINES[newline]) for text in texts]
    if not final_newline:
        writes[-1] = writes[-1]._replace(after=b"")
    parts = cut(writes, cutting)
    check_cut(writes, cutting, parts, WHO)
    return Stream(parts, parts, "".join(texts), "application/x-ndjson")
