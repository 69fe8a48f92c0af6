"""Environments with remedies, and tests that run in them, after the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_envguard.engine.remedies import upgrading
from pytest_envguard.engine.remedies.planned import planned
from pytest_envguard.engine.remedies.remedied import with_remedies
from pytest_envguard.engine.remedies.seeding import Seeds, parent_folder
from pytest_envguard.engine.remedies.temporary import Temporary
from pytest_envguard.engine.rerun import Wanted, rerun
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.diagnosis import Remedy
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run

if TYPE_CHECKING:
    from xdist.dsession import DSession

    from pytest_envguard.engine.cells import Asked

Say = Callable[[str], None]
Remedies = tuple[Remedy, ...]
Job = tuple[Plan, str, Sequence[str]]
_SHM, _LASTING = "/dev/shm", "/var/tmp"
_TOPS = ("/tmp", _SHM, _LASTING)
_NEEDS_VERSIONS = "needs `--envguard-versions`"


def is_shared(plan: Plan, top: str) -> bool:
    """Whether ``top`` is the machine's own folder in an environment, not one of its own."""
    if top == _LASTING:
        own = (one for one in plan.enforcements if one.dimension == "writable" and one.mechanism == "namespaces")
        return not any(one.shown.startswith(f"{top} ") for one in own)
    promised: Any = plan.promises.get(top.rpartition("/")[2], {})
    if top == _SHM:
        return promised.get("state", "") == "" or "mode" in promised
    return promised.get("mode") is None


class Bench(NamedTuple):
    """What a run leaves to work with.

    Attributes:
        config: pytest's.
        dsession: xdist's, whose workers have ended.
        plans: Environment to how it's made.
        runs: Environment to what happened in it.
        asked: The versions, if any were asked for.
    """

    config: pytest.Config
    dsession: DSession
    plans: Mapping[str, Plan]
    runs: Mapping[str, Run]
    asked: Asked | None = None


class Applied(NamedTuple):
    """Remedies in an environment.

    Attributes:
        plan: The environment with them; None where that can't be.
        problem: Why not.
        known: What happened in a cell that has the version already.
        cell: The cell, where the remedy is another version.
    """

    plan: Plan | None = None
    problem: str = ""
    known: Run | None = None
    cell: str = ""


class Stage:
    """Applies remedies to environments, and runs tests there."""

    def __init__(self, bench: Bench, say: Say) -> None:
        self.bench = bench
        self.say = say
        self._temporary = Temporary(dict.fromkeys((parent_folder(), *map(Path, _TOPS))))
        self._seeds = Seeds(str(bench.config.invocation_params.dir), self._temporary, say)
        self._fresh: dict[str, str] = {}
        self._built: dict[tuple[str, str], Applied] = {}

    def close(self) -> None:
        """Remove all temporary folders."""
        self._temporary.close()

    def apply(self, environment: str, remedies: Iterable[Remedy], tests: Sequence[str] = ()) -> Applied:
        """Return an environment with remedies: seeds filled, another version built, if it takes these.

        Args:
            environment: Which.
            remedies: All that are applied together; a requirement of another version stands alone.
            tests: For which a cell of the run may tell already what a version does.
        """
        remedies = tuple(remedies)
        plan = self.bench.plans.get(environment)
        if plan is None:
            return Applied(problem=f"nothing can be run again in {environment}")
        upgrade = next((remedy.upgrade for remedy in remedies if remedy.upgrade), "")
        try:
            if upgrade:
                return self._upgraded(plan, upgrade, tests)
            return self._seeded(plan, remedies)
        except EnvguardError as error:
            return Applied(problem=error.message)
        except OSError as error:
            return Applied(problem=f"no folder could be made for it: {error}")

    def _seeded(self, plan: Plan, remedies: Remedies) -> Applied:
        folders: dict[str, str] = {}
        for seed in (remedy.seed for remedy in remedies if remedy.seed):
            if plan.machine is not None:
                return Applied(problem="a folder that is filled here can't be had on another machine")
            filled = self._seeds.fill(seed, plan.cell)
            if filled.problem:
                return Applied(problem=filled.problem)
            folders[seed.variable] = filled.folder
        if folders and not plan.is_host:
            plan = self._showing(plan, folders.values())
        if plan.machine is None:
            remedies = tuple(self._in_fresh_folders(plan, remedy) for remedy in remedies)
        return Applied(with_remedies(plan, remedies, folders))

    def _in_fresh_folders(self, plan: Plan, remedy: Remedy) -> Remedy:
        """Return a remedy whose folders in a /tmp that is the machine's own lie in a fresh one there.

        They'd stay behind, and what lies there from before, another user's perhaps, isn't there in a deployment.
        """
        values = dict(remedy.set)
        for name, value in values.items():
            top = next((top for top in _TOPS if f"{value}/".startswith(f"{top}/") and is_shared(plan, top)), "")
            if top:
                fresh = str(self._temporary.make(Path(top), 0o1777))
                self._fresh[fresh] = top
                values[name] = fresh + value.removeprefix(top)
        return remedy._replace(set=values)

    def _showing(self, plan: Plan, folders: Iterable[str]) -> Plan:
        """Return the same environment, planned anew, so that ``folders`` can be seen in it."""
        return planned(self.bench.config, plan, further=dict.fromkeys(folders, "a filled cache"))

    def _upgraded(self, plan: Plan, requirement: str, tests: Sequence[str]) -> Applied:
        bench = self.bench
        if bench.asked is None or plan.cell is None:
            return Applied(problem=_NEEDS_VERSIONS)
        known = upgrading.has_run_with(requirement, plan, bench.plans, bench.runs, tests) if tests else None
        if known is not None:
            cell = bench.plans[known.environment].cell
            return Applied(bench.plans[known.environment], known=known, cell=cell.cell.name if cell else "")
        if plan.machine is not None:
            return Applied(problem="no cell is built on another machine")
        key = (plan.name, requirement)
        if key not in self._built:
            self.say(f"envguard: building a cell with {requirement}")
            made = upgrading.upgraded(bench.config, bench.asked, plan, requirement)
            self._built[key] = Applied(made, cell=made.cell.cell.name if made.cell else "")
        return self._built[key]

    def run(self, jobs: Iterable[Job], *, whole: bool = False) -> list[Run]:
        """Run tests in plans; each job is a plan, the environment that it's of, and tests or files.

        Args:
            jobs: What to run.
            whole: Whether the tests in a file run as well, if it can be imported.
        """
        known = self.bench.runs
        wanted = [Wanted(plan, tests, known[environment].seconds, whole=whole) for plan, environment, tests in jobs]
        runs = rerun(self.bench.dsession, wanted)
        for run in runs:
            run.outcomes = {nodeid: self._as_asked(outcome) for nodeid, outcome in run.outcomes.items()}
        return runs

    def _as_asked(self, outcome: Outcome) -> Outcome:
        """Return what a test says with the folders that the remedies name, in place of the fresh ones."""
        message = outcome.message
        for fresh, top in self._fresh.items():
            message = message.replace(fresh, top)
        return outcome._replace(message=message)

    def host(self, environment: str) -> Plan | None:
        """Return what an environment is compared with; None where it restricts nothing itself, or is elsewhere."""
        from pytest_envguard.engine.cells import on_host

        plan = self.bench.plans[environment]
        if plan.is_host or plan.machine is not None:
            return None
        return on_host(plan.cell) if plan.cell else Plan("host", "this machine, unrestricted")
