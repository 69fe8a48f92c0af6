"""The environment's name in everything xdist passes on: progress, failures, summary lines, junit.

xdist prints the same node id as PASSED and FAILED without saying where (its issue 447). Here a node id that came from
an environment reads ``tests/test_a.py::test_x @lambda``: the part before the space still selects the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from pytest_envguard.engine import junit, workers
from pytest_envguard.report.junit import ENVIRONMENT

if TYPE_CHECKING:
    import execnet
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

    from pytest_envguard.model.plan import Plan
    from pytest_envguard.model.verdict import Run

LAST_FAILED = "cache/lastfailed"
_Location = tuple[str, "int | None", str]


def labelled(text: str, environment: str) -> str:
    """Return ``text`` (a node id, a test's name) with the environment behind it."""
    return f"{text} @{environment}"


def label_report(
    report: pytest.TestReport | pytest.CollectReport, environment: str, further: Iterable[tuple[str, str]] = ()
) -> None:
    """Name the environment in a report, once; ``further`` properties go into its junit case."""
    report.nodeid = labelled(report.nodeid, environment)
    _keep_whole(report)
    if isinstance(report, pytest.CollectReport):
        if isinstance(report.longrepr, str):
            # xdist shows a collection error once, however many workers had it: the same text must differ here.
            report.longrepr = f"{report.longrepr}\n(collected in {environment})"
        return
    file, line, name = report.location
    if report.when not in ("setup", "call", "teardown"):  # a crash: xdist knows only the file
        name = report.nodeid.removesuffix(labelled("", environment)).partition("::")[2]
    report.location = (file, line, _title(name, environment))
    if report.when not in ("setup", "call"):
        report.user_properties += [(ENVIRONMENT, environment), *further]


def _title(name: str, environment: str) -> str:
    """Return the name that a heading shows.

    Trap: where a node id ends with it, pytest's terminal replaces dots by "::" in it, also those of a version.
    """
    return labelled(name, environment) + " " * ("." in environment)


def _keep_whole(report: Any) -> None:
    """Let pytest 9.2 and later show the node id as it is.

    They take ids apart, and where an id has parameters they look for the closing bracket at its end.
    """
    structured = getattr(report, "_id", None)
    if structured is not None and structured.params is not None:
        path, _, names = report.nodeid.partition("::")
        report._id = type(structured)(path=path, names=(names,))  # noqa: SLF001


class Listener(Protocol):
    """Who is told what xdist received: the controller's session."""

    config: pytest.Config
    plans: dict[str, Plan]
    runs: dict[str, Run]

    def heard(self, environment: str, report: pytest.TestReport | pytest.CollectReport, nodeid: str) -> None:
        """A report came from ``environment``; its node id is still the plain one."""

    def properties(self, environment: str, nodeid: str) -> list[tuple[str, str]]:
        """What a junit case says of ``nodeid`` besides the environment's name."""

    def broke(self, environment: str, error: str) -> None:
        """pytest itself failed inside of ``environment``."""


def attach(dsession: DSession, session: Listener) -> None:
    """Label what ``dsession`` receives, before any plugin sees it.

    xdist finds the callback of an event by its name on the session object; a hook would come too late, because a node
    id that is passed as a plain argument can't be changed there.
    """
    logstart, logfinish = dsession.worker_logstart, dsession.worker_logfinish
    testreport, collectreport = dsession.worker_testreport, dsession.worker_collectreport
    errordown = dsession.worker_errordown

    def labelled_event(original: Any) -> Any:
        def event(node: WorkerController, nodeid: str, location: _Location) -> None:
            name = workers.environment(node)
            file, line, title = location
            original(node, nodeid=labelled(nodeid, name), location=(file, line, _title(title, name)))

        return event

    writers = junit.writers(session.config)

    def labelled_report(original: Any) -> Any:
        def event(node: WorkerController, rep: Any) -> None:
            name = workers.environment(node)
            plain = rep.nodeid
            session.heard(name, rep, plain)
            label_report(rep, name, session.properties(name, plain))
            rep.node = node
            junit.label(writers, rep, plain, name)
            original(node, rep=rep)

        return event

    def errordown_with_cause(node: WorkerController, error: object) -> None:
        from pytest_envguard.engine.exits import cause_of_death

        if error == "Not properly terminated":
            error = cause_of_death(node.gateway, session.plans[workers.environment(node)])
            session.runs[workers.environment(node)].deaths.append(str(error))
        errordown(node, error)

    internal_error = dsession.worker_internal_error

    def internal_error_breaks(node: WorkerController, formatted_error: str) -> None:
        # xdist shows it and goes on: a green end of a run whose worker broke would be a lie.
        session.broke(workers.environment(node), formatted_error)
        internal_error(node, formatted_error=formatted_error)

    replaced: dict[str, Any] = {
        "worker_logstart": labelled_event(logstart),
        "worker_logfinish": labelled_event(logfinish),
        "worker_testreport": labelled_report(testreport),
        "worker_collectreport": labelled_report(collectreport),
        "worker_errordown": errordown_with_cause,
        "worker_internal_error": internal_error_breaks,
    }
    for name, callback in replaced.items():
        setattr(dsession, name, callback)


def name_replacements(group: execnet.Group) -> None:
    """Let a worker that replaces a crashed one be called after its environment, not ``gw4``."""
    allocate = group.allocate_id
    counts: dict[str, int] = {}

    def allocate_by_environment(spec: execnet.XSpec) -> None:
        name = getattr(spec, "envguard", None)
        if spec.id is None and name:
            counts[name] = counts.get(name, 0) + 1
            spec.id = f"{workers.worker_id(name)}-replacement-{counts[name]}"
        allocate(spec)

    group.allocate_id = allocate_by_environment  # type: ignore[method-assign]


def plain_last_failed(config: pytest.Config, before: Mapping[str, bool], runs: Iterable[Run]) -> None:
    """Let ``--lf`` and ``--ff`` know plain node ids: a test has failed if it failed in any environment.

    Called after pytest has written what it makes of the labelled ones.
    """
    runs = list(runs)
    seen = {nodeid for run in runs for nodeid in run.outcomes}
    failed = {nodeid for run in runs for nodeid in run.failed()}
    kept = {nodeid for nodeid in before if nodeid not in seen}
    assert config.cache is not None
    config.cache.set(LAST_FAILED, dict.fromkeys(sorted(kept | failed), True))
