"""Values of a document that somebody else may have written: taken with their type, or refused with their place."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 1000  # of environments, axes and versions, which are compared and parsed; no real one is near it
_LONGEST_SHOWN = 60


class NotAsExpectedError(ValueError):
    """A value that isn't what its place is for; the text says where, what was expected, and what stands there."""


@dataclass(frozen=True)
class Part:
    """A value, and where in the document it stands.

    Attributes:
        value: As JSON's parser returns it.
        place: Such as "tests[3].outcomes"; "" for the document itself.
    """

    value: Any
    place: str = ""

    def wrong(self, expected: str) -> NotAsExpectedError:
        """Return the error that says what was expected here."""
        return NotAsExpectedError(f"{self.place or 'the document'}: expected {expected}, found {_shown(self.value)}")

    def __getitem__(self, key: str) -> Part:
        """Return what an object has under ``key``."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if key not in self.value:
            raise NotAsExpectedError(f"{self.place or 'the document'} has no `{key}`")
        return Part(self.value[key], _below(self.place, key))

    def get(self, key: str, default: Any) -> Part:
        """Return the same, ``default`` where it isn't there: for what isn't written where there's nothing to say."""
        return self[key] if isinstance(self.value, dict) and key in self.value else Part(default, self.place)

    @property
    def is_null(self) -> bool:
        """Whether it is null."""
        return self.value is None

    def parts(self) -> list[Part]:
        """Return the elements of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Part(value, f"{self.place}[{number}]") for number, value in enumerate(self.value)]

    def members(self) -> dict[str, Part]:
        """Return the members of an object, in their order."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return {key: Part(value, _below(self.place, key)) for key, value in self.value.items()}

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def name(self) -> str:
        """Return a text that names something, and isn't longer than names are."""
        if len(self.text()) > _LONGEST_NAME:
            raise self.wrong(f"a name of at most {_LONGEST_NAME} characters")
        return self.text()

    def one_of(self, known: Collection[str]) -> str:
        """Return a text that is one of those that are ``known``."""
        if not isinstance(self.value, str) or self.value not in known:
            raise self.wrong(f"one of {', '.join(map(_shown, known))}" if len(known) <= 12 else "a known name")
        return self.value

    def number(self) -> float:
        """Return a finite number."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool) or not _finite(self.value):
            raise self.wrong("a number")
        return self.value

    def whole(self) -> int:
        """Return a whole number from 0 on, as far as machines count."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not 0 <= self.value < 2**63:
            raise self.wrong("a whole number from 0 on")
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(part.text() for part in self.parts())

    def names(self) -> tuple[str, ...]:
        """Return a list of names."""
        return tuple(part.name() for part in self.parts())

    def table(self) -> dict[str, str]:
        """Return an object whose values are texts."""
        return {key: part.text() for key, part in self.members().items()}


def distinct(names: Collection[tuple[Part, str]]) -> None:
    """Refuse a name that stands there twice.

    Raises:
        NotAsExpectedError: At its second place.
    """
    seen = set()
    for part, name in names:
        if name in seen:
            raise part.wrong("a name that no other has")
        seen.add(name)


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond all floats
        return False


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    names = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return names[value]
    text, quote = (value, "`") if isinstance(value, str) else (_digits(value), "")
    return f"{quote}{text if len(text) <= _LONGEST_SHOWN else f'{text[: _LONGEST_SHOWN - 3]}…'}{quote}"


def _digits(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # a number of more than 4,300 digits
        return "a number"
