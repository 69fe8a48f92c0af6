"""What came of a run in one sentence, the same in every report."""

from __future__ import annotations

from pytest_envguard.report.groups import count
from pytest_envguard.report.summary import Summary


def verdict(summary: Summary) -> str:
    """Return the sentence without its full stop."""
    stopped = sum(run.broken is not None for run in summary.runs)
    lost = len({cell.cell.name for cell in summary.matrix.not_ready().values()}) if summary.matrix else 0
    told = [_outcome(summary)]
    told += [f"{stopped} stopped"] if stopped else []
    told += [f"{count(lost, 'cell')} could not be had"] if lost else []
    return "; ".join(told)


def _outcome(summary: Summary) -> str:
    tests = len({nodeid for run in summary.runs for nodeid in run.outcomes})
    where = count(len(summary.runs), "environment")
    if not summary.rows:
        return f"{count(tests, 'test')} in {where}: none fails" if tests else f"no test ran in {where}"
    fail = "fails" if len(summary.rows) == 1 else "fail"
    return f"{len(summary.rows)} of {count(tests, 'test')} {fail} in at least one of {where}"
