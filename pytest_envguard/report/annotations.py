"""Workflow commands that GitHub Actions shows as annotations: one for a cause, not for a test.

The runner shows ten errors and ten warnings of each step, and drops the rest without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.model.finding import Audited
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report import causes, packages
from pytest_envguard.report.groups import Places, count, groups, lost_in, reasons
from pytest_envguard.report.summary import Row, Summary

_MOST = 10  # of each kind are shown for a step
_MOST_NAMES = 10
_LONGEST = 4000


class _Annotation(NamedTuple):
    """One of them, and where it points to."""

    title: str
    message: str
    place: tuple[str, int] | None = None


def annotation_lines(summary: Summary) -> list[str]:
    """Return lines such as ``::error file=test_a.py,line=3,title=fails only in lambda::OSError…``, at most ten of a kind."""
    places = Places(summary.matrix)
    errors = [*_stopped(summary, places), *_failures(summary, places)]
    warnings = [*_cells(summary.matrix, places), *_losses(summary, places)]
    return [*_commands("error", errors), *_commands("warning", warnings)]


def _commands(kind: str, told: Sequence[_Annotation]) -> Iterator[str]:
    shown = told if len(told) <= _MOST else told[: _MOST - 1]
    yield from (_command(kind, one) for one in shown)
    if len(told) > _MOST:
        yield _command(kind, _Annotation("envguard", f"and {len(told) - _MOST + 1} more: see the job summary"))


def _command(kind: str, one: _Annotation) -> str:
    place = {"file": one.place[0], "line": str(one.place[1])} if one.place else {}
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**place, "title": one.title}.items())
    message = one.message if len(one.message) <= _LONGEST else one.message[: _LONGEST - 3] + "..."
    return f"::{kind} {properties}::{_data(message)}"


def _data(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _stopped(summary: Summary, places: Places) -> Iterator[_Annotation]:
    broken = [(run.environment, "; ".join(run.broken.promises)) for run in summary.runs if run.broken]
    for told in places.told(broken, several=False):
        where = ", ".join(told.environments[:_MOST_NAMES])
        yield _Annotation(f"stopped: {count(len(told.environments), 'environment')}", f"{where}: {told.text}")


def _failures(summary: Summary, places: Places) -> Iterator[_Annotation]:
    """Failures with the same explanation and the same reasons are one cause."""
    for group in groups(summary, places):
        alike: dict[str, list[Row]] = {}
        for row in group.rows:
            reason = "\n".join([*(told.line for told in reasons(row, places)), *_why(row, summary)])
            alike.setdefault(reason, []).append(row)
        for reason, rows in alike.items():
            yield _Annotation(group.title, f"{reason}\n{_names([row.nodeid for row in rows])}", _place(rows[0]))


def _why(row: Row, summary: Summary) -> list[str]:
    """Return what its failure comes from, and what was tried and works."""
    lines = []
    for cause in summary.causes:
        if not cause.silent and row.nodeid in cause.tests:
            lines.append(f"why: {causes.sentence(cause)}")
            lines += [line for line in causes.trial_lines(cause) if any(trial.works for trial in cause.trials)]
    return lines


def _place(row: Row) -> tuple[str, int] | None:
    return next((outcome.place for outcome in row.outcomes.values() if outcome.bad), None)


def _names(nodeids: Sequence[str]) -> str:
    more = len(nodeids) - _MOST_NAMES
    return "\n".join([*nodeids[:_MOST_NAMES], *([f"and {count(more, 'more test')}"] if more > 0 else [])])


def _cells(matrix: Matrix | None, places: Places) -> Iterator[_Annotation]:
    if matrix is None:
        return
    for lost in packages.lost(matrix, places):
        yield _Annotation(f"{lost.kind}: {lost.where or 'every cell'}", " ".join(lost.reason.split()))
    if findings := packages.findings(matrix, places):
        title = f"packages: {count(len(findings), 'finding')}"
        yield _Annotation(title, "\n".join(item.line for item in findings))
    told = packages.advisories(matrix, places)
    if told.found:
        lines = ["\n".join([item.line, *item.details]) for item in told.found]
        yield _Annotation(f"advisories: {len(told.found)} found", "\n".join(lines))
    if told.not_audited:
        audited = any(isinstance(audit, Audited) for audit in matrix.audits.values())
        title = "some cells were not audited" if audited else "not audited"
        yield _Annotation(title, "\n".join(item.line for item in told.not_audited))


def _losses(summary: Summary, places: Places) -> Iterator[_Annotation]:
    for loss in summary.losses:
        where = lost_in(loss, summary, places)
        title = "passes, but was refused something" + (f": {where}" if where else "")
        tests = [nodeid for nodeid in loss.nodeids if nodeid not in ("", ".")]
        yield _Annotation(title, "\n".join([str(loss.refusal), *([_names(tests)] if tests else [])]))
