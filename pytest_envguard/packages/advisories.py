"""What follows from advisories: what is ignored, who has a fix already, whether the run fails. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pytest_envguard.model.finding import Audited, Ignored, NotAudited, Vulnerability

FAIL = ("never", "fixable", "any")


class Service(NamedTuple):
    """Who is asked.

    Attributes:
        name: "pypi" or "osv", as pip-audit calls them.
        url: Where an OSV service answers queries; "" for its own.
    """

    name: str = "pypi"
    url: str = ""

    def __str__(self) -> str:
        if self.name == "pypi":
            return "PyPI"
        return f"OSV at {self.shown_url}" if self.url else "OSV"

    @property
    def shown_url(self) -> str:
        """The URL without a user's name and password."""
        return re.sub(r"(?<=://)[^/@]*@", "", self.url)


class Ignore(NamedTuple):
    """An advisory that the project lives with.

    Attributes:
        id: One of its names.
        until: Last day on which it is ignored; None for ever.
        reason: Why.
    """

    id: str
    until: datetime.date | None
    reason: str


class Elsewhere(NamedTuple):
    """A cell that has a version of the package about which the advisory says nothing.

    Attributes:
        cell: Its name.
        version: The one that is installed there.
    """

    cell: str
    version: str

    def __str__(self) -> str:
        return f"{self.version} in {self.cell}"


class Decision(NamedTuple):
    """Whether a run fails because of advisories.

    Attributes:
        fails: Whether it does.
        reasons: Why, a sentence each.
        warnings: What did not make it fail, and is worth knowing.
    """

    fails: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def service_of(name: str, url: str = "") -> Service:
    """Return the service that ``audit-service`` and ``audit-url`` name; OSV's own path is added to a host without one."""
    host_only = url and "/" not in url.partition("://")[2].rstrip("/")
    return Service(name, f"{url.rstrip('/')}/v1/query" if host_only else url)


# -- what is ignored ---------------------------------------------------------------------------------------------------


def ignoring(audited: Audited, ignores: Iterable[Ignore], today: datetime.date) -> Audited:
    """Return ``audited`` with what the project lives with set apart; an entry whose last day is over ignores nothing."""
    holding = [ignore for ignore in ignores if not _over(ignore, today)]
    kept, ignored = [], []
    for found in audited.vulnerabilities:
        ignore = next((one for one in holding if one.id.upper() in found.names), None)
        if ignore:
            ignored.append(Ignored(found, ignore.reason, ignore.until.isoformat() if ignore.until else ""))
        else:
            kept.append(found)
    return audited._replace(vulnerabilities=tuple(kept), ignored=(*audited.ignored, *ignored))


def expired(ignores: Iterable[Ignore], today: datetime.date) -> tuple[str, ...]:
    """Return a warning for each entry whose last day is over."""
    return tuple(
        f"{one.id} is no longer ignored since {one.until}: {one.reason}" for one in ignores if _over(one, today)
    )


def _over(ignore: Ignore, today: datetime.date) -> bool:
    return ignore.until is not None and today > ignore.until


# -- across cells ------------------------------------------------------------------------------------------------------


def fixed_elsewhere(
    audits: Mapping[str, Audited | NotAudited],
) -> dict[str, dict[Vulnerability, tuple[Elsewhere, ...]]]:
    """Return by cell, for each of its vulnerabilities, which other cells have a version that doesn't have it.

    Only a cell whose package the service answered about counts, and only another version: what an advisory says of a
    version it says of it everywhere. That a finding is ignored there doesn't make it go away.
    """
    found: dict[str, dict[Vulnerability, tuple[Elsewhere, ...]]] = {}
    for cell, audited in audits.items():
        if isinstance(audited, Audited):
            found[cell] = {one: tuple(_without(one, audits)) for one in _all_of(audited)}
    return found


def _without(vulnerability: Vulnerability, audits: Mapping[str, Audited | NotAudited]) -> Iterable[Elsewhere]:
    for cell, audited in audits.items():
        version = audited.checked.get(vulnerability.package) if isinstance(audited, Audited) else None
        if isinstance(audited, NotAudited) or version is None or version == vulnerability.version:
            continue
        there = (one for one in _all_of(audited) if one.package == vulnerability.package)
        if not any(one.names & vulnerability.names for one in there):
            yield Elsewhere(cell, version)


def _all_of(audited: Audited) -> tuple[Vulnerability, ...]:
    return (*audited.vulnerabilities, *(one.vulnerability for one in audited.ignored))


def decide(audits: Mapping[str, Audited | NotAudited], fail: str) -> Decision:
    """Return whether a run fails because of what its cells have installed.

    With "any" a cell that could not be audited fails the run as well: nobody can say that there is nothing. With "fixable"
    it's a warning, because a fix that nobody knows of can't be installed. Packages that the service doesn't know, in a cell
    that it otherwise answered about, are a warning: a private package would fail every run.

    Args:
        audits: Cell to its answer, what is ignored set apart.
        fail: One of `FAIL`.
    """
    reasons: list[str] = []
    warnings: list[str] = []
    for vulnerability, cells in _by_vulnerability(audits).items():
        failing = fail == "any" or (fail == "fixable" and bool(vulnerability.fixed_in))
        (reasons if failing else warnings).append(f"{vulnerability} ({_in_cells(cells)})")
    for reason, cells in _grouped(
        (str(one), cell) for cell, one in audits.items() if isinstance(one, NotAudited)
    ).items():
        (reasons if fail == "any" else warnings).append(f"{reason} ({_in_cells(cells)})")
    gaps = ((name, cell) for cell, one in audits.items() if isinstance(one, Audited) for name in one.unknown)
    for name, cells in _grouped(gaps).items():
        warnings.append(f"{name} is not known to the service and was not audited ({_in_cells(cells)})")
    return Decision(bool(reasons), tuple(reasons), tuple(warnings))


def _by_vulnerability(audits: Mapping[str, Audited | NotAudited]) -> dict[Vulnerability, list[str]]:
    found: dict[Vulnerability, list[str]] = {}
    for cell, audited in audits.items():
        for vulnerability in audited.vulnerabilities if isinstance(audited, Audited) else ():
            found.setdefault(vulnerability, []).append(cell)
    return found


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, cell in pairs:
        found.setdefault(key, []).append(cell)
    return found


def _in_cells(cells: list[str]) -> str:
    return f"in {cells[0]}" if len(cells) == 1 else f"in {len(cells)} cells: {', '.join(cells)}"
