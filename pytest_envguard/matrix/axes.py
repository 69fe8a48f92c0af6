"""Which versions are asked for: on the command line, in a table of ``pyproject.toml`` and in a marker.

One axis is ``NAME==CHOICE,CHOICE…`` or ``NAME`` with a PEP 440 specifier; a table has the same behind a package's name::

    litellm==1.53.9,1.75.5,latest
    litellm>=1.70,<1.80                 # each minor's last release
    python==3.11,3.12
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.cell import PYTHON

Kind = Literal["exact", "latest", "lowest", "range"]
Strategy = Literal["all", "pairwise"]

DEFAULT = "default"  # the set that ``[tool.envguard.versions]`` itself is
RELEASE = "release"  # `as-of`: the day on which a cell's newest pinned release came out
OLDEST_PYTHON = (3, 10)  # what the plugin itself needs
KEYS = ("as-of", "exclude", "include", "strategy", "with")  # a set's keys that are no axes

_HOW = "an axis is written `litellm==1.53.9,latest` or `litellm>=1.70,<1.80`"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_OPERATOR = r"\s*(===|==|~=|!=|<=|>=|<|>|)\s*(.*?)\s*"


class Choice(NamedTuple):
    """One entry of an axis.

    Attributes:
        kind: "exact" is one version, "latest" and "lowest" the newest and oldest release that the project's own requirements
            allow, "range" each minor's last release in it.
        text: The version as PEP 440 normalises it, "latest", "lowest", or the specifier without spaces.
    """

    kind: Kind
    text: str


class Axis(NamedTuple):
    """One dimension of a matrix.

    Attributes:
        name: A package's normalised name, or `PYTHON`.
        choices: What was asked for, in this order, each once.
    """

    name: str
    choices: tuple[Choice, ...]


class Included(NamedTuple):
    """One cell besides the combinations of the axes.

    Attributes:
        versions: Package (or `PYTHON`) to choice, never a range; it needn't be an axis.
        as_of: Like that of `VersionSet`, which holds where this is "".
        extra: Requirements besides those of the set.
    """

    versions: tuple[tuple[str, Choice], ...]
    as_of: str = ""
    extra: tuple[str, ...] = ()


class VersionSet(NamedTuple):
    """The versions of a run.

    Attributes:
        name: Its table's, `DEFAULT`, or "" where no table was named.
        where: File and table, or the option, for messages.
        axes: In the order of the report.
        strategy: "all" combinations, or "pairwise": any two versions of different axes meet in a cell.
        as_of: "" for today, an ISO date, or `RELEASE`.
        extra: Further requirements of every cell.
        exclude: A combination is left out if all items of an entry match it.
        include: Further cells.
    """

    name: str
    where: str
    axes: tuple[Axis, ...] = ()
    strategy: Strategy = "all"
    as_of: str = ""
    extra: tuple[str, ...] = ()
    exclude: tuple[tuple[tuple[str, Choice], ...], ...] = ()
    include: tuple[Included, ...] = ()


def read_asked(
    texts: Sequence[str], sets: Mapping[str, VersionSet], where: str = "`--envguard-versions`"
) -> VersionSet:
    """Return what all ``texts`` ask for together.

    An axis replaces the one of the same name in the set that is named; then the set's ``include`` entries that pin this package
    are left out as well, for they'd bring back versions that weren't asked for.

    Args:
        texts: Each an axis, ``as-of=DATE``, ``as-of=release``, ``strategy=all``, ``strategy=pairwise``, ``with=REQUIREMENT``, or
            the name of a set.
        sets: The project's, by name.
        where: What the texts come from, for messages.

    Raises:
        EnvguardError: A text that can't be read, an unknown set, two sets, or no axis at all.
    """
    named: dict[str, VersionSet] = {}
    options: dict[str, str] = {}
    axes: dict[str, Axis] = {}
    extra: dict[str, None] = {}
    for text in filter(None, map(str.strip, texts)):
        further = re.fullmatch(r"with\s*=(?!=)\s*(.*)", text)
        option = re.fullmatch(r"(as[-_]of|strategy)\s*=+\s*(.*)", text)
        if further:
            extra.update(dict.fromkeys(_requirements([further[1]], f"{where}: `{text}`")))
        elif option:
            key = option[1].replace("_", "-")
            value = (
                _strategy(option[2], f"{where}: `{text}`")
                if key == "strategy"
                else _day(option[2], f"{where}: `{text}`")
            )
            if options.setdefault(key, value) != value:
                raise EnvguardError(f"{where}: `{key}` is both `{options[key]}` and `{value}`", "leave one of them out")
        elif re.search(r"[=<>!~]", text):
            axis = read_axis(text, where)
            before = axes[axis.name].choices if axis.name in axes else ()
            axes[axis.name] = Axis(axis.name, _each_once((*before, *axis.choices)))
        else:
            named[text] = _named(text, sets, where)
    if len(named) > 1:
        both = " and ".join(f"`{name}`" for name in named)
        raise EnvguardError(
            f"{where}: one run has one set of versions, got {both}", "name one; further axes can be added to it"
        )
    if not named and not axes:
        raise EnvguardError(f"{where}: names no axis and no set", _known(sets))
    (base,) = named.values() or (VersionSet("", where),)
    return base._replace(
        axes=tuple({**{axis.name: axis for axis in base.axes}, **axes}.values()),
        strategy=_strategy(options.get("strategy", base.strategy), where),
        as_of=options.get("as-of", base.as_of),
        extra=tuple(dict.fromkeys((*base.extra, *extra))),
        include=tuple(entry for entry in base.include if not axes.keys() & dict(entry.versions).keys()),
    )


def _named(name: str, sets: Mapping[str, VersionSet], where: str) -> VersionSet:
    if name not in sets:
        raise EnvguardError(f"{where}: no set of versions is named `{name}`", _known(sets, name))
    return sets[name]


def _known(sets: Mapping[str, VersionSet], name: str = "") -> str:
    if not sets:
        return f"{_HOW}; a set of them is a table in pyproject.toml, `[tool.envguard.versions]`"
    return f"{nearest(name, sets) if name else 'sets: ' + ', '.join(sorted(sets))}; {_HOW}"


def read_axis(text: str, where: str) -> Axis:
    """Return the axis that ``text`` is, such as ``litellm==1.53.9,latest`` or ``litellm>=1.70,<1.80``.

    Raises:
        EnvguardError: It isn't one, it names no version, or one that can't be.
    """
    at = f"{where}: `{text}`"
    match = re.fullmatch(r"\s*([^=<>!~]*?)\s*([=<>!~].*)", text, re.DOTALL)
    if not match:
        raise EnvguardError(f"{at}: no version is named", _HOW)
    name, specifier = match.groups()
    if "[" in name:
        raise EnvguardError(
            f"{at}: an axis is a package without extras",
            f'write `{name.partition("[")[0].strip()}{specifier}`, and `with = ["{name}"]` in a set of pyproject.toml',
        )
    if re.match(r"=(?!=)|===", specifier):
        raise EnvguardError(f"{at}: versions stand behind `==`", f"write `{name}=={specifier.lstrip('= ')}`")
    return Axis(_name(name, at), _checked(name, read_choices(specifier, at), at))


def read_set(name: str, raw: Mapping[str, Any], where: str) -> VersionSet:
    """Return the set that a table (or a marker's dictionary) is: strings and lists are axes, except for `KEYS`.

    Raises:
        EnvguardError: A key or a value that can't be, or a table that gives neither an axis nor ``include``.
    """
    axes: dict[str, Axis] = {}
    for key, value in raw.items():
        if key in KEYS:
            continue
        axis = _axis(key, value, where)
        if axis.name in axes:
            raise EnvguardError(
                f"{where}: the axis `{axis.name}` is there twice", "spelling and case make no difference"
            )
        axes[axis.name] = axis
    include = tuple(_included(entry, at) for entry, at in _entries(raw, "include", where))
    if not axes and not include:
        raise EnvguardError(f"{where}: has no axis", 'for example `litellm = ["1.53.9", "latest"]`')
    return VersionSet(
        name=name,
        where=where,
        axes=tuple(axes.values()),
        strategy=_strategy(raw.get("strategy", "all"), f"{where}: `strategy`"),
        as_of=_day(raw["as-of"], f"{where}: `as-of`") if "as-of" in raw else "",
        extra=_requirements(raw.get("with", []), f"{where}: `with`"),
        exclude=tuple(_excluded(entry, at) for entry, at in _entries(raw, "exclude", where)),
        include=include,
    )


def _axis(key: str, value: object, where: str) -> Axis:
    at = f"{where}: `{key}`"
    if isinstance(value, Mapping):
        raise EnvguardError(f"{at}: a set of versions has no tables in it, got {value!r}", _meant(key))
    name = _name(key, where)
    if name in KEYS:
        raise EnvguardError(f"{where}: no key is named `{key}`", f"did you mean `{name}`?")
    choices: list[Choice] = []
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        choices += read_choices(_text(entry, at, "a version", _meant(key)), at, _meant(key))
    if not choices:
        raise EnvguardError(f"{at}: no version is named", f'for example `{key} = ["1.53.9", "latest"]`')
    return Axis(name, _checked(name, _each_once(choices), at))


def _meant(key: str) -> str:
    """A misspelt key looks like an axis; say so where a value makes no sense as one."""
    import difflib

    close = difflib.get_close_matches(key.lower(), KEYS, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`? `{key}` is read as a package's name" if close else ""


def _entries(raw: Mapping[str, Any], key: str, where: str) -> list[tuple[Mapping[str, Any], str]]:
    entries = raw.get(key, [])
    if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in entries):
        raise EnvguardError(
            f'{where}: `{key}`: expected a list of tables such as `[{{litellm = "1.53.9"}}]`, got {entries!r}'
        )
    return [(entry, f"{where}: `{key}`, entry {number}") for number, entry in enumerate(entries, 1)]


def _excluded(entry: Mapping[str, Any], at: str) -> tuple[tuple[str, Choice], ...]:
    return _pairs(entry, at, "a version or one specifier")


def _included(entry: Mapping[str, Any], at: str) -> Included:
    pairs = _pairs({key: value for key, value in entry.items() if key not in ("as-of", "with")}, at, "one version")
    for name, choice in pairs:
        _checked(name, (choice,), f"{at}: `{name}`")
        if choice.kind == "range":
            raise EnvguardError(
                f"{at}: `{name}`: a cell has one version, got {choice.text!r}", "give an axis the range"
            )
    return Included(
        versions=pairs,
        as_of=_day(entry["as-of"], f"{at}: `as-of`") if "as-of" in entry else "",
        extra=_requirements(entry.get("with", []), f"{at}: `with`"),
    )


def _pairs(entry: Mapping[str, Any], at: str, expected: str) -> tuple[tuple[str, Choice], ...]:
    pairs: dict[str, Choice] = {}
    for key, value in entry.items():
        name = _name(key, at)
        choices = read_choices(_text(value, f"{at}: `{key}`", expected), f"{at}: `{key}`")
        if len(choices) != 1:
            raise EnvguardError(f"{at}: `{key}`: expected {expected}, got {value!r}", "write an entry for each")
        if name in pairs:
            raise EnvguardError(f"{at}: `{name}` is there twice", "spelling and case make no difference")
        pairs[name] = choices[0]
    if not pairs:
        raise EnvguardError(f"{at}: names no version", 'for example `{litellm = "1.53.9"}`')
    return tuple(pairs.items())


def read_choices(text: str, at: str, hint: str = "") -> tuple[Choice, ...]:
    """Return what stands behind an axis's name: versions, ``latest``, ``lowest``, ``1.53.*``, or one specifier.

    Args:
        text: Such as "==1.53.9,latest", "1.53.9" or ">=1.70,<1.80".
        at: Where it stands, for messages.
        hint: What to do where it can't be read.

    Raises:
        EnvguardError: It can't be read, or has nothing in it.
    """
    pieces = [_split(piece) for piece in text.split(",")]
    pieces = [(operator, version) for operator, version in pieces if version or operator not in ("", "==")]
    if not pieces:
        raise EnvguardError(f"{at}: no version is named", _HOW)
    if all(operator in ("", "==") for operator, _ in pieces):
        return _each_once(_listed(version, at, hint) for _, version in pieces)
    for operator, version in pieces:
        if operator in ("", "===") or (operator == "==" and not version.endswith(".*")):
            raise EnvguardError(
                f"{at}: a range has no single versions such as `{operator}{version}` in it",
                "give each an entry of its own: repeat the option, or add an element to the list",
            )
        _specifier(operator + version, at, hint)
    return (Choice("range", ",".join(operator + version for operator, version in pieces)),)


def _split(piece: str) -> tuple[str, str]:
    match = re.fullmatch(_OPERATOR, piece, re.DOTALL)
    assert match  # all of it is optional
    return match[1], match[2]


def _listed(text: str, at: str, hint: str) -> Choice:
    if text.lower() == "latest":
        return Choice("latest", "latest")
    if text.lower() == "lowest":
        return Choice("lowest", "lowest")
    if text.endswith(".*"):
        return Choice("range", _specifier(f"=={text}", at, hint))
    try:
        return Choice("exact", str(Version(text)))
    except InvalidVersion:
        raise EnvguardError(
            f"{at}: expected a version such as 1.53.9, `latest` or `lowest`, got {text!r}", hint
        ) from None


def _specifier(text: str, at: str, hint: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        expected = "expected a PEP 440 specifier such as `>=1.70` or `~=1.70`"
        raise EnvguardError(f"{at}: {expected}, got {text!r}", hint) from None
    return text


def _each_once(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return ``choices`` without those that are there already; 1.0 and 1.0.0 are one version."""
    kept: dict[Version | Choice, Choice] = {}
    for choice in choices:
        kept.setdefault(Version(choice.text) if choice.kind == "exact" else choice, choice)
    return tuple(kept.values())


def _checked(name: str, choices: tuple[Choice, ...], at: str) -> tuple[Choice, ...]:
    """Return the choices of an axis; those of interpreters are minor versions that the plugin runs on."""
    if name.lower() != PYTHON:
        return choices
    for choice in choices:
        match = re.fullmatch(r"(\d+)\.(\d+)", choice.text)
        if not match:
            raise EnvguardError(
                f"{at}: expected a Python version such as 3.12, got {choice.text!r}",
                "name each interpreter: `python==3.11,3.12`; which patch release it is, is the machine's business",
            )
        if (int(match[1]), int(match[2])) < OLDEST_PYTHON:
            oldest = ".".join(map(str, OLDEST_PYTHON))
            raise EnvguardError(
                f"{at}: Python {choice.text} is too old: pytest-envguard needs {oldest} in every cell",
                "leave it out",
            )
    return choices


def _name(text: str, at: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise EnvguardError(f"{at}: expected a package's name, got {text!r}", _HOW)
    return canonicalize_name(text)


def _strategy(raw: object, at: str) -> Strategy:
    for known in get_args(Strategy):
        if raw == known:
            strategy: Strategy = known
            return strategy
    raise EnvguardError(f"{at}: expected `all` or `pairwise`, got {raw!r}")


def read_date(raw: object) -> datetime.date | None:
    """Return a TOML date, or an ISO date in a string; None if it's neither."""
    if isinstance(raw, datetime.date) and not isinstance(raw, datetime.datetime):
        return raw
    if isinstance(raw, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", raw):
        try:
            return datetime.date.fromisoformat(raw)
        except ValueError:
            return None
    return None


def _day(raw: object, at: str) -> str:
    if raw == RELEASE:
        return RELEASE
    day = read_date(raw)
    if day is None:
        raise EnvguardError(f"{at}: expected a date such as 2024-06-20, or `release`, got {_shown(raw)}")
    return day.isoformat()


def _requirements(raw: object, at: str) -> tuple[str, ...]:
    if not isinstance(raw, (list, tuple)):
        raise EnvguardError(f'{at}: expected a list of requirements such as `["setuptools<81"]`, got {raw!r}')
    for text in raw:
        try:
            Requirement(_text(text, at, "a requirement"))
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise EnvguardError(
                f"{at}: expected a requirement such as `setuptools<81`, got {text!r}: {reason}"
            ) from None
    return tuple(text.strip() for text in raw)


def _text(raw: object, at: str, expected: str, hint: str = "") -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        hint = hint or f'write it in quotes: "{raw}" (TOML reads 3.10 as the number 3.1)'
    raise EnvguardError(f"{at}: expected {expected} in a string, got {_shown(raw)}", hint)


def _shown(raw: object) -> str:
    return raw.isoformat() if isinstance(raw, (datetime.date, datetime.time)) else repr(raw)
