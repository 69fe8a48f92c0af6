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
    told += ["packages make the run fail"] if summary.failing else []
    told += ["not the whole run"] if summary.interrupted else []
    return "; ".join(told)


def _outcome(summary: Summary) -> str:
    if not summary.runs:
        return "no test ran"
    tests = summary.tests
    alone = summary.runs[0].environment if len(summary.runs) == 1 else ""
    where = alone or count(len(summary.runs), "environment")
    if not summary.rows:
        skipped = all(outcome.word == "skipped" for run in summary.runs for outcome in run.outcomes.values())
        how = "all are skipped" if skipped else "none fails"
        return f"{count(tests, 'test')} in {where}: {how}" if tests else f"no test ran in {where}"
    fail = "fails" if len(summary.rows) == 1 else "fail"
    somewhere = alone or f"at least one of {where}"
    return f"{len(summary.rows)} of {count(tests, 'test')} {fail} in {somewhere}{_beside_the_host(summary)}"


def _beside_the_host(summary: Summary) -> str:
    """Return what the host did with the tests that fail: one wants to know at once how many fail because of where they ran."""
    if all(plan.is_host for plan in summary.plans):
        return ""
    only = sum(bool(row.only_in) for row in summary.rows)
    too = sum(row.everywhere and not row.only_in for row in summary.rows)
    unknown = len(summary.rows) - only - too
    told = {"where the host passes": only, "on the host too": too, "not compared with the host": unknown}
    several = [f"{number} {words}" for words, number in told.items() if number]
    if len(several) > 1:
        return f": {', '.join(several)}"
    return f", {next(words for words, number in told.items() if number)}"
