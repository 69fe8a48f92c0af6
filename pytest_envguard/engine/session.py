"""The controller: prepares the environments, runs them through xdist, judges what came back."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import execnet
import pytest

from pytest_envguard import options
from pytest_envguard.engine import cells, early, junit, labels, reports, workers
from pytest_envguard.engine.display import display, hush
from pytest_envguard.engine.exits import cause_of_death
from pytest_envguard.engine.inside import NO_BASETEMP
from pytest_envguard.engine.invocation import invocation
from pytest_envguard.engine.shares import Shares
from pytest_envguard.model.budget import figures_of
from pytest_envguard.model.diagnosis import Cause
from pytest_envguard.model.evidence import EVIDENCE
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import REFUSALS, Refusal
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run
from pytest_envguard.report.enforcement import mechanism
from pytest_envguard.report.summary import Summary, summarise
from pytest_envguard.report.terminal import closing
from pytest_envguard.report.terminal.header import cell_lines, plan_lines
from pytest_envguard.report.terminal.output import Output

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

    from pytest_envguard.diagnosis.tables import Knowledge
    from pytest_envguard.engine.hosts.farm import Farm
    from pytest_envguard.engine.packages import Packages

HOST = "host"


class EnvguardSession:
    """Plugin object of the controller, registered only when environments were asked for.

    Attributes:
        plans: Name of the environment to its plan, in the user's order.
        runs: Name of the environment to what happened in it.
        asked: The versions, if any were asked for.
        packages: What is installed in their cells.
        knowledge: What is known about libraries; None if nobody asked why something fails.
        baselines: Name of a cell ("" without versions) to what happened in it on the host.
        workers: Those of all environments.
    """

    workers: workers.Workers

    def __init__(
        self,
        config: pytest.Config,
        plans: list[Plan],
        asked: cells.Asked | None = None,
        packages: Packages | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        self.config = config
        self.packages = packages
        self.knowledge = knowledge
        self._causes: tuple[Cause, ...] = ()
        self.plans = {plan.name: plan for plan in plans}
        self.runs = {name: Run(name) for name in self.plans}
        self.asked = asked
        self.baselines = {_cell(plan): self.runs[plan.name] for plan in plans if plan.made_from == HOST}
        self._farm: Farm | None = None
        self._session: pytest.Session | None = None
        self._worker_interrupted = False
        self._written = reports.Written()
        self._told: list[str] = []
        self._called = time.time()
        self._early = early.BEFORE
        self._compared: dict[str, Plan] = {}
        self._ended: dict[str, int] = {}
        self._begun: dict[str, float] = {}

    def use(self, farm: Farm) -> None:
        """Run environments on other machines."""
        self._farm = farm
        for name, reason in farm.broken.items():
            self.runs[name].broken = Broken((reason,))

    def give_up(self, environment: str, reason: str, node: WorkerController | None = None) -> None:
        """Note that a worker of ``environment`` can't be had (any more); ``node`` is the one that it would replace."""
        self.runs[environment].broken = self.runs[environment].broken or Broken((reason,))
        if hasattr(self, "_scheduling"):
            self._scheduling.expect(environment, self._count_active(environment, node))
            if self.asked and not self._count_active(environment, node):
                self._begin_next(self.workers.machine(environment))

    def _count_active(self, environment: str, but: WorkerController | None = None) -> int:
        active = self._dsession._active_nodes - {but}  # noqa: SLF001  # xdist has no public name for it
        return sum(workers.environment(node) == environment for node in active)

    def add_host(self) -> None:
        """Run everything on the host as well."""
        for plan in list(self.plans.values()):
            if _cell(plan) not in self.baselines and not (plan.machine and plan.machine.lost):
                host = _on_host(plan)
                self.plans[host.name] = host
                self.runs[host.name] = self.baselines[_cell(plan)] = Run(host.name)

    # -- before the tests ----------------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take part in xdist's session, which exists from here on."""
        self._dsession: DSession = config.pluginmanager.get_plugin("dsession")
        labels.attach(self._dsession, self)
        self._display = display(config, list(self.plans))
        if self._display:
            config.pluginmanager.register(self._display, "envguard-display")
        elif reporter := config.pluginmanager.get_plugin("terminalreporter"):
            config.pluginmanager.register(Shares(reporter), "envguard-shares")
        if self._farm:
            self._farm.distant.attach(self._dsession, self.give_up)
        # xdist makes a folder for temporary files on the host and tells it to workers, for whom it isn't there.
        factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]  # noqa: SLF001  # as xdist itself
        basetemp = Path(config.getoption("basetemp") or NO_BASETEMP)
        factory.getbasetemp = lambda: basetemp
        if threading.current_thread() is threading.main_thread():
            self._sigterm = signal.signal(signal.SIGTERM, _interrupt)

    def pytest_unconfigure(self) -> None:
        """Give SIGTERM back to whoever called pytest in his own process."""
        if hasattr(self, "_sigterm"):
            signal.signal(signal.SIGTERM, self._sigterm)

    def pytest_report_header(self) -> list[str]:
        """Say for every environment what enforces it, and what isn't as it would be there."""
        return Output(self.config.pluginmanager.get_plugin("terminalreporter")).folded(self._header)

    def _header(self) -> list[str]:
        verbose = self.config.get_verbosity() > 0
        about = cell_lines(self.asked.cells, self.asked.contents) if self.asked else ()
        if self._farm:
            return [*self._farm.header(self.plans.values(), verbose), *about]
        profiles = {plan.made_from: plan for plan in reversed(self.plans.values())}
        shown = [plan._replace(name=name) for name, plan in reversed(profiles.items()) if name != HOST or not plan.cell]
        lines = [line for plan in shown for line in plan_lines(plan, verbose)]
        return [*lines, *about]

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Iterator[None]:
        """Remember the session, whose number of tests is the sum over all environments, and let xdist start workers."""
        self._session = session
        self._begun = dict.fromkeys(self.plans, time.monotonic())
        if self.packages:
            self.packages.begin()
        if self.config.pluginmanager.hasplugin("cacheprovider"):
            assert self.config.cache is not None
            self._failed_before = self.config.cache.get(labels.LAST_FAILED, {})
        try:
            result = yield
        except (EOFError, OSError) as error:
            # A launcher ended before its interpreter started (and has said why on standard error); xdist notices at one
            # of several places, when it reads from the worker or writes to it.
            if self._dsession.nodemanager is not None:
                # pytest calls no finishing hook this early, and execnet's own at exit fails from Python 3.12 on.
                self._dsession.nodemanager.teardown_nodes()
            answer = f": {error}" if getattr(error, "errno", None) else ""
            raise pytest.UsageError(
                f"an environment could not be entered, see above{answer}\n"
                "hint: `envguard doctor` says what this machine can do"
            ) from None
        if self._farm:
            self._farm.distant.started(self._dsession)
            for name, reason in self._farm.distant.given_up.items():
                self.give_up(name, reason)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Name the workers that will replace crashed ones."""
        hush(getattr(self._dsession, "trdist", None))
        assert self._dsession.nodemanager is not None
        labels.name_replacements(self._dsession.nodemanager.group)
        if self._farm:
            self._farm.distant.join(self._dsession.nodemanager, self._farm.usable())

    @pytest.hookimpl(trylast=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker what it must prove."""
        name = workers.environment(node)
        plan = self.plans.get(name) or self._compared.get(name) or Plan(name, "")
        workers.instruct(node, plan)
        if self._farm:
            self._farm.distant.instruct(node, plan)

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Scheduling:
        """Give every environment a scheduler of its own."""
        from pytest_envguard.engine.scheduling import PerEnvironmentScheduling

        assert self._session is not None
        self._scheduling = PerEnvironmentScheduling(config, log, self._session, self.workers)
        for name in self.workers.environments if self._farm else ():
            if self.runs[name].broken:  # some of its workers could not be started
                self._scheduling.expect(name, self._count_active(name))
        return self._scheduling

    # -- while they run ------------------------------------------------------------------------------------------------

    def heard(self, environment: str, report: pytest.TestReport | pytest.CollectReport, nodeid: str) -> None:
        """Note what happened to the test (or file) ``nodeid`` in ``environment``."""
        begun = report.when == "setup" and report.passed  # which is no outcome: the run can end here
        if report.outcome in ("passed", "failed", "skipped") and not begun:  # not the "rerun" of pytest-rerunfailures
            self.runs[environment].add(nodeid, Outcome.of(report))
        run = self.runs[environment]
        run.seconds[nodeid] = run.seconds.get(nodeid, 0.0) + getattr(report, "duration", 0.0)
        if refusals := getattr(report, REFUSALS, None):
            run.refused(nodeid, refusals)
        if evidence := getattr(report, EVIDENCE, None):
            run.left_behind(nodeid, evidence)
        if figures := figures_of(report):
            run.figures[nodeid] = figures

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
        """With ``-v``, say at once that a test passed although something was refused, and to whom."""
        refusals = [Refusal(*fields) for fields in getattr(report, REFUSALS, ())]
        if not (refusals and report.when == "call" and report.passed) or hasattr(report, "wasxfail"):
            return None
        libraries = ", ".join(dict.fromkeys(refusal.library for refusal in refusals if refusal.library))
        return "passed", ".", f"PASSED, refused: {len(refusals)}" + (f" ({libraries})" if libraries else "")

    def properties(self, environment: str, nodeid: str) -> list[tuple[str, str]]:
        """Return what a junit case says besides the environment's name: how it's enforced, and what was refused."""
        refusals = self.runs[environment].refusals.get(nodeid, ())
        plan = self.plans[environment]
        enforced = [] if plan.is_host else [("envguard_enforced", mechanism(plan))]
        if plan.machine:
            enforced.append(("envguard_host", plan.machine.name))
        if plan.cell:
            enforced.append(
                ("envguard_versions", " ".join(f"{axis}=={text}" for axis, text in plan.cell.cell.versions))
            )
        return enforced + [("envguard_refused", str(refusal)) for refusal in refusals]

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_node_collection_finished(self, node: WorkerController, ids: list[str]) -> None:
        """Remember what there is to run."""
        self.runs[workers.environment(node)].collected = tuple(ids)

    def broke(self, environment: str, error: str) -> None:
        """Note that pytest itself failed inside of ``environment``."""
        last = error.strip().splitlines()[-1:] or [""]
        self.runs[environment].broken = Broken((f"internal error of pytest or a plugin, see above: {last[0]}",))

    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Say what killed the worker, in the report of the test that it was running."""
        node = report.node  # set by xdist
        environment = workers.environment(node)
        interrupted = self._worker_interrupted and hasattr(node, "workeroutput")
        cause = "interrupted" if interrupted else cause_of_death(node.gateway, self.plans[environment])
        report.longrepr = f"{cause}\n(while it ran {crashitem} in {environment})"
        self.heard(environment, report, crashitem)
        labels.label_report(report, environment)
        junit.label(junit.writers(self.config), report, crashitem, environment)

    @pytest.hookimpl(tryfirst=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Take what the worker measured, or what it found broken."""
        workers.take_coverage(node, self.plans.get(workers.environment(node)))
        run = self.runs[workers.environment(node)]
        output: dict[str, Any] = getattr(node, "workeroutput", {})
        self._worker_interrupted |= output.get("exitstatus") == pytest.ExitCode.INTERRUPTED
        told: dict[str, Any] = output.get("envguard", {})
        if "broken" in told:
            run.broken = Broken(tuple(told["broken"]))
        run.unwatched = run.unwatched or told.get("unwatched", "")
        for nodeid, refusals in told.get("imports", {}).items():
            if nodeid not in run.refusals:  # every worker of an environment imports the same files
                run.refused(nodeid, refusals)
        run.resources = run.resources.and_worker(Resources.of(told, time.monotonic() - self._begun[run.environment]))
        if hasattr(node, "workeroutput"):
            self._finished(node)

    def _finished(self, node: WorkerController) -> None:
        """Let the next environment begin where the last worker of one has ended."""
        environment = workers.environment(node)
        self._ended[environment] = self._ended.get(environment, 0) + 1
        if not self.asked:
            return
        node.gateway.exit()  # xdist would keep its process, with all that was imported, to the end of the run
        if self._ended[environment] >= self.workers.count:
            self._begin_next(self.workers.machine(environment))

    def _begin_next(self, machine: str) -> None:
        """Let the next environment of a machine begin."""
        while (waiting := self.workers.waiting_on(machine)) and not (
            self._dsession.shuttingdown or self._dsession.shouldstop
        ):
            manager = self._dsession.nodemanager
            assert manager is not None
            environment = waiting[0]
            self._begun[environment] = time.monotonic()
            try:
                nodes = [
                    manager.setup_node(execnet.XSpec(spec), self._dsession.queue.put)
                    for spec in self.workers.begin(environment)
                ]
            except (EOFError, OSError) as error:
                self.runs[environment].broken = Broken((f"could not be entered: {error}",))
                self._scheduling.abandon(environment)
                continue
            self._dsession._active_nodes.update(nodes)  # noqa: SLF001  # as xdist itself does for a crashed worker's
            return

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """After the environments, run on the host what failed in them."""
        try:
            result = yield
            for run in self.runs.values():
                run.check_complete()
            return result
        finally:
            error = sys.exc_info()[1]
            if self._display:
                self._display.end()
            self._early = f"{reason}: {early.how_far(self.runs.values())}" if (reason := early.why(error)) else ""
            try:
                self._after_tests(interrupted=self._interrupted(error))
            except BaseException as later:
                self._early = self._early or f"{early.why(later)}, when all tests had run and were being explained"
                raise

    def _interrupted(self, error: BaseException | None) -> bool:
        """Whether a user wants the end now.

        Trap: xdist stops for -x and --maxfail by a KeyboardInterrupt of its own. And a Ctrl-C reaches the workers as well. If one of them says so before the controller has noticed it itself,
        xdist takes it for a reason to stop, and the test it was in for a crash that could be compared with the host.
        """
        return self._worker_interrupted or (isinstance(error, KeyboardInterrupt) and not self._dsession.shouldstop)

    def _after_tests(self, *, interrupted: bool) -> None:
        """Compare with the host, and look for causes."""
        if not interrupted and options.value(self.config, options.BASELINE) == "auto":
            self._run_baseline()
        if self.knowledge is not None:
            self._find_causes(self.knowledge, interrupted=interrupted)
        if self.packages:
            self.packages.conclude(interrupted=interrupted)

    def _run_baseline(self) -> None:
        failed: dict[str, set[str]] = {}
        for name, run in self.runs.items():
            failed.setdefault(_cell(self.plans[name]), set()).update(run.failed())
        for plan in self.plans.values():
            cell = _cell(plan)
            if failed[cell] and cell not in self.baselines and not (self._farm and self._farm.is_lost(plan)):
                from pytest_envguard.engine.rerun import rerun_on_host

                host = _on_host(plan)
                self._compared[host.name] = host
                self.baselines[cell] = rerun_on_host(self._dsession, host, sorted(failed[cell]))

    @property
    def dsession(self) -> DSession:
        """xdist's session."""
        return self._dsession

    def _find_causes(self, knowledge: Knowledge, *, interrupted: bool) -> None:
        from pytest_envguard.engine import diagnosing

        summary = self.summary()
        self._causes = diagnosing.causes(self.config, knowledge, summary)
        if not interrupted and options.value(self.config, options.FIX) == options.TRY:
            self._causes = diagnosing.tried(self, summary, self._causes)

    def pytest_keyboard_interrupt(self) -> None:
        """A user wants the end, or xdist for -x, which lets workers end by themselves."""
        if self._farm and not self._dsession.shouldstop:
            self._farm.distant.hurry()

    # -- after them ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Let a broken environment fail the run, and let ``--lf`` see plain node ids.

        Within the terminal's own, so that the junit file has its last shape before the closing lines are printed.
        """
        missing = [cell for cell in self.asked.not_ready if not cell.conflict] if self.asked else []
        unsafe = self.packages.decision.reasons if self.packages and self.packages.decision else ()
        if (missing or unsafe or any(run.broken for run in self.runs.values())) and session.exitstatus in (0, 5):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        called = invocation(self.config, self._called, self._early)._replace(failing=unsafe)
        for run in self.runs.values():
            run.settle()
        # Once: every report says the same.
        self._summary = self.summary()._replace(causes=self._causes, invocations=(called,))
        self._written = reports.write(self.config, self._summary)
        session.exitstatus = self._written.status(session.exitstatus)
        try:
            result = yield
            self._told += junit.shape(self.config, self._summary)
            return result
        finally:
            if self.config.pluginmanager.hasplugin("cacheprovider"):
                labels.plain_last_failed(self.config, self._failed_before, self.runs.values())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the closing table."""
        closing.write(self._summary, terminalreporter, self.config.get_verbosity())
        output = Output(terminalreporter)
        about = output.folded(self.packages.lines) if self.packages else []
        for line in self._written.lost:
            output.write_line(line, red=True)
        for line in (*about, *self._written.told, *self._told):
            # GitHub reads its commands from lines that stay whole.
            (terminalreporter if line.startswith("::") else output).write_line(line)

    def summary(self) -> Summary:
        """Return what happened, for reports."""
        plans, runs = list(self.plans.values()), list(self.runs.values())
        if self.asked is None and self.packages:
            matrix = cells.without_versions(plans, self.packages)
            return summarise(plans, runs, self._by_environment(plans), matrix)
        if self.asked is None:
            alone = self.baselines.get("") if self._farm is None else None
            return summarise(plans, runs, alone or self._by_environment(plans) or None)
        return summarise(plans, runs, self._by_environment(plans), self.asked.matrix(plans, self.packages))

    def _by_environment(self, plans: list[Plan]) -> dict[str, Run]:
        """Return for each environment what happened where nothing restricts it: same versions, same machine."""
        return {plan.name: self.baselines[_cell(plan)] for plan in plans if _cell(plan) in self.baselines}


def _cell(plan: Plan) -> str:
    """Return the name of the cell that a plan belongs to, "" without versions; with another machine's, where it's there."""
    name = plan.cell.cell.name if plan.cell else ""
    return f"{name}@{plan.machine.name}" if plan.machine else name


def _on_host(plan: Plan) -> Plan:
    """Return the environment that ``plan`` is compared with."""
    host = cells.on_host(plan.cell) if plan.cell else Plan(HOST, "this machine, unrestricted")
    if plan.machine is None:
        return host
    name = plan.machine.name
    return host._replace(
        name=f"{host.name}-{name}", summary=f"{name}, unrestricted", machine=plan.machine, profile=HOST
    )


def _interrupt(_number: int, _frame: object) -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that junit and the summary of what ran are still written."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt(early.SIGTERM)
