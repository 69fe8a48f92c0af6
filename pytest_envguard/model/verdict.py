"""What happened to tests in environments, and what that means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from pytest_envguard.model.budget import Figure
from pytest_envguard.model.evidence import Evidence
from pytest_envguard.model.refusal import Refusal, grouped

OWN_ENVIRONMENT = "envguard_environment"  # attribute of a test's reports


class Outcome(NamedTuple):
    """How a test ended in one environment.

    Attributes:
        word: "passed", "failed", "error" (in setup, teardown or collection), "skipped", "xfailed" or "xpassed".
        message: First line of what went wrong, "" if nothing did.
        own_environment: The environment that the test asks for itself, by marker or fixtures; "" for others.
        place: File, relative to pytest's root, and line at which the test failed; None where nothing did.
    """

    word: str
    message: str = ""
    own_environment: str = ""
    place: tuple[str, int] | None = None

    @classmethod
    def of(cls, report: Any) -> Outcome:
        """Return the outcome that a report of pytest's stands for."""
        own = getattr(report, OWN_ENVIRONMENT, "")
        if report.passed:
            return cls("xpassed" if hasattr(report, "wasxfail") else "passed", "", own)
        if report.skipped:
            return cls("xfailed" if hasattr(report, "wasxfail") else "skipped", "", own)
        when = getattr(report, "when", "collect")
        return cls("failed" if when in ("call", "???") else "error", _first_line(report), own, _place(report))

    @classmethod
    def passed(cls) -> Outcome:
        """Return the outcome of a test that has nothing to tell."""
        return cls("passed")

    @classmethod
    def crashed(cls, message: str) -> Outcome:
        """Return the outcome of a test whose process died."""
        return cls("failed", message)

    @property
    def bad(self) -> bool:
        """Whether it makes the run fail."""
        return self.word in ("failed", "error")

    @property
    def passes(self) -> bool:
        """Whether it came to its end, all being well."""
        return self.word in ("passed", "xpassed")

    @property
    def fine(self) -> bool:
        """Whether it ended as it should; one that is skipped has shown nothing."""
        return self.passes or self.word == "xfailed"


def _first_line(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    lines = [line for line in text.splitlines() if line.strip()]
    # A collection error is one long text whose last line names the exception.
    collecting = crash is None and getattr(report, "when", "collect") == "collect"
    return (_last_error(lines) if collecting else (lines or [""])[0]).strip()


def _last_error(lines: list[str]) -> str:
    marked = [line[1:] for line in lines if line.startswith("E ")]
    return (marked or lines or [""])[-1]


def _place(report: Any) -> tuple[str, int] | None:
    """Return where in the test's own file it went wrong: the last line of that file in the traceback, else the test's.

    Other files have names that mean something only where the test ran, or aren't the project's.
    """
    file, first, _ = report.location
    if not file:
        return None
    line = None if first is None else first + 1  # pytest counts from 0
    traceback = getattr(report.longrepr, "reprtraceback", None)
    if traceback is not None:
        places = [place for entry in traceback.reprentries if (place := getattr(entry, "reprfileloc", None))]
        lines = [place.lineno for place in places if f"/{place.path}".endswith(f"/{file}")]
    else:
        lines = [
            int(number) for number in re.findall(rf"^{re.escape(file)}:(\d+): in ", str(report.longrepr), re.MULTILINE)
        ]
    return file, lines[-1] if lines else line or 1


_WORSE = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")


class Resources(NamedTuple):
    """What the workers of an environment used.

    Attributes:
        seconds: From the start of the session to the end of the last worker.
        peak_memory: Bytes, the largest resident size of a single process (worker or child).
        peak_tmp: Bytes in ``/tmp`` after the test that left most there.
    """

    seconds: float = 0.0
    peak_memory: int = 0
    peak_tmp: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any], seconds: float) -> Resources:
        """Return what a worker told when it ended."""
        return cls(seconds, int(told.get("peak_memory", 0)), int(told.get("peak_tmp", 0)))

    def and_worker(self, other: Resources) -> Resources:
        """Return the larger of each figure."""
        return Resources(
            max(self.seconds, other.seconds),
            max(self.peak_memory, other.peak_memory),
            max(self.peak_tmp, other.peak_tmp),
        )


class Broken(NamedTuple):
    """An environment that was not what its plan promised, or in which pytest itself failed."""

    promises: tuple[str, ...]


@dataclass
class Run:
    """All that happened in one environment.

    Attributes:
        outcomes: Plain node id to how it ended; of several phases the worst.
        collected: Node ids that its workers collected; None as long as none of them did.
        deaths: Why workers of it died.
        refusals: Plain node id of a test, or of a file that was imported, to what was refused there.
        unwatched: Why refusals were not listed; "" if they were.
        evidence: Plain node id of a test, or of a file that could not be imported, to what its first failure left behind.
        seconds: Plain node id to how long its phases took together.
        figures: Plain node id to what was measured in the test.
    """

    environment: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    broken: Broken | None = None
    collected: tuple[str, ...] | None = None
    deaths: list[str] = field(default_factory=list)
    refusals: dict[str, tuple[Refusal, ...]] = field(default_factory=dict)
    unwatched: str = ""
    evidence: dict[str, Evidence] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, tuple[Figure, ...]] = field(default_factory=dict)

    def check_complete(self) -> None:
        """Call it broken if tests are missing: an environment that nothing ran in must not look green."""
        missing = [nodeid for nodeid in self.collected or () if nodeid not in self.outcomes]
        if self.broken or (self.collected is not None and not missing):
            return
        what = "no worker collected any test" if self.collected is None else f"{len(missing)} tests did not run"
        self.broken = Broken((what, *dict.fromkeys(self.deaths)))

    def add(self, nodeid: str, outcome: Outcome) -> None:
        """Note one phase of a test."""
        known = self.outcomes.get(nodeid)
        if known is None or _WORSE.index(outcome.word) > _WORSE.index(known.word):
            self.outcomes[nodeid] = outcome

    def refused(self, nodeid: str, found: Iterable[Sequence[Any]]) -> None:
        """Note what was refused to a test, or while a file was imported, as reports carry it."""
        refusals = tuple(Refusal(*fields) for fields in found)
        self.refusals[nodeid] = grouped((*self.refusals.get(nodeid, ()), *refusals))

    def left_behind(self, nodeid: str, sent: Sequence[Any]) -> None:
        """Note the evidence of a failure, as reports carry it: of several phases the first one's, which led to the rest."""
        self.evidence.setdefault(nodeid, Evidence.read(sent))

    def settle(self) -> None:
        """Keep times of tests that ended, in their order and with the digits that mean something: reports are made of them."""
        self.seconds = {nodeid: round(self.seconds[nodeid], 6) for nodeid in self.outcomes if nodeid in self.seconds}
        ended = [nodeid for nodeid in self.outcomes if nodeid in self.refusals]
        self.refusals = {nodeid: self.refusals[nodeid] for nodeid in dict.fromkeys((*ended, *self.refusals))}
        self.resources = self.resources._replace(seconds=round(self.resources.seconds, 3))

    def failed(self) -> list[str]:
        """Return the tests that failed here."""
        return [nodeid for nodeid, outcome in self.outcomes.items() if outcome.bad]

    def fine(self, nodeids: Iterable[str]) -> tuple[str, ...]:
        """Return those of ``nodeids`` that ran here and ended as they should."""
        return tuple(nodeid for nodeid in nodeids if nodeid in self.outcomes and self.outcomes[nodeid].fine)


class Verdict(Enum):
    """What a test's outcomes say about an environment."""

    PASSES = "passes"
    ONLY_HERE = "fails only here"
    EVERYWHERE = "fails everywhere"
    UNKNOWN = "fails, not compared with the host"


def judge(outcome: Outcome, on_host: Outcome | None) -> Verdict:
    """Return the verdict on one test in one environment; ``on_host`` is None where it did not run there."""
    if not outcome.bad:
        return Verdict.PASSES
    if on_host is None:
        return Verdict.UNKNOWN
    return Verdict.EVERYWHERE if on_host.bad else Verdict.ONLY_HERE
