"""Why tests fail in environments only: what is handed to `diagnosis`, and whether remedies are tried."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import platform
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_envguard import options
from pytest_envguard.diagnosis.asked import source_in
from pytest_envguard.diagnosis.causes import Failure, find_causes
from pytest_envguard.diagnosis.fields import normalised
from pytest_envguard.diagnosis.rules import PYTHON
from pytest_envguard.diagnosis.tables import Knowledge
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Setting
from pytest_envguard.model.evidence import Evidence
from pytest_envguard.model.verdict import Run, Verdict

if TYPE_CHECKING:
    from pytest_envguard.engine.remedies.experimenting import Laboratory
    from pytest_envguard.engine.remedies.stage import Stage
    from pytest_envguard.engine.session import EnvguardSession
    from pytest_envguard.model.plan import Plan
    from pytest_envguard.model.profile import Profile
    from pytest_envguard.model.refusal import Refusal
    from pytest_envguard.report.summary import Summary


def causes(config: pytest.Config, knowledge: Knowledge, summary: Summary) -> tuple[Cause, ...]:
    """Return why tests fail in environments and not on the host, and what was lost although they pass."""
    look_up = _looking_up(summary.plans) if options.value(config, options.FIX) == options.TRY else None
    known = settings(config, summary.plans)
    source = source_in(config.rootpath)
    return tuple(find_causes(failures(summary), summary.losses, knowledge, known, look_up, source=source))


def _looking_up(plans: Iterable[Plan]) -> Callable[[str], Sequence[str]]:
    """Return what finds the variables that a library reads; reading its source can take a second, so it's for trying only."""
    from pytest_envguard.diagnosis.lookups import variables_of

    cells = [folder for plan in plans if plan.cell for folder in plan.cell.path if folder.endswith("-packages")]
    sites = [Path(folder) for folder in dict.fromkeys([*cells, sysconfig.get_path("purelib")])]

    def look_up(place: str) -> Sequence[str]:
        return next(filter(None, (variables_of(site, place) for site in sites)), ())

    return look_up


def tried(session: EnvguardSession, summary: Summary, found: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """Return the causes with what came of trying their remedies, and with what silent losses cost."""
    from pytest_envguard.engine.remedies.control import controlled
    from pytest_envguard.engine.remedies.stage import Bench, Stage
    from pytest_envguard.engine.remedies.trying import try_remedies

    bench = Bench(
        session.config,
        session.dsession,
        {plan.name: plan for plan in summary.plans},
        {run.environment: run for run in summary.runs},
        session.asked,
    )
    with contextlib.closing(Stage(bench, _saying(session.config))) as stage:
        return try_remedies(stage, _laboratory(stage).explain(controlled(stage, found)))


def _laboratory(stage: Stage) -> Laboratory:
    """Return what finds by experiment where a failure comes from that nothing explains."""
    from pytest_envguard.diagnosis.generic import guesses
    from pytest_envguard.engine.remedies.experimenting import Known, Laboratory
    from pytest_envguard.engine.remedies.planned import planned, profile_of

    bench = stage.bench
    config, known = bench.config, settings(bench.config, bench.plans.values())
    look_up = _looking_up(bench.plans.values())

    def guess(diagnosis: Diagnosis, environment: str, nodeid: str) -> tuple[Remedy, ...]:
        run = bench.runs[environment]
        evidence = run.evidence.get(nodeid, Evidence())
        return guesses(diagnosis, evidence, tuple(refused(run, nodeid)), known[environment], look_up)

    def without(plan: Plan, profile: Profile) -> Plan:
        return planned(config, plan, profile=profile)

    profiles = {plan.name: profile_of(config, plan) for plan in bench.plans.values()}
    return Laboratory(stage, Known(known, profiles, without, guess))


def _saying(config: pytest.Config) -> Callable[[str], None]:
    """Return what tells the user what goes on after the tests."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.get_verbosity() < 0:
        return lambda _text: None

    def say(text: str) -> None:
        reporter.ensure_newline()
        reporter.write_line(text)

    return say


def settings(config: pytest.Config, plans: Iterable[Plan]) -> dict[str, Setting]:
    """Return what a diagnosis needs to know of each environment, by name."""
    return {plan.name: setting(config, plan) for plan in plans}


def setting(config: pytest.Config, plan: Plan) -> Setting:
    """Return what a diagnosis needs to know of one environment."""
    from pytest_envguard.engine.remedies.planned import profile_of

    return Setting(plan.name, plan.made_from, profile_of(config, plan).values, _versions(plan), str(config.rootpath))


def _versions(plan: Plan) -> Callable[[str], str]:
    """Return what finds the installed version of a distribution; that of Python is the interpreter's."""
    if plan.cell is None or not plan.cell.packages:
        return installed
    packages = {**plan.cell.packages, PYTHON: plan.cell.version}
    return lambda distribution: packages.get(normalised(distribution), "")


@functools.cache
def installed(distribution: str) -> str:
    """Return the version of a distribution in this interpreter's environment, "" where it isn't installed."""
    try:
        return platform.python_version() if distribution == PYTHON else importlib.metadata.version(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):  # an empty name
        return ""


def failures(summary: Summary) -> Iterator[Failure]:
    """Yield what fails in an environment and not on the host, or what nobody has compared."""
    runs = {run.environment: run for run in summary.runs}
    unrestricted = {plan.name for plan in summary.plans if plan.is_host}
    for row in summary.rows:
        for environment, verdict in row.verdicts.items():
            if environment in unrestricted or verdict not in (Verdict.ONLY_HERE, Verdict.UNKNOWN):
                continue
            yield _failure(runs[environment], row.nodeid, compared=verdict is Verdict.ONLY_HERE)


def _failure(run: Run, nodeid: str, *, compared: bool) -> Failure:
    return Failure(
        run.environment,
        nodeid,
        run.evidence.get(nodeid),
        tuple(refused(run, nodeid)),
        run.outcomes[nodeid].message,
        compared=compared,
    )


def refused(run: Run, nodeid: str) -> Iterator[Refusal]:
    """Yield what was refused to a test, while its file was imported, and before the first file, in that order of time."""
    parts = nodeid.split("::", maxsplit=1)[0].split("/")
    folders = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for name in dict.fromkeys(("", ".", *folders, nodeid)):
        yield from run.refusals.get(name, ())
