"""What a worker tells, made of texts that can be sent: execnet takes nothing that UTF-8 lacks."""

from __future__ import annotations

from typing import Any


def sendable(value: Any) -> Any:
    r"""Return lists, dicts and texts with an escape for what UTF-8 lacks, such as ``\xff`` for a file name's odd byte."""
    if isinstance(value, str):
        return "".join(map(_escaped, value)) if _is_odd(value) else value
    if isinstance(value, dict):
        return {sendable(key): sendable(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(sendable, value))
    return value


def _is_odd(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _escaped(char: str) -> str:
    if not "\ud800" <= char <= "\udfff":
        return char
    return f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else f"\\u{ord(char):04x}"
