"""A table as somebody wrote it: each value is asked for with what it must be, and a wrong one is one clear error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from pytest_envguard.errors import EnvguardError, nearest

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Fields:
    """One table of a file.

    Attributes:
        where: File and table, for messages.
    """

    def __init__(self, raw: object, known: Iterable[str], where: str) -> None:
        """Take ``raw`` for a table that has no other keys than ``known``.

        Raises:
            EnvguardError: It isn't a table, or has another key. So do all methods where a value isn't what it must be.
        """
        if not isinstance(raw, Mapping):
            raise EnvguardError(f"{where}: expected a table, got {raw!r}")
        for key in raw:
            if key not in known:
                raise EnvguardError(f"{where}: no key is named `{key}`", nearest(str(key), known))
        self._raw: Mapping[str, Any] = raw
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._raw

    def value(self, key: str) -> object:
        """Return what stands there, None where nothing does."""
        return self._raw.get(key)

    def missing(self, key: str, give: str) -> NoReturn:
        """Refuse a table without ``key``; ``give`` says what would be there."""
        raise EnvguardError(f"{self.where}: `{key}` is missing", f"give {give}")

    def wrong(self, key: str, expected: str, hint: str = "") -> NoReturn:
        """Refuse the value of ``key``."""
        raise EnvguardError(f"{self.where}: `{key}`: expected {expected}, got {self._raw[key]!r}", hint)

    def bad(self, key: str, reason: str, hint: str = "") -> NoReturn:
        """Refuse the value of ``key`` for a reason that says what it is."""
        raise EnvguardError(f"{self.where}: `{key}`: {reason}", hint)

    def text(self, key: str, give: str = "", *, required: bool = False) -> str:
        """Return a text without blanks around it; "" where there's none and none is ``required``."""
        if key not in self._raw:
            return self.missing(key, give) if required else ""
        text = self._raw[key]
        if not isinstance(text, str) or (required and not text.strip()):
            self.wrong(key, give or "a text")
        return text.strip()

    def flag(self, key: str) -> bool:
        """Return true or false; false where nothing is said."""
        value = self._raw.get(key, False)
        return value if isinstance(value, bool) else self.wrong(key, "true or false")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, none of them blank; a single text is a list of one."""
        value = self._raw.get(key, [])
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) and text.strip() for text in texts):
            self.wrong(key, "a text or a list of texts")
        return tuple(texts)

    def one_of(self, key: str, words: Iterable[str], *, required: bool = False) -> str:
        """Return one of ``words``; "" where nothing is said and nothing is ``required``."""
        if key not in self._raw:
            return self.missing(key, f"one of {', '.join(words)}") if required else ""
        value = self._raw[key]
        if not isinstance(value, str) or value not in words:
            self.wrong(key, f"one of {', '.join(words)}")
        return value

    def some_of(self, key: str, words: Iterable[str], what: str) -> tuple[str, ...]:
        """Return a list of such ``words``."""
        texts = self.texts(key)
        for text in texts:
            if text not in words:
                self.bad(key, f"no {what} is named `{text}`", nearest(text, words))
        return texts

    def matching(self, key: str, pattern: str, expected: str) -> tuple[str, ...]:
        """Return a list of texts that ``pattern`` matches whole."""
        texts = self.texts(key)
        for text in texts:
            if not re.fullmatch(pattern, text):
                self.bad(key, f"expected {expected}, got {text!r}")
        return texts

    def variables(self, key: str) -> tuple[str, ...]:
        """Return a list of names that environment variables can have."""
        return self.matching(key, _VARIABLE.pattern, "the name of a variable")

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """Return a regular expression; None where there's none."""
        return self._compiled(key, self.text(key, required=True), key) if key in self._raw else None

    def patterns(self, key: str) -> dict[str, re.Pattern[str]]:
        """Return names of variables, each with a regular expression; those of a list go with everything."""
        value = self._raw.get(key, {})
        if not isinstance(value, Mapping):
            return dict.fromkeys(self.variables(key), re.compile(""))
        for name, text in value.items():
            if not _VARIABLE.fullmatch(name):
                self.bad(key, f"expected the name of a variable, got {name!r}")
            if not isinstance(text, str):
                self.bad(key, f"`{name}`: expected a regular expression, got {text!r}")
        return {name: self._compiled(key, text, f"{key}.{name}") for name, text in value.items()}

    def _compiled(self, key: str, text: str, shown: str) -> re.Pattern[str]:
        try:
            return re.compile(text)
        except re.error as error:
            at = "" if error.pos is None else f" at position {error.pos}"
            hint = "" if text == self._raw[key] else f"`{shown}`"
            return self.bad(key, f"not a regular expression: {error.msg}{at}: {text!r}", hint)

    def values(self, key: str) -> dict[str, str]:
        """Return a table of variables, each with its value."""
        value = self._raw.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            self.wrong(key, "a table of variables, each with text as its value")
        for name in value:
            if not _VARIABLE.fullmatch(name):
                self.bad(key, f"expected the name of a variable, got {name!r}")
        return dict(value)

    def specifier(self, key: str) -> str:
        """Return a version specifier; "" where there's none."""
        text = self.text(key)
        self._specifier(key, text)
        return text

    def specifiers(self, key: str) -> dict[str, str]:
        """Return a table of distributions, each with a version specifier ("" for any)."""
        value = self._raw.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            self.wrong(key, 'a table such as `{ dill = ">=0.3" }`')
        for text in value.values():
            self._specifier(key, text)
        return {normalised(name): text for name, text in value.items()}

    def _specifier(self, key: str, text: str) -> None:
        if not text:
            return
        from packaging.specifiers import InvalidSpecifier, SpecifierSet  # pytest needs it, too

        try:
            SpecifierSet(text)
        except InvalidSpecifier:
            self.bad(key, f"expected a version specifier such as `>=1.40.9,<2`, got {text!r}")

    def requirement(self, key: str) -> str:
        """Return what pip would install, such as "litellm>=1.40.9"; "" where there's none."""
        text = self.text(key)
        if not text:
            return ""
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            return str(Requirement(text))
        except InvalidRequirement:
            return self.bad(key, f"expected a requirement such as `litellm>=1.40.9`, got {text!r}")

    def code(self, key: str) -> str:
        """Return Python code; "" where there's none."""
        text = self.text(key)
        if not text:
            return ""
        try:
            compile(text, key, "exec")
        except (SyntaxError, ValueError) as error:
            self.bad(key, f"not Python code: {error}")
        return text

    def filled(self, key: str, text: str, known: Iterable[str], *, capitals: bool = False) -> str:
        """Return ``text`` if its placeholders are all ``known``, or names of variables in ``capitals`` where those may be.

        Braces with anything else than a name in them are no placeholder, but text such as JSON.
        """
        for name in _PLACEHOLDER.findall(text):
            if name not in known and not (capitals and name.isupper()):
                hint = nearest(name, known) + (", and variables in capitals" if capitals else "")
                self.bad(key, f"no placeholder is named `{{{name}}}`", hint)
        return text


def normalised(name: str) -> str:
    """Return a distribution's name as indexes compare them (packaging.python.org, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()
