"""The packages of every cell: what can be known before the suite runs, and what advisories say while it does."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping

import pytest

from pytest_envguard import options
from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.activation import interpreter
from pytest_envguard.matrix.settings import Settings
from pytest_envguard.model.cell import Ready
from pytest_envguard.model.finding import Audited, Finding, NotAudited
from pytest_envguard.model.profile import Profile
from pytest_envguard.packages.advisories import Decision, decide, expired, ignoring, service_of
from pytest_envguard.packages.audit import Auditor
from pytest_envguard.packages.installed import Distribution, installed
from pytest_envguard.packages.preflight import contradictions
from pytest_envguard.packages.size import deployment, too_big


class Packages:
    """What is installed in the cells of a run.

    Attributes:
        findings: Cell to what its suite would stumble over.
        audits: Cell to what advisories say; empty until they were asked.
        decision: Whether the run fails because of them; None until they were asked.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        cells: Iterable[Ready],
        elsewhere: Callable[[bool], Mapping[str, tuple[Distribution, ...]]] | None = None,
    ) -> None:
        """Look what is installed.

        Args:
            config: pytest's.
            settings: The project's.
            cells: All that are ready.
            elsewhere: Returns what is installed in those on other machines, with sizes or without.
        """
        self._config = config
        self._settings = settings
        self._cells = list(cells)
        self._auditor: Auditor | None = None
        self.findings: dict[str, tuple[Finding, ...]] = {}
        self.audits: dict[str, Audited | NotAudited] = {}
        self.decision: Decision | None = None
        self._expired: tuple[str, ...] = ()
        sizes = settings.preflight != "off"
        wanted = sizes or self._audits()
        there = elsewhere(sizes) if elsewhere and wanted else {}
        here = [cell for cell in self._cells if cell.cell.name not in there] if wanted else []
        self._installed = {**{cell.cell.name: installed(cell.path, sizes=sizes) for cell in here}, **there}

    def look(self, profiles: Mapping[tuple[int, int], Iterable[Profile]]) -> None:
        """Compare the metadata of each cell with itself, its interpreter and the limits of the profiles.

        Args:
            profiles: Version of an interpreter to the profiles of the run for it.

        Raises:
            EnvguardError: Something doesn't fit, and the project wants to know before the suite runs.
        """
        if self._settings.preflight == "off":
            return
        for cell in self._cells:
            found = _findings(cell, self._installed[cell.cell.name], profiles[interpreter(cell)])
            if found:
                self.findings[cell.cell.name] = found
        certain = {name: [finding for finding in found if finding.certain] for name, found in self.findings.items()}
        lines = [f"{name}: {finding}" for name, found in certain.items() for finding in found]
        if lines and self._settings.preflight == "fail":
            raise EnvguardError(
                "\n".join(['packages do not fit together, or not the platform (`preflight = "fail"`):', *lines]),
                'with `preflight = "warn"` the tests run all the same',
            )

    def _audits(self) -> bool:
        asked = self._config.getoption(options.AUDIT.name) or self._config.getini(options.AUDIT.name)
        return bool(asked or self._settings.audit)

    def begin(self) -> None:
        """Begin to ask about advisories, if the user wants it, while the tests run."""
        if not self._audits():
            return
        from pytest_envguard.matrix.store import open_store

        store = open_store()

        def recall(kind: str, key: str, age: float) -> object:
            found = store.recall(kind, key, age)
            return found.value if found else None

        service = service_of(self._settings.audit_service, self._settings.audit_url)
        self._auditor = Auditor(service, recall, store.remember)
        # This plugin is in a cell because of the tests, from a wheel of its own, which no service knows.
        wanted = {
            name: [one for one in found if one.name != "pytest-envguard" or not one.origin]
            for name, found in self._installed.items()
        }
        self._auditor.start(wanted)

    def conclude(self, *, interrupted: bool) -> None:
        """Wait for the answers, or ask no further where the user has interrupted the run."""
        if self._auditor is None:
            return
        if interrupted:
            self._auditor.stop()
        today = datetime.datetime.now(datetime.timezone.utc).date()
        ignores = self._settings.audit_ignore
        self.audits = {
            name: ignoring(answer, ignores, today) if isinstance(answer, Audited) else answer
            for name, answer in self._auditor.results().items()
        }
        self.decision = decide(self.audits, self._settings.audit_fail)
        self._expired = expired(ignores, today)

    def lines(self) -> list[str]:
        """Return what a user must know about the audit besides what was found: entries that are over, and a failed run."""
        lines = [f"warning: {text}" for text in self._expired]
        if self.decision and self.decision.fails:
            lines.append(f'the run fails because of (audit-fail = "{self._settings.audit_fail}"):')
            lines += [f"  {reason}" for reason in self.decision.reasons]
        return lines


def _findings(cell: Ready, found: tuple[Distribution, ...], profiles: Iterable[Profile]) -> tuple[Finding, ...]:
    asked = [*cell.cell.pins, *cell.cell.extra]
    findings = list(contradictions(found, cell.version, asked))
    deployed = deployment(found, cell.version, asked)
    for profile in profiles:
        if profile.package_size:
            findings += filter(None, [too_big(deployed, profile.package_size, profile.name)])
    return tuple(findings)
