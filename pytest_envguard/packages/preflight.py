"""What can be known before the suite runs: packages that are missing, too old, or not for this interpreter. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envguard.model.finding import CONFLICT, MISSING, PYTHON, TOO_OLD, UNREADABLE, Finding
from pytest_envguard.packages.cuda import mismatched
from pytest_envguard.packages.installed import Distribution
from pytest_envguard.packages.requirements import Need, needs

_FROM_BELOW = (">=", ">", "~=")


def contradictions(
    distributions: Iterable[Distribution], python: str, asked: Iterable[str] = ()
) -> tuple[Finding, ...]:
    """Return where the distributions of a cell contradict each other, the interpreter or the user.

    Args:
        distributions: All that are installed.
        python: The interpreter's version, such as "3.12.1".
        asked: What the user asked for, as in ``litellm[proxy]==1.53.9``; an extra that nobody asks for isn't looked at.
    """
    known = {distribution.name: distribution for distribution in distributions}
    found = [finding for one in known.values() if (finding := _for_python(one, python))]
    for by, wanted in needs(known.values(), python, asked).items():
        found += [finding for need in wanted if (finding := _unmet(need, known.get(by), known))]
    found += mismatched(known.values())
    return tuple(dict.fromkeys(found))


def _for_python(one: Distribution, python: str) -> Finding | None:
    """Return what the interpreter is wrong with; `Requires-Python` that can't be read is no limit, as for pip and uv."""
    try:
        fits = SpecifierSet(one.requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return None
    if fits:
        return None
    return Finding(PYTHON, one.name, f"{one.name} {one.version} needs Python {one.requires_python}, this is {python}")


def _unmet(need: Need, by: Distribution | None, known: dict[str, Distribution]) -> Finding | None:
    who = f"{by.name} {by.version} needs" if by else "asked for:"
    if need.requirement is None:
        return Finding(UNREADABLE, need.by, f"{who} {need.text!r}, which is no requirement that can be read", need.by)
    name = canonicalize_name(need.requirement.name)
    there = known.get(name)
    if there is None:
        return Finding(MISSING, name, f"{who} {need.text}, not installed", need.by)
    if need.requirement.url:  # which version lies there isn't known
        return None
    try:
        version = Version(there.version)
    except InvalidVersion:
        text = f"{who} {need.text}, and the installed version {there.version!r} can't be compared"
        return Finding(UNREADABLE, name, text, need.by)
    # A pre-release that is installed was asked for: only its number counts, as for `pip check`.
    if need.requirement.specifier.contains(version, prereleases=True):
        return None
    kind = TOO_OLD if _below(need.requirement.specifier, version) else CONFLICT
    return Finding(kind, name, f"{who} {need.text}, installed is {there.version}", need.by)


def _below(specifiers: SpecifierSet, version: Version) -> bool:
    """Whether ``version`` is refused because it's too old, and for nothing else."""
    refusing = [one for one in specifiers if not one.contains(version, prereleases=True)]
    return all(one.operator in _FROM_BELOW and version <= Version(one.version) for one in refusing)
