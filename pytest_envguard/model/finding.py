"""What is known about the packages of a cell before its suite runs, and what advisories say about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MISSING = "missing"
CONFLICT = "conflict"
TOO_OLD = "too old"
PYTHON = "python"
TOO_BIG = "too big"
UNREADABLE = "unreadable"


class Finding(NamedTuple):
    """Something about the packages of a cell that its suite would stumble over.

    Attributes:
        kind: `MISSING`, `CONFLICT` (another version than one that is required), `TOO_OLD` (below what is required), `PYTHON`
            (the interpreter is none that the package allows), `TOO_BIG` (for the platform) or `UNREADABLE` (metadata that
            can't be judged).
        package: The package it is about, normalised: of `MISSING`, `CONFLICT` and `TOO_OLD` the one that is required; "" for
            all together.
        text: A sentence without its full stop.
        by: The package that requires it, normalised; "" where nobody does.
        environment: The profile whose limit is exceeded; "" where it holds in any.
        details: More about it, a line each, such as the largest packages.
    """

    kind: str
    package: str
    text: str
    by: str = ""
    environment: str = ""
    details: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether something is wrong; metadata that nobody can read says nothing about the packages."""
        return self.kind != UNREADABLE

    def __str__(self) -> str:
        return self.text


class Vulnerability(NamedTuple):
    """An advisory about an installed package.

    Attributes:
        package: Normalised name.
        version: The installed one.
        id: The advisory's name, such as "PYSEC-2024-60" or "GHSA-jjg7-2v4v-x38h".
        aliases: Its other names, those of CVE first.
        fixed_in: Versions without it, the oldest first; empty where there is none yet.
        summary: The first sentence of its description, "" if there is none.
    """

    package: str
    version: str
    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()
    summary: str = ""

    @property
    def names(self) -> frozenset[str]:
        """All its names, in capitals."""
        return frozenset(name.upper() for name in (self.id, *self.aliases))

    def __str__(self) -> str:
        alias = f" ({self.aliases[0]})" if self.aliases else ""
        fix = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fixed version"
        return f"{self.package} {self.version}: {self.id}{alias}, {fix}" + (f": {self.summary}" if self.summary else "")


class Ignored(NamedTuple):
    """An advisory that the project has decided to live with.

    Attributes:
        vulnerability: Which.
        reason: Why, as the project wrote it.
        until: Last day (ISO) on which it is ignored; "" for ever.
    """

    vulnerability: Vulnerability
    reason: str
    until: str = ""

    def __str__(self) -> str:
        until = f" until {self.until}" if self.until else ""
        return f"{self.vulnerability.package} {self.vulnerability.version}: {self.vulnerability.id} ignored{until}: {self.reason}"


class Audited(NamedTuple):
    """What an advisory service said about the packages of a cell; about one of them at least.

    Attributes:
        service: Who was asked, such as "PyPI" or "OSV at http://localhost:8077/v1/query".
        vulnerabilities: What was found and isn't ignored, by package and id.
        checked: Normalised name to installed version of the packages that the service was asked about and answered.
        unknown: Packages that the service did not answer about, with its reason.
        kept_back: Packages that were never sent to the service, with the reason, such as "installed from a local folder".
        ignored: What was found and is ignored.
        notes: What a user should know about the answer.
        remembered: Whether the service was asked earlier this day, and not now.
        seconds: What asking took.
    """

    service: str
    vulnerabilities: tuple[Vulnerability, ...]
    checked: Mapping[str, str]
    unknown: Mapping[str, str] = {}
    kept_back: Mapping[str, str] = {}
    ignored: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()
    remembered: bool = False
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether the service answered about every package that is installed."""
        return not self.unknown and not self.kept_back

    def __str__(self) -> str:
        """What was found and how much of the cell that covers: nothing is called clean that nobody looked at."""
        total = len(self.checked) + len(self.unknown) + len(self.kept_back)
        scope = f"audited {len(self.checked)} of {_counted(total, 'package')}"
        gaps = [f"{len(self.unknown)} {_were(self.unknown)} not known to the service"] if self.unknown else []
        gaps += [f"{len(self.kept_back)} {_were(self.kept_back)} not sent"] if self.kept_back else []
        if self.vulnerabilities:
            packages = _counted(len({found.package for found in self.vulnerabilities}), "package")
            said = [f"{_counted(len(self.vulnerabilities), 'vulnerability', 'vulnerabilities')} in {packages}"]
            said += [f"{len(self.ignored)} ignored"] if self.ignored else []
            return "; ".join((*said, *((scope, *gaps) if gaps else ())))
        if self.ignored:
            return "; ".join((f"{scope}, nothing found but {len(self.ignored)} ignored", *gaps))
        if gaps:
            return "; ".join((f"{scope}, nothing found in these", *gaps))
        return f"no known vulnerabilities in {_counted(total, 'package')}"


class NotAudited(NamedTuple):
    """A cell about whose packages nothing is known, which does not mean that there's nothing to know.

    Attributes:
        reason: Why, a sentence without its full stop.
        hint: What to do, "" where there's nothing.
    """

    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"not audited: {self.reason}"


def _were(packages: Mapping[str, str]) -> str:
    return "was" if len(packages) == 1 else "were"


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"
