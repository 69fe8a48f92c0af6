"""JSON and YAML: what they say, or where and why they can't be read."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.wording import shown, size_of

LARGEST = 32_000_000  # bytes; the index of a model with 100,000 tensors has 9,000,000
LARGEST_TOKENIZER = 64_000_000  # Gemma 3's has 33,000,000
_MOST_VALUES = 2_000_000  # each costs about 70 bytes of memory
_MOST_TOKENIZER_VALUES = 6_000_000  # Gemma's has 2,300,000
LARGEST_YAML = 1_000_000
_MOST_FLOW = 2000  # a parser's time grows with the square of how deep [ and { are nested
_LONGEST_NUMBER = 400
_MOST_DUPLICATES = 5
_FENCE = re.compile(rb"(?:\A|[\r\n])---[ \t]*(?=[\r\n]|$)")


class Problem(NamedTuple):
    """Why a text can't be read.

    Attributes:
        reason: What is wrong.
        line: From 1; 0 where no line is to blame.
        column: From 1, in characters.
        oversized: Whether it wasn't looked at because of its size.
    """

    reason: str
    line: int = 0
    column: int = 0
    oversized: bool = False

    def where(self, path: str) -> str:
        """Return the place in a file."""
        return f"{path}:{self.line}:{self.column}" if self.line else path


class Document(NamedTuple):
    """A JSON text.

    Attributes:
        value: What it says; None where it can't be read.
        problem: Why it can't be read.
        duplicates: Keys that an object has twice: the last one counts, and nobody says so.
        constants: NaN and Infinity in it, that Python reads and JSON doesn't have.
        values: About how many values it has, which its memory grows with.
    """

    value: Any = None
    problem: Problem | None = None
    duplicates: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    values: int = 0

    def object(self) -> dict[str, Any]:
        """Return the object that it is, an empty one where it's none."""
        return self.value if isinstance(self.value, dict) else {}


def json_file(path: str, size: int, *, tokenizer: bool = False) -> Document:
    """Return what a file says, read with bounded time and memory.

    Args:
        path: The file.
        size: Its bytes.
        tokenizer: Whether it may be as large as a tokenizer.json.
    """
    largest = LARGEST_TOKENIZER if tokenizer else LARGEST
    if size > largest:
        return Document(
            problem=Problem(f"it has {size_of(size)}, more than the {size_of(largest)} that are read", oversized=True)
        )
    try:
        data = reading.beginning(path, largest + 1)
    except OSError as error:
        return Document(problem=Problem(f"it can't be read: {error.strerror}"))
    return parsed(data, _MOST_TOKENIZER_VALUES if tokenizer else _MOST_VALUES)


def parsed(data: bytes, most: int = _MOST_VALUES) -> Document:
    """Return what a JSON text says, as `json.load` on a file opened as UTF-8 would read it."""
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > most:
        return Document(
            problem=Problem(f"it has about {values:,} values, more than the {most:,} that are read", oversized=True)
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Document(problem=_at(data, error.start, f"byte 0x{data[error.start]:02x} isn't UTF-8"))
    duplicates: dict[str, None] = {}
    constants: dict[str, None] = {}

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(found)
        if len(value) < len(found) and len(duplicates) < _MOST_DUPLICATES:
            seen: set[str] = set()
            duplicates.update(dict.fromkeys(name for name, _ in found if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
        return value

    def constant(name: str) -> float:
        constants[name] = None
        return float(name)

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_int=_number)
    except json.JSONDecodeError as error:
        return Document(problem=Problem(error.msg, error.lineno, error.colno))
    except RecursionError:
        return Document(problem=Problem("it is nested too deeply for Python's own reader"))
    return Document(value, None, tuple(duplicates)[:_MOST_DUPLICATES], tuple(constants), values)


def _number(digits: str) -> int | float:
    """Return a number; one of a million digits costs minutes on Python before 3.10.7, and raises after it."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _at(data: bytes, offset: int, reason: str) -> Problem:
    before = data[:offset]
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Problem(reason, before.count(b"\n") + 1, column)


def yaml_readable() -> bool:
    """Return whether there is a reader of YAML: PyYAML is used where it's installed."""
    import importlib.util

    return importlib.util.find_spec("yaml") is not None


def _yaml_loader() -> tuple[Any, int]:
    """Return what reads YAML, and how many bytes it reads in a second or so."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    fast = getattr(yaml, "CSafeLoader", None)
    return (fast, LARGEST_YAML) if fast else (yaml.SafeLoader, LARGEST_YAML // 10)


def yaml_problem(data: bytes, before: int = 0) -> Problem | None:
    """Return why a YAML text can't be read; aliases aren't expanded, and nothing is built of it.

    Args:
        data: The text.
        before: Lines of the file before it.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    loader, largest = _yaml_loader()
    if len(data) > largest or data.count(b"[") + data.count(b"{") > _MOST_FLOW:
        return Problem("it is too large or too deep to be read", oversized=True)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        found = _at(data, error.start, f"byte 0x{data[error.start]:02x} isn't UTF-8")
        return found._replace(line=found.line + before)
    try:
        for _ in yaml.parse(text, Loader=loader):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = shown(" ".join(filter(None, (error.context, error.problem))))
        return Problem(reason, mark.line + 1 + before, mark.column + 1) if mark else Problem(reason)
    except (yaml.YAMLError, RecursionError) as error:
        return Problem(shown(str(error)))
    return None


def front_matter(data: bytes) -> tuple[bytes, int] | None:
    """Return the YAML at a README's beginning and how many lines are before it (huggingface_hub/repocard.py).

    A pattern for all of it, as there, takes time that grows with the square of the number of empty lines.
    """
    text = data.lstrip()
    opening = _FENCE.match(text)
    closing = _FENCE.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return None
    before = len(data) - len(text)
    return text[opening.end() : closing.start()], data[: before + opening.end()].count(b"\n")
