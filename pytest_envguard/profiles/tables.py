"""Reading one profile's table, from a shipped file, a project's ``pyproject.toml`` or a plugin."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.dimensions import DIMENSIONS, Value, read, read_size
from pytest_envguard.model.profile import Budget, is_time, read_unset_each

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEYS = (
    "budgets",
    "dimensions",
    "inherits",
    "layout",
    "not_simulated",
    "package_size",
    "since",
    "sources",
    "summary",
    "unset-each",
    "unverified",
)


class Table(NamedTuple):
    """A profile as somebody wrote it; see `Profile` for what the fields mean.

    Attributes:
        where: File and table, for messages.
        since: Python version to the dimensions that hold from it on.
        unset_each: None where nothing is said of it.
    """

    where: str
    dimensions: Mapping[str, Value]
    inherits: str | None = None
    summary: str = ""
    since: Mapping[tuple[int, int], Mapping[str, Value]] = {}
    sources: Mapping[str, str] = {}
    unverified: Mapping[str, str] = {}
    not_simulated: tuple[str, ...] = ()
    budgets: Mapping[str, Budget] = {}
    layout: Mapping[str, str] = {}
    package_size: int = 0
    unset_each: tuple[str, ...] | None = None

    def inheriting(self, name: str) -> Table:
        """Return this table with another parent."""
        return self._replace(inherits=name)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        EnvguardError: It can't be read, or isn't TOML (with line and column).
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EnvguardError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise EnvguardError(f"{path}: cannot be read: {error.strerror}") from None
    return content


def read_project(path: Path) -> dict[str, Table]:
    """Return the profiles in ``[tool.envguard.profiles]`` of a ``pyproject.toml``, by name."""
    if not path.exists():
        return {}
    section: Any = read_toml(path)
    for name in ("tool", "envguard"):
        section = section.get(name, {})
        if not isinstance(section, Mapping):
            where = "[tool]" if name == "tool" else "[tool.envguard]"
            raise EnvguardError(f"{path}: {where}: expected a table, got {section!r}")
    profiles = section.get("profiles", {})
    if not isinstance(profiles, Mapping):
        raise EnvguardError(f"{path}: [tool.envguard.profiles] must be a table with one table for each profile")
    tables = {}
    for name, raw in profiles.items():
        where = f"{path}: [tool.envguard.profiles.{name}]"
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise EnvguardError(f"{where}: a profile's name has letters, digits, `.`, `_` and `-`, got {name!r}")
        if not isinstance(raw, Mapping):
            raise EnvguardError(f"{where}: expected a table, got {raw!r}")
        tables[name] = read_table(_nested(_renamed(raw)), where)
    return tables


def _renamed(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a table whose one key with a hyphen may be written as all others are."""
    return {"unset-each" if key == "unset_each" else key: value for key, value in raw.items()}


def _nested(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A project writes dimensions directly into the profile's table; shipped files keep them in a table of their own."""
    own = {key: value for key, value in raw.items() if key not in _KEYS}
    nested = raw.get("dimensions", {})
    if not isinstance(nested, Mapping):
        return raw
    return {**{key: raw[key] for key in _KEYS if key in raw}, "dimensions": {**nested, **own}}


def read_table(raw: Any, where: str) -> Table:
    """Return ``raw`` as a table, every value checked.

    Raises:
        EnvguardError: An unknown key, or a value that the dimension can't have.
    """
    if not isinstance(raw, Mapping):
        raise EnvguardError(f"{where}: expected a table, got {raw!r}")
    raw = _renamed(raw)
    for key in raw:
        if key not in _KEYS:
            raise EnvguardError(f"{where}: no key is named `{key}`", nearest(key, _KEYS))
    inherits = raw.get("inherits")
    if inherits is not None and not isinstance(inherits, str):
        raise EnvguardError(f"{where}: `inherits`: expected the name of a profile, got {inherits!r}")
    sentences = raw.get("not_simulated", [])
    if not isinstance(sentences, (list, tuple)) or not all(isinstance(sentence, str) for sentence in sentences):
        raise EnvguardError(f"{where}: `not_simulated`: expected a list of sentences, got {sentences!r}")
    since = {}
    for version, late in _table(raw, "since", where).items():
        since[read_version(version, f"{where}: `since`")] = _dimensions(late, f"{where}, since {version}")
    return Table(
        where=where,
        dimensions=_dimensions(raw.get("dimensions", {}), where),
        inherits=inherits,
        summary=str(raw.get("summary", "")),
        since=since,
        sources=dict(_table(raw, "sources", where)),
        unverified=dict(_table(raw, "unverified", where)),
        not_simulated=tuple(sentences),
        budgets={name: _budget(name, own, where) for name, own in _table(raw, "budgets", where).items()},
        layout=_layout(raw, where),
        package_size=_package_size(raw, where),
        unset_each=read_unset_each(raw["unset-each"], where) if "unset-each" in raw else None,
    )


def _layout(raw: Mapping[str, Any], where: str) -> dict[str, str]:
    layout = _table(raw, "layout", where)
    for path, what in layout.items():
        if not re.fullmatch(r"(/[^/\0]+)+", path) or {".", ".."} & set(path.split("/")):
            raise EnvguardError(f"{where}: `layout`: expected absolute paths, got {path!r}")
        if not isinstance(what, str):
            raise EnvguardError(f"{where}: `layout.{path}`: expected what lies there, in words, got {what!r}")
    return dict(layout)


def _package_size(raw: Mapping[str, Any], where: str) -> int:
    if "package_size" not in raw:
        return 0
    try:
        return read_size(raw["package_size"])
    except ValueError as error:
        raise EnvguardError(f"{where}: `package_size`: expected {error}, got {raw['package_size']!r}") from None


def _budget(name: str, raw: Any, where: str) -> Budget:
    at = f"{where}: `budgets.{name}`"
    if not isinstance(raw, Mapping):
        raise EnvguardError(f"{at}: expected a table such as `{{ seconds = 10 }}`, got {raw!r}")
    for key in raw:
        if key not in Budget._fields:
            raise EnvguardError(f"{at}: no key is named `{key}`", nearest(key, Budget._fields))
    if "seconds" not in raw:
        raise EnvguardError(f"{at}: `seconds` is missing")
    seconds = raw["seconds"]
    if not is_time(seconds):
        raise EnvguardError(f"{at}: `seconds`: expected a number above zero, got {seconds!r}")
    return Budget(float(seconds))


def _table(raw: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, Mapping):
        raise EnvguardError(f"{where}: `{key}`: expected a table, got {value!r}")
    return value


def read_version(text: str, where: str) -> tuple[int, int]:
    """Return a Python version such as "3.12" (or "python3.12") as a pair of numbers.

    Raises:
        EnvguardError: It isn't one.
    """
    match = re.fullmatch(r"(?:python)?(\d+)\.(\d+)(?:\.\d+)?", text)
    if not match:
        raise EnvguardError(f'{where}: expected a Python version such as "3.12", got {text!r}')
    return int(match[1]), int(match[2])


def _dimensions(raw: Any, where: str) -> dict[str, Value]:
    if not isinstance(raw, Mapping):
        raise EnvguardError(f"{where}: expected a table of dimensions, got {raw!r}")
    for name in raw:
        if name not in DIMENSIONS:
            raise EnvguardError(f"{where}: no dimension is named `{name}`", nearest(name, DIMENSIONS))
    return {name: read(name, value, where) for name, value in raw.items()}
