"""Which requirements of installed distributions hold for an interpreter: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_envguard.packages.installed import Distribution

# Nine of ten requirements belong to an extra, nearly always written as one of these. Whoever did not ask for the extra
# does not need the requirement, and reading it is what takes the time.
_OF_EXTRA = re.compile(r"""(?:^|\band)\s*\(?\s*extra\s*==\s*["']([\w.\s-]+)["']\s*\)?\s*$""")
_OR = re.compile(r"\bor\b")


class Need(NamedTuple):
    """Something that is required.

    Attributes:
        by: The distribution that requires it, normalised; "" for the user.
        text: As it is written, without its marker.
        requirement: As it was read; None if it can't be.
    """

    by: str
    text: str
    requirement: Requirement | None

    @property
    def name(self) -> str:
        """What is required, normalised; "" if that can't be read."""
        return canonicalize_name(self.requirement.name) if self.requirement else ""


def environment(python: str) -> dict[str, str]:
    """Return what markers are compared with: this machine, and CPython ``python`` (such as "3.12.1")."""
    here = {name: str(value) for name, value in default_environment().items()}
    return {
        **here,
        "python_version": ".".join(re.findall(r"\d+", python)[:2]),
        "python_full_version": python,
        "implementation_version": python,
    }


def needs(distributions: Iterable[Distribution], python: str, asked: Iterable[str] = ()) -> dict[str, tuple[Need, ...]]:
    """Return what each distribution requires, by its name; extras count where somebody asks for them.

    Args:
        distributions: All that are installed.
        python: The interpreter's version, such as "3.12.1".
        asked: What the user asked for, as in ``litellm[proxy]==1.53.9``; under "". What is no requirement (an option of
            pip's, a folder) is passed over.
    """
    known = {distribution.name: distribution for distribution in distributions}
    markers = environment(python)
    found = {"": tuple(need for need in _active("", tuple(asked), frozenset(), markers) if need.requirement)}
    extras: dict[str, frozenset[str]] = dict.fromkeys(known, frozenset())
    waiting = [*known]
    _ask(found[""], extras, waiting)
    while waiting:
        name = waiting.pop(0)
        found[name] = _active(name, known[name].requires, extras[name], markers)
        _ask(found[name], extras, waiting)
    return found


def _ask(wanting: Iterable[Need], extras: dict[str, frozenset[str]], waiting: list[str]) -> None:
    """Add the extras that are asked for; a distribution of which a new one is has to be looked at again."""
    for need in wanting:
        if need.requirement and need.requirement.extras and need.name in extras:
            wanted = extras[need.name].union(map(canonicalize_name, need.requirement.extras))
            if wanted != extras[need.name]:
                extras[need.name] = wanted
                waiting.append(need.name)


def _active(by: str, requires: tuple[str, ...], extras: frozenset[str], markers: Mapping[str, str]) -> tuple[Need, ...]:
    found = []
    for text in requires:
        written, _, marker = text.partition(";")
        of_extra = _OF_EXTRA.search(marker)
        if of_extra and not _OR.search(marker) and canonicalize_name(of_extra[1]) not in extras:
            continue
        requirement = _read(text)
        if requirement is None or _holds(requirement, extras, markers):
            found.append(Need(by, re.sub(r"[\s()]", "", written), requirement))
    return tuple(dict.fromkeys(found))


@cache
def _read(text: str) -> Requirement | None:
    """Read a requirement; cells have most of theirs in common."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _holds(requirement: Requirement, extras: frozenset[str], markers: Mapping[str, str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in ("", *sorted(extras)))
