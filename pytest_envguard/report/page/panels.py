"""What is told of one test that fails, when its row is opened: failure, refusals, reasons, remedies, what it took. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import escape

from pytest_envguard.model.budget import show_seconds
from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.verdict import Run
from pytest_envguard.report import causes
from pytest_envguard.report.groups import Places, Told, reasons, refused
from pytest_envguard.report.page.cells import BAD, letters, on_host
from pytest_envguard.report.page.columns import Columns
from pytest_envguard.report.page.shown import Lines, short, visible
from pytest_envguard.report.summary import Row, Summary

_LONGEST = 2_000
_MOST_TOLD = 12
_MOST_RESULTS = 3
_MOST_USED = 32
_MARKUP = 200  # bytes around a text, at most about


class Pasted(NamedTuple):
    """A remedy in a form that can be pasted.

    Attributes:
        title: What it is.
        worked: Whether it was tried, and worked.
        kind: The form, such as "shell".
        text: What to paste.
    """

    title: str
    worked: bool
    kind: str
    text: Lines


class Why(NamedTuple):
    """A cause, as far as one test is concerned.

    Attributes:
        number: Its place in the summary's causes.
        text: Why, and how sure that is.
        results: What came of trying remedies.
        offered: What may help, as long as nothing was tried.
        pasted: Each remedy in the form that fits its environment best.
    """

    number: int
    text: str
    results: tuple[str, ...]
    offered: tuple[str, ...]
    pasted: tuple[Pasted, ...]


class Used(NamedTuple):
    """How a test went in one environment, and what it took.

    Attributes:
        environment: Which.
        letter: How it ended; see `cells`.
        on_host: How it ended on the host with the same versions, as a letter; "" where that isn't known.
        seconds: How long it took, in words; "" where nobody noted it.
        figures: What was measured in it.
    """

    environment: str
    letter: str
    on_host: str
    seconds: str
    figures: tuple[str, ...]


class Panel(NamedTuple):
    """All that is told of a test.

    Attributes:
        place: File and line at which it failed.
        own: The environment that it asks for itself.
        reasons: Messages of its failures.
        more_reasons: How many aren't shown.
        refused: What was refused to it where it fails, the last first.
        more_refused: How many aren't shown.
        whys: Its causes.
        used: What it took, environment by environment.
        more_used: How many aren't shown.
    """

    place: str
    own: str
    reasons: tuple[Told, ...]
    more_reasons: int
    refused: tuple[Told, ...]
    more_refused: int
    whys: tuple[Why, ...]
    used: tuple[Used, ...]
    more_used: int

    @property
    def size(self) -> int:
        """About how many bytes it takes on the page."""
        texts = [told.where + told.text for told in (*self.reasons, *self.refused)]
        for why in self.whys:
            texts += [why.text, *why.results, *why.offered, *(one.title + one.text for one in why.pasted)]
        texts += ["".join((one.environment, one.seconds, *one.figures)) for one in self.used]
        return _MARKUP * (len(texts) + 4) + sum(len(escape(visible(text)).encode()) for text in texts)


class Panels:
    """Tells of tests; asked about all of a run, because it works out what they have in common once."""

    def __init__(self, summary: Summary, places: Places, shape: Columns) -> None:
        self._places = places
        self._runs = {run.environment: run for run in summary.runs}
        self._ordered = [self._runs[name] for name in shape.names]
        self._causes: dict[str, list[Why]] = {}
        lineages = causes.lineages(summary)
        for number, cause in enumerate(summary.causes):
            why = _why(number, cause, lineages)
            for nodeid in cause.tests:
                self._causes.setdefault(nodeid, []).append(why)

    def of(self, row: Row) -> Panel:
        """Return what is told of one test."""
        told, lost = reasons(row, self._places), refused(row, self._places)
        used = self._used(row)
        first = next((outcome for outcome in row.outcomes.values() if outcome.bad), None)
        return Panel(
            f"{first.place[0]}:{first.place[1]}" if first and first.place else "",
            first.own_environment if first else "",
            tuple(map(_cut, told[:_MOST_TOLD])),
            max(0, len(told) - _MOST_TOLD),
            tuple(map(_cut, lost[:_MOST_TOLD])),
            max(0, len(lost) - _MOST_TOLD),
            tuple(self._causes.get(row.nodeid, ())),
            tuple(used[:_MOST_USED]),
            max(0, len(used) - _MOST_USED),
        )

    def _used(self, row: Row) -> list[Used]:
        """Return how it went everywhere; where it fails first if that is more than fits."""
        cells = letters(row.nodeid, self._ordered, row)
        found = [
            _used(row, run, letter)
            for run, letter in zip(self._ordered, cells, strict=True)
            if run.environment in row.outcomes
        ]
        if row.on_host and not row.hosts and "host" not in row.outcomes:
            letter = on_host(row.on_host)
            found.append(Used("host", letter, "", "", ()))
        return sorted(found, key=lambda one: one.letter not in BAD) if len(found) > _MOST_USED else found


def _used(row: Row, run: Run, letter: str) -> Used:
    seconds = run.seconds.get(row.nodeid)
    return Used(
        run.environment,
        letter,
        on_host(row.hosts[run.environment]) if run.environment in row.hosts else "",
        "" if seconds is None else show_seconds(seconds),
        tuple(str(figure) for figure in run.figures.get(row.nodeid, ())),
    )


def _cut(told: Told) -> Told:
    return told._replace(text=short(told.text, _LONGEST))


def _why(number: int, cause: Cause, lineages: Mapping[str, tuple[str, ...]]) -> Why:
    results = causes.trial_lines(cause)
    return Why(
        number,
        causes.sentence(cause),
        tuple(results[:_MOST_RESULTS]),
        tuple(causes.offered(cause)),
        tuple(pasted[0] for one in causes.ready(cause, lineages) if (pasted := pastes(one))),
    )


def pastes(ready: causes.Ready) -> list[Pasted]:
    """Return each form of a remedy, the one that fits its environment best first."""
    title = " ".join(remedy.title for remedy in ready.remedies)
    return [Pasted(title, ready.worked, kind, Lines(text)) for kind, text in ready.forms.items()]
