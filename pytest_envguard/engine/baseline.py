"""The comparison: tests that failed in an environment, run once more on the host."""

from __future__ import annotations

from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

import execnet

from pytest_envguard.engine import workers
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

_EXECUTION = "execmodel=main_thread_only"


def rerun_on_host(dsession: DSession, host: Plan, nodeids: list[str]) -> Run:
    """Run the tests (or collect the files) ``nodeids`` in a plain worker; nothing of it counts for the run's outcome.

    A worker that dies costs the test it was running, which then has failed on the host as well; another one goes on.
    """
    run = Run(host.name)
    left = list(nodeids)
    while left:
        _one_worker(dsession, host, left, run)
        rest = [nodeid for nodeid in left if nodeid not in run.outcomes]
        if len(rest) == len(left):
            break  # what is left can't be run on the host; it stays "not compared"
        left = rest  # a worker that died, or stopped for -x, has left some
    return run


def _one_worker(dsession: DSession, host: Plan, wanted: list[str], run: Run) -> None:
    """Run ``wanted`` until the worker ends."""
    manager = dsession.nodemanager
    assert manager is not None
    events: Queue[tuple[str, dict[str, Any]]] = Queue()
    specification = execnet.XSpec(f"{_EXECUTION}//{workers.specification(host, host.name)}")
    specification.id = None  # there may be one of that name
    manager.group.allocate_id(specification)
    try:
        node = manager.setup_node(specification, events.put)
    except OSError:
        if host.machine is None:
            raise
        return  # that machine is gone; what is left stays "not compared"
    running = ""
    while True:
        try:
            name, arguments = events.get(timeout=2.0)
        except Empty:
            continue
        if name == "collectionfinish":
            _send(node, arguments["ids"], wanted, run)
        elif name == "logstart":
            running = arguments["nodeid"]
        elif name in ("testreport", "collectreport"):
            report = arguments["rep"]
            run.add(report.nodeid, Outcome.of(report))
        elif name in ("errordown", "internal_error"):
            if running:
                run.add(running, Outcome.crashed("the worker died on the host as well"))
            return
        elif name == "workerfinished":
            return


def _send(node: WorkerController, collected: list[str], wanted: list[str], run: Run) -> None:
    """Ask for the wanted tests; a wanted file that collects without an error here passes on the host."""
    places = {nodeid: index for index, nodeid in enumerate(collected)}
    for nodeid in wanted:
        if nodeid not in places and "::" not in nodeid:
            run.add(nodeid, Outcome.passed())
    indices = [places[nodeid] for nodeid in wanted if nodeid in places]
    if indices:
        node.send_runtest_some(indices)
    node.shutdown()
