"""Tests that are run again in new workers, after the run: for the comparison with the host, and with remedies.

Nothing of it counts for the run's outcome: the events of these workers go to a queue of their own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, NamedTuple

import execnet
import pytest

from pytest_envguard import options
from pytest_envguard.engine import narrowing, workers
from pytest_envguard.engine.exits import cause_of_death
from pytest_envguard.engine.remedies import remedied
from pytest_envguard.model.evidence import EVIDENCE
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.refusal import REFUSALS
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

UNKNOWN = 300.0  # seconds that something may take whose usual time nobody knows
SHORTEST = 60.0  # seconds that every test may take
_TIMES = 3  # as long as a test took in the run may it take again
_EXECUTION = "execmodel=main_thread_only"
_PATIENCE = 2.0  # seconds that a launcher may take to clean up
_INTERRUPTED = 0.5  # seconds in which Ctrl-C, which reaches workers as well, has come here too
_LONGEST_LOOK = 2.0  # seconds without a look at the clock


class Wanted(NamedTuple):
    """Tests to run again.

    Attributes:
        plan: Where.
        nodeids: Tests, or files whose import is tried.
        seconds: Node id to what it took in the run.
        narrow: Whether only their files are collected. It takes less time; but a test that needs what another file's
            import does fails then.
        whole: Whether the tests in a wanted file run as well, if it can be imported.
    """

    plan: Plan
    nodeids: Sequence[str]
    seconds: Mapping[str, float] = {}
    narrow: bool = True
    whole: bool = False

    def limit(self, nodeid: str) -> float:
        """Return after how many seconds a test is taken for hung; "" is all that a worker does between tests."""
        known = self.seconds.get(nodeid)
        return UNKNOWN if known is None else max(SHORTEST, _TIMES * known)


def rerun_on_host(dsession: DSession, host: Plan, nodeids: list[str]) -> Run:
    """Run the tests (or collect the files) ``nodeids`` in a plain worker.

    All files are collected, as in the run: a test that fails only because another file wasn't imported would be taken
    for one that fails everywhere. A worker that dies costs the test it was running, which then has failed on the host as
    well; what can't be run stays "not compared".
    """
    (run,) = rerun(dsession, [Wanted(host, nodeids, narrow=False)], hung=False)
    return run


def rerun(dsession: DSession, wanted: Iterable[Wanted], *, hung: bool = True) -> list[Run]:
    """Run tests again, each of ``wanted`` in a new worker, as many at the same time as there are processors.

    Args:
        dsession: xdist's, whose workers have ended.
        wanted: What to run, and where.
        hung: Whether a test that takes much longer than in the run is killed.

    Returns:
        What happened, in the order of ``wanted``. A run is `broken` where a worker could not be started or hung; a worker
        that died is among its `deaths`.
    """
    errands = [_Errand(one, Run(one.plan.name), narrow=one.narrow and one.plan.machine is None) for one in wanted]
    _Loop(dsession, hung=hung).go(errands)
    return [errand.run for errand in errands]


def most_at_once() -> int:
    """Return how many workers run side by side."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@dataclass
class _Errand:
    """What one worker after the other does until nothing is left.

    Attributes:
        begun: When the first of them was started.
        running: The test that runs now; "" between tests.
        since: When that began.
        progress: Whether this worker has run a test.
        widens: Whether the next worker collects everything, because this one has not found all tests.
    """

    wanted: Wanted
    run: Run
    narrow: bool
    node: WorkerController | None = None
    begun: float = 0.0
    running: str = ""
    since: float = 0.0
    progress: bool = False
    widens: bool = False

    @property
    def left(self) -> list[str]:
        return [nodeid for nodeid in self.wanted.nodeids if nodeid not in self.run.outcomes]

    @property
    def end(self) -> float:
        """When it's taken for hung."""
        return self.since + self.wanted.limit(self.running)

    def is_at(self, nodeid: str) -> None:
        self.running, self.since = nodeid, time.monotonic()


class _Loop:
    """All workers of a rerun, and the one queue that all of their events come through."""

    def __init__(self, dsession: DSession, *, hung: bool) -> None:
        manager = dsession.nodemanager
        assert manager is not None
        self._manager = manager
        self._config: pytest.Config = dsession.config
        self._ledger = options.value(self._config, options.REFUSALS) != "none"
        self._hung = hung
        self._events: Queue[tuple[str, dict[str, Any]]] = Queue()
        self._live: dict[WorkerController, _Errand] = {}
        self._beginning: _Errand | None = None
        if reporter := getattr(dsession, "trdist", None):
            reporter._isatty = False  # noqa: SLF001  # or it would draw its line of workers over what was printed

    def go(self, errands: Iterable[_Errand]) -> None:
        """Run all ``errands``."""
        waiting = deque(errand for errand in errands if errand.wanted.nodeids)
        most = most_at_once()
        self._config.pluginmanager.register(self)
        try:
            while waiting or self._live:
                while waiting and len(self._live) < most:
                    self._begin(waiting.popleft())
                waiting.extend(self._take_event())
        finally:
            self._config.pluginmanager.unregister(self)
            for node in list(self._live):
                _end(node, kill=True)

    # -- the beginning -------------------------------------------------------------------------------------------------

    def _begin(self, errand: _Errand) -> None:
        plan = errand.wanted.plan
        made = remedied.specification(plan, workers.specification(plan, plan.name, ledger=self._ledger))
        specification = execnet.XSpec(f"{_EXECUTION}//{made}")
        specification.id = None  # there may be one of that name
        self._manager.group.allocate_id(specification)
        errand.progress = errand.widens = False
        errand.is_at("")
        errand.begun = errand.begun or errand.since
        self._beginning = errand
        try:
            errand.node = self._manager.setup_node(specification, self._events.put)
        except (EOFError, OSError) as error:  # its launcher has said why; or that machine is gone
            errand.run.broken = Broken((f"could not be entered: {error or 'see above'}",))
            return
        finally:
            self._beginning = None
        self._live[errand.node] = errand

    @pytest.hookimpl(trylast=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker what it must prove with its remedies, and what it is to run."""
        errand = self._beginning
        assert errand is not None
        workers.instruct(node, errand.wanted.plan)
        if "cov_master_host" in node.workerinput and errand.wanted.narrow:
            # Then pytest-cov sends its data to the controller, where nobody takes it: with a remedy it doesn't count.
            node.workerinput["cov_master_host"] = "again.envguard.invalid"
        if errand.wanted.plan.machine is None:
            node.workerinput[narrowing.AGAIN] = [list(errand.wanted.nodeids), errand.narrow, errand.wanted.whole]
            _load(node, narrowing.MODULE)

    # -- while they run ------------------------------------------------------------------------------------------------

    def _take_event(self) -> list[_Errand]:
        """Wait for something to happen; return what must go on in another worker."""
        now = time.monotonic()
        ends = [errand.end for errand in self._live.values()] if self._hung else []
        try:
            name, arguments = self._events.get(timeout=max(0.0, min([_LONGEST_LOOK, *(end - now for end in ends)])))
        except Empty:
            return self._end_hung() if self._hung else []
        node = arguments.get("node")
        errand = self._live.get(node) if node is not None else None
        if errand is None:  # a warning, or the last words of one that was given up
            return []
        assert node is not None
        if name not in ("workerfinished", "errordown", "internal_error"):
            _hear(errand, node, name, arguments)
            return []
        del self._live[node]
        _account(errand, node, name, arguments)
        _end(node, kill=name == "internal_error")
        errand.run.resources = Resources(time.monotonic() - errand.begun)
        return [errand] if _goes_on(errand) else []

    def _end_hung(self) -> list[_Errand]:
        for node, errand in list(self._live.items()):
            if time.monotonic() < errand.end:
                continue
            del self._live[node]
            _end(node, kill=True)
            what = errand.running or "the worker"
            told = f"was still running after {errand.wanted.limit(errand.running):.0f} s, and was killed"
            if errand.running:
                errand.run.add(errand.running, Outcome.crashed(told))
            errand.run.broken = Broken((f"{what} {told}",))
            errand.run.resources = Resources(time.monotonic() - errand.begun)
        return []


def _load(node: WorkerController, module: str) -> None:
    """Let a worker load a further plugin: xdist hands it the command line first of all."""
    gateway: Any = node.gateway
    execute = gateway.remote_exec

    def remote_exec(source: Any) -> Any:
        channel = execute(source)
        send = channel.send

        def send_first(told: Any) -> None:
            inputs, arguments, *rest = told
            channel.send = send
            send((inputs, ["-p", module, *arguments], *rest))

        channel.send = send_first
        return channel

    gateway.remote_exec = remote_exec


def _hear(errand: _Errand, node: WorkerController, name: str, arguments: Mapping[str, Any]) -> None:
    if name == "collectionfinish":
        _send(errand, node, arguments["ids"])
    elif name == "logstart":
        errand.is_at(arguments["nodeid"])
    elif name == "logfinish":
        errand.is_at("")
        errand.progress = True
    elif name in ("testreport", "collectreport"):
        _note(errand.run, arguments["rep"])


def _send(errand: _Errand, node: WorkerController, collected: Sequence[str]) -> None:
    """Ask for the wanted tests; a wanted file that was collected without an error passes."""
    left = set(errand.left)
    found = [index for index, nodeid in enumerate(collected) if nodeid in left or _is_whole(errand, nodeid)]
    missing = [nodeid for nodeid in left.difference(collected) if "::" in nodeid]
    if errand.narrow and missing:
        errand.widens = True
        node.shutdown()
        return
    for nodeid in left.difference(collected).difference(missing):
        errand.run.add(nodeid, Outcome.passed())
    if found:
        node.send_runtest_some(found)
    node.shutdown()


def _is_whole(errand: _Errand, nodeid: str) -> bool:
    return (
        errand.wanted.whole and nodeid not in errand.run.outcomes and nodeid.partition("::")[0] in errand.wanted.nodeids
    )


def _note(run: Run, report: Any) -> None:
    nodeid = report.nodeid
    if report.outcome in ("passed", "failed", "skipped"):  # not the "rerun" of pytest-rerunfailures
        run.add(nodeid, Outcome.of(report))
    run.seconds[nodeid] = run.seconds.get(nodeid, 0.0) + getattr(report, "duration", 0.0)
    if refusals := getattr(report, REFUSALS, None):
        run.refused(nodeid, refusals)
    if evidence := getattr(report, EVIDENCE, None):
        run.left_behind(nodeid, evidence)


# -- the end -----------------------------------------------------------------------------------------------------------


def _account(errand: _Errand, node: WorkerController, name: str, arguments: Mapping[str, Any]) -> None:
    """Note how a worker has ended."""
    run, plan = errand.run, errand.wanted.plan
    if name == "internal_error":
        last = str(arguments["formatted_error"]).strip().splitlines()[-1:] or [""]
        run.broken = Broken((f"internal error of pytest or a plugin: {last[0]}",))
        return
    output: dict[str, Any] = getattr(node, "workeroutput", {})
    told: dict[str, Any] = output.get("envguard", {})
    if output.get("exitstatus") == pytest.ExitCode.INTERRUPTED:
        time.sleep(_INTERRUPTED)  # in which Ctrl-C is raised here, if it was one
    if "broken" in told:
        run.broken = Broken(tuple(told["broken"]))
    for nodeid, refusals in told.get("imports", {}).items():
        run.refused(nodeid, refusals)
    run.unwatched = run.unwatched or told.get("unwatched", "")
    if name == "workerfinished" and not errand.running:
        return
    cause = "the worker died on the host as well" if plan.is_host else cause_of_death(node.gateway, plan)
    cause = "interrupted" if name == "workerfinished" else cause
    run.deaths.append(cause)
    if errand.running:
        run.add(errand.running, Outcome.crashed(cause))
        errand.progress = True


def _goes_on(errand: _Errand) -> bool:
    """Whether another worker must do the rest: of one that died, that stopped early, or that has not found all."""
    if errand.run.broken or not errand.left:
        return False
    if errand.widens:
        errand.narrow = False
        errand.run = Run(errand.run.environment)
        return True
    return errand.progress


def _end(node: WorkerController, *, kill: bool) -> None:
    """Let a worker's process end; its gateway would live to the end of the run, with all that it has imported."""
    if kill:
        _kill(node)
    with contextlib.suppress(OSError, EOFError):
        node.gateway.exit()


def _kill(node: WorkerController) -> None:
    wire = node.gateway._io  # noqa: SLF001  # execnet has no public name for it
    process: subprocess.Popen[bytes] | None = getattr(wire, "popen", None)
    if process is None:  # on another machine, where `wait` kills what doesn't end
        with contextlib.suppress(OSError, EOFError):
            wire.wait()
        return
    # A launcher passes it on, and gives the environment's memory cgroup back when that has ended.
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
