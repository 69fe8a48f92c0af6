"""Workflow commands that GitHub Actions shows as annotations: one for a cause in some environments, not for a test.

The runner shows ten errors and ten warnings of each step, and drops the rest without a word; it cuts messages after 4096
UTF-16 units (actions/runner, src/Runner.Worker/ExecutionContext.cs). A job has room for fifty.
"""

from __future__ import annotations

import posixpath
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.finding import Audited
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report import causes, packages
from pytest_envguard.report.groups import Places, count, groups, lost_in, reasons, stopped
from pytest_envguard.report.markdown.markup import visible
from pytest_envguard.report.printable import short
from pytest_envguard.report.summary import Row, Summary

_MOST = 10  # of each kind are shown for a step
_MOST_NAMES = 10
_LONGEST = 4096  # UTF-16 units of a message
_LONGEST_NAME = 150  # of a test, in characters
_LONGEST_TITLE = 255  # what the API of checks takes


class _Annotation(NamedTuple):
    """One of them.

    Attributes:
        title: Where, in few words.
        message: Lines that say what.
        names: Lines that must not be lost if the message is too long.
        place: File and line that it points to.
    """

    title: str
    message: Sequence[str]
    names: Sequence[str] = ()
    place: tuple[str, int] | None = None


def annotation_lines(summary: Summary, folder: str = "") -> list[str]:
    """Return lines such as ``::error file=test_a.py,line=3,title=fails only in lambda::OSError…``, at most ten of a kind.

    Args:
        summary: The run.
        folder: Where pytest's root is in the repository; "" for the repository's own root.
    """
    places = Places(summary.matrix)
    errors = [*_whole(summary), *_stopped(summary, places), *_failures(summary, places)]
    warnings = [*_cells(summary.matrix, places), *_losses(summary, places)]
    return [*_commands("error", errors, folder), *_commands("warning", warnings, folder)]


def _commands(kind: str, told: Sequence[_Annotation], folder: str) -> Iterator[str]:
    shown = told if len(told) <= _MOST else told[: _MOST - 1]
    yield from (_command(kind, one, folder) for one in shown)
    if len(told) > _MOST:
        left = _Annotation("envguard", [f"and {len(told) - _MOST + 1} more: see the job summary"])
        yield _command(kind, left, folder)


def _command(kind: str, one: _Annotation, folder: str) -> str:
    told = {"file": _in_repository(one.place[0], folder), "line": str(one.place[1])} if one.place else {}
    told["title"] = short(visible(one.title), _LONGEST_TITLE)
    properties = ",".join(f"{key}={_property(value)}" for key, value in told.items())
    return f"::{kind} {properties}::{_data(_fitting(one))}"


def _in_repository(file: str, folder: str) -> str:
    return posixpath.normpath(posixpath.join(folder, file))


def _fitting(one: _Annotation) -> str:
    """Return the message with the names below it, both within the runner's limit."""
    names = "".join(f"\n{short(visible(name), _LONGEST_NAME)}" for name in one.names)
    message = "\n".join(map(visible, one.message))
    room = _LONGEST - _units(names)
    if _units(message) > room:
        message = message.encode("utf-16-le")[: 2 * (room - 3)].decode("utf-16-le", "ignore") + "..."
    return message + names


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")


def _stopped(summary: Summary, places: Places) -> Iterator[_Annotation]:
    for told in stopped(summary, places, several=False):
        where = ", ".join(told.environments[:_MOST_NAMES])
        yield _Annotation(f"stopped: {count(len(told.environments), 'environment')}", [f"{where}: {told.text}"])


def _whole(summary: Summary) -> Iterator[_Annotation]:
    if summary.interrupted:
        yield _Annotation("not the whole run", [summary.interrupted])
    if summary.failing:
        yield _Annotation("packages make the run fail", summary.failing)


def _failures(summary: Summary, places: Places) -> Iterator[_Annotation]:
    """Tests that fail in the same environments are one where they have the same cause; as long as none is known, the same message."""
    known = _by_test(summary)
    for group in groups(summary, places):
        alike: dict[Hashable, list[tuple[Row, list[str]]]] = {}
        for row in group.rows:
            lines = [told.line for told in reasons(row, places)]
            alike.setdefault(known.get(row.nodeid) or tuple(lines), []).append((row, lines))
        for told in alike.values():
            rows = [row for row, _ in told]
            why = [summary.causes[number] for number in known.get(rows[0].nodeid, ())]
            first = told[0][1]
            said = {line for _, lines in told for line in lines}
            more = [f"and {count(len(said) - len(first), 'more message')}"] if len(said) > len(first) else []
            yield _Annotation(group.title, [*first, *more, *_why(why)], _names(rows), _place(rows))


def _by_test(summary: Summary) -> dict[str, tuple[int, ...]]:
    """Return the numbers of the causes of each test's failures."""
    found: dict[str, tuple[int, ...]] = {}
    for number, cause in enumerate(summary.causes):
        for nodeid in () if cause.silent else cause.tests:
            found[nodeid] = (*found.get(nodeid, ()), number)
    return found


def _why(several: Sequence[Cause]) -> Iterator[str]:
    """Yield what failures come from, and what was tried and works; as long as nothing was tried, what may help."""
    for cause in several:
        yield f"why: {causes.sentence(cause)}"
        yield from causes.trial_lines(cause) if any(trial.works for trial in cause.trials) else ()
        yield from causes.offered(cause)


def _place(rows: Sequence[Row]) -> tuple[str, int] | None:
    outcomes = (outcome for row in rows for outcome in row.outcomes.values())
    return next((outcome.place for outcome in outcomes if outcome.bad and outcome.place), None)


def _names(rows: Sequence[Row]) -> list[str]:
    return _first([row.nodeid for row in rows])


def _first(nodeids: Sequence[str]) -> list[str]:
    more = len(nodeids) - _MOST_NAMES
    return [*nodeids[:_MOST_NAMES], *([f"and {count(more, 'more test')}"] if more > 0 else [])]


def _cells(matrix: Matrix | None, places: Places) -> Iterator[_Annotation]:
    if matrix is None:
        return
    for lost in packages.lost(matrix, places):
        yield _Annotation(f"{lost.kind}: {lost.where or 'every cell'}", [lost.reason])
    if findings := packages.findings(matrix, places):
        yield _Annotation(f"packages: {count(len(findings), 'finding')}", [item.line for item in findings])
    told = packages.advisories(matrix, places)
    if told.found:
        message = [line for item in told.found for line in (item.line, *item.details)]
        yield _Annotation(f"advisories: {len(told.found)} found", message)
    if told.not_audited:
        audited = any(isinstance(audit, Audited) for audit in matrix.audits.values())
        title = "some cells were not audited" if audited else "not audited"
        yield _Annotation(title, [item.line for item in told.not_audited])


def _losses(summary: Summary, places: Places) -> Iterator[_Annotation]:
    for loss in summary.losses:
        where = lost_in(loss, summary, places)
        title = "passes, but was refused something" + (f": {where}" if where else "")
        yield _Annotation(title, [str(loss.refusal)], _first([name for name in loss.nodeids if name not in ("", ".")]))
