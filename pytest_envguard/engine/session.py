"""The controller: prepares the environments, runs them through xdist, judges what came back."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envguard import options
from pytest_envguard.engine import labels, workers
from pytest_envguard.engine.exits import cause_of_death
from pytest_envguard.engine.inside import NO_BASETEMP
from pytest_envguard.engine.solo import run_solo
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import REFUSALS, Refusal
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run
from pytest_envguard.prepare import prepare
from pytest_envguard.report import terminal
from pytest_envguard.report.summary import summarise

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

    from pytest_envguard.linux.abilities import Probing

HOST = "host"
_DISTRIBUTIONS = ("load", "loadscope", "loadfile", "loadgroup", "worksteal")


def list_profiles(config: pytest.Config) -> int:
    """Print the environments by name and return the exit code."""
    from pytest_envguard.prepare import catalogue

    try:
        known = catalogue(config)
        for name in known.names():
            print(f"{name:<18} {known.one(name).summary}")
    except EnvguardError as error:
        raise pytest.UsageError(str(error)) from None
    return 0


def start(config: pytest.Config, wanted: str, probing: Probing | None) -> int | pytest.ExitCode | None:
    """Prepare the environments that ``wanted`` selects and take over; returns an exit code where all is done already.

    Raises:
        pytest.UsageError: Anything that must be said before the first test (exit code 4).
    """
    try:
        distribution = _distribution(config)
        plans = prepare(config, wanted, probing)
        single = _single_process(config)
        if single:
            return run_solo(config, plans, single)
    except EnvguardError as error:
        raise pytest.UsageError(str(error)) from None
    session = EnvguardSession(config, plans)
    if options.value(config, options.BASELINE) == "always":
        session.add_host()
    workers.configure(config, session.plans.values(), distribution)
    config.pluginmanager.register(session, "envguard-session")
    return None


def _single_process(config: pytest.Config) -> str:
    """Return the option that needs one process with a terminal of its own, if one was given."""
    if config.getoption("usepdb"):
        return "--pdb"
    if config.getoption("trace", False):
        return "--trace"
    if config.getoption("capture") == "no":
        return "-s"
    return "--collect-only" if config.getoption("collectonly") else ""


def _distribution(config: pytest.Config) -> str:
    """Return how tests are spread over the workers of an environment, having checked what can't go together."""
    if config.getoption("dist", None) is None:  # xdist's option; the plugin has several names
        raise EnvguardError(
            "`--envguard` runs its environments through pytest-xdist, which is switched off",
            "leave out `-p no:xdist` (with PYTEST_DISABLE_PLUGIN_AUTOLOAD, add `-p xdist.plugin`)",
        )
    if config.getoption("tx") and not config.getoption("numprocesses"):
        raise EnvguardError(
            "`--tx` and `--envguard` both say where tests run", "leave out one of them; use `-n` for more workers"
        )
    if config.getoption("looponfail", False):
        raise EnvguardError("`--looponfail` and `--envguard` do not go together", "leave out one of them")
    chosen = str(config.getoption("dist"))
    if chosen == "each":
        raise EnvguardError(
            "`--dist=each` runs every test in every worker; with `--envguard` it runs once in every environment already",
            f"leave it out, or use one of {', '.join(_DISTRIBUTIONS)}",
        )
    return "load" if chosen == "no" else chosen


class EnvguardSession:
    """Plugin object of the controller, registered only when environments were asked for.

    Attributes:
        plans: Name of the environment to its plan, in the user's order.
        runs: Name of the environment to what happened in it.
    """

    def __init__(self, config: pytest.Config, plans: list[Plan]) -> None:
        self.config = config
        self.plans = {plan.name: plan for plan in plans}
        self.runs = {name: Run(name) for name in self.plans}
        self.baseline: Run | None = self.runs.get(HOST)
        self._session: pytest.Session | None = None
        self._worker_interrupted = False

    def add_host(self) -> None:
        """Run everything on the host as well."""
        if HOST not in self.plans:
            self.plans[HOST] = Plan(HOST, "this machine, unrestricted")
            self.runs[HOST] = self.baseline = Run(HOST)

    # -- before the tests ----------------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take part in xdist's session, which exists from here on."""
        self._dsession: DSession = config.pluginmanager.get_plugin("dsession")
        labels.attach(self._dsession, self)
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
        verbose = self.config.get_verbosity() > 0
        return [line for plan in self.plans.values() for line in terminal.plan_lines(plan, verbose)]

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Iterator[None]:
        """Remember the session, whose number of tests is the sum over all environments, and let xdist start workers."""
        self._session = session
        self._started = time.monotonic()
        if self.config.pluginmanager.hasplugin("cacheprovider"):
            assert self.config.cache is not None
            self._failed_before = self.config.cache.get(labels.LAST_FAILED, {})
        try:
            return (yield)
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

    def pytest_xdist_setupnodes(self) -> None:
        """Name the workers that will replace crashed ones."""
        assert self._dsession.nodemanager is not None
        labels.name_replacements(self._dsession.nodemanager.group)

    @pytest.hookimpl(trylast=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker what it must prove."""
        name = workers.environment(node)
        workers.instruct(node, self.plans.get(name) or Plan(name, ""))

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Scheduling:
        """Give every environment a scheduler of its own."""
        from pytest_envguard.engine.scheduling import PerEnvironmentScheduling

        assert self._session is not None
        return PerEnvironmentScheduling(config, log, self._session)

    # -- while they run ------------------------------------------------------------------------------------------------

    def heard(self, environment: str, report: pytest.TestReport | pytest.CollectReport, nodeid: str) -> None:
        """Note what happened to the test (or file) ``nodeid`` in ``environment``."""
        if report.outcome in ("passed", "failed", "skipped"):  # not the "rerun" of pytest-rerunfailures
            self.runs[environment].add(nodeid, Outcome.of(report))
        if refusals := getattr(report, REFUSALS, None):
            self.runs[environment].refused(nodeid, refusals)

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
        enforced = [] if plan.is_host else [("envguard_enforced", terminal.mechanism(plan))]
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
        labels.label_junit(labels.junit_writers(self.config), report, environment)

    @pytest.hookimpl(tryfirst=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Take what the worker measured, or what it found broken."""
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
        run.resources = run.resources.and_worker(Resources.of(told, time.monotonic() - self._started))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """After the environments, run on the host what failed in them."""
        try:
            result = yield
            for run in self.runs.values():
                run.check_complete()
            return result
        finally:
            if not self._interrupted(sys.exc_info()[1]) and options.value(self.config, options.BASELINE) == "auto":
                self._run_baseline()

    def _interrupted(self, error: BaseException | None) -> bool:
        """Whether a user wants the end now.

        Trap: xdist stops for -x and --maxfail by a KeyboardInterrupt of its own. And a Ctrl-C reaches the workers as well. If one of them says so before the controller has noticed it itself,
        xdist takes it for a reason to stop, and the test it was in for a crash that could be compared with the host.
        """
        return self._worker_interrupted or (isinstance(error, KeyboardInterrupt) and not self._dsession.shouldstop)

    def _run_baseline(self) -> None:
        failed = {nodeid for run in self.runs.values() for nodeid in run.failed()}
        if self.baseline is None and failed:
            from pytest_envguard.engine.baseline import rerun_on_host

            self.baseline = rerun_on_host(self._dsession, sorted(failed))

    # -- after them ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Let a broken environment fail the run, and let ``--lf`` see plain node ids."""
        if any(run.broken for run in self.runs.values()) and session.exitstatus in (0, 5):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        try:
            return (yield)
        finally:
            if self.config.pluginmanager.hasplugin("cacheprovider"):
                labels.plain_last_failed(self.config, self._failed_before, self.runs.values())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the closing table."""
        summary = summarise(list(self.plans.values()), list(self.runs.values()), self.baseline)
        terminal.write(summary, terminalreporter, self.config.get_verbosity())


def _interrupt(_number: int, _frame: object) -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that junit and the summary of what ran are still written."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt("SIGTERM")
