"""xdist's workers on other machines: how they are started there, how they end, and what a lost connection costs."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import execnet
import pytest

from pytest_envguard.endings import describe
from pytest_envguard.engine import workers
from pytest_envguard.engine.hosts.connections import Host, host_of
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.host import Machine
from pytest_envguard.model.plan import Plan

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.workermanage import NodeManager, WorkerController

_PATIENCE = 5.0  # seconds that a process may take to end after it has closed its channel
_CANNOT = (OSError, EOFError, AssertionError, execnet.RemoteError)  # how execnet says that a worker didn't start


class Distant:
    """The workers of a run that are on other machines.

    Attributes:
        given_up: Environment to why a worker of it could not be started.
    """

    def __init__(self, config: pytest.Config, group: execnet.Group) -> None:
        """Take part in the run of ``config`` with the connections of ``group``."""
        self._config = config
        self._group = group
        self._starting = True
        self._patience = _PATIENCE
        self.given_up: dict[str, str] = {}

    def join(self, manager: NodeManager, machines: Sequence[Machine]) -> None:
        """Let xdist's workers, which ``manager`` is about to start, use the connections."""
        for gateway in list(self._group):
            # There is no public way to hand one over, and a socket server takes no second connection.
            self._group._gateways.remove(gateway)  # noqa: SLF001
            del gateway._group  # noqa: SLF001
            manager.group._register(gateway)  # noqa: SLF001
        self._map_coverage(machines)
        start, make = manager.setup_node, manager.group.makegateway

        def start_or_give_up(spec: execnet.XSpec, putevent: Any) -> Any:
            if not spec.via:
                return start(spec, putevent)
            try:
                return start(spec, putevent)
            except _CANNOT as error:
                host: Host = manager.group[str(spec.via)].envguard  # set by it
                reason = host.lost() if host.is_lost() else f"it could not be entered: {error or 'see above'}"
                if not self._starting:
                    raise OSError(reason) from None
                self.given_up.setdefault(workers.environment_of(spec), reason)
                return None

        def make_patient(spec: Any = None) -> Any:
            gateway: Any = make(spec)
            if gateway.spec.via:
                _wait_with_patience(gateway, lambda: self._patience)
            return gateway

        manager.setup_node = start_or_give_up
        manager.group.makegateway = make_patient

    def _map_coverage(self, machines: Sequence[Machine]) -> None:
        """Let coverage's data be about the files here; pytest-cov 7 forgets where those of other machines lay."""
        plugin = self._config.pluginmanager.get_plugin("_cov")
        combining = getattr(getattr(plugin, "cov_controller", None), "combining_cov", None)
        if combining is not None:
            folders = [str(self._config.rootpath), *(machine.project for machine in machines)]
            combining.config.paths["envguard"] = list(dict.fromkeys(folders))

    def started(self, dsession: DSession) -> None:
        """All first workers have started, or have not; from here on each that can't is given up by itself.

        Raises:
            pytest.UsageError: None has.
        """
        self._starting = False
        active = dsession._active_nodes  # noqa: SLF001  # xdist has no public name for it
        active.discard(None)  # what `setup_node` has returned
        if not active:
            assert dsession.nodemanager is not None
            dsession.nodemanager.teardown_nodes()
            reasons = "\n".join(f"  {text}" for text in dict.fromkeys(self.given_up.values()))
            raise pytest.UsageError(f"no machine could run an environment:\n{reasons}")

    def hurry(self) -> None:
        """Don't wait for tests that still run: a user wants the end now, and a terminal's Ctrl-C has not reached them."""
        self._patience = 0.2

    def attach(self, dsession: DSession, give_up: Callable[[str, str, WorkerController], None]) -> None:
        """Let a worker that can't be replaced cost its environment, not the run.

        Args:
            dsession: xdist's.
            give_up: Is told the environment, the reason, and the worker that ended.
        """
        clone = dsession._clone_node  # noqa: SLF001  # xdist has no hook for it

        def clone_or_give_up(node: WorkerController) -> WorkerController:
            if not node.gateway.spec.via:
                return clone(node)
            try:
                return clone(node)
            except OSError as error:
                give_up(workers.environment(node), str(error), node)
                return node

        dsession._clone_node = clone_or_give_up  # noqa: SLF001

    def instruct(self, node: WorkerController, plan: Plan) -> None:
        """Prepare a worker that is about to start."""
        if plan.machine is None:
            return
        send = node.sendcommand

        def send_while_there(name: str, **arguments: object) -> None:
            with contextlib.suppress(OSError):  # that its connection is gone is an event of its own
                send(name, **arguments)

        node.sendcommand = send_while_there
        if plan.machine.project != str(self._config.rootpath):
            self._translate(node, plan.machine.project)

    def _translate(self, node: WorkerController, project: str) -> None:
        """Let the command line that a worker gets name the project's folder there; xdist hands it over first of all."""
        root = re.compile(rf"(^|=){re.escape(str(self._config.rootpath))}(?=/|::|$)")
        gateway: Any = node.gateway
        execute = gateway.remote_exec

        def remote_exec(source: Any) -> Any:
            channel = execute(source)
            send = channel.send

            def send_first(told: Any) -> None:
                inputs, arguments, *rest = told
                channel.send = send
                translated = [root.sub(lambda match: match[1] + project, text) for text in arguments]
                send((inputs, translated, *rest))

            channel.send = send_first
            return channel

        gateway.remote_exec = remote_exec


def how_it_ended(gateway: execnet.Gateway, plan: Plan) -> str:
    """Return a sentence about how a worker on another machine ended."""
    host = host_of(gateway)
    try:
        code = host.ask("ended", mark=_mark(gateway), patience=_PATIENCE)
    except (OSError, EnvguardError):
        return host.lost()
    return describe(code, plan) if code is not None else "the worker closed its channel and is still running"


def _mark(gateway: execnet.Gateway) -> str:
    """Return the word by which a worker's process is found on its machine."""
    words = shlex.split(str(gateway.spec.python))
    return words[words.index("-X") + 1]


def _wait_with_patience(gateway: Any, patience: Callable[[], float]) -> None:
    """Let the end of a run wait for a worker there only so long.

    execnet waits in the one thread through which all of that machine is heard: a worker that doesn't end would block
    even the request to kill it.
    """
    join, wire = gateway.join, gateway._io  # noqa: SLF001  # execnet has no public name for it
    host = host_of(gateway)  # which may have left the group, when the last worker there has ended

    def wait() -> int | None:
        try:
            code: int | None = host.ask("finish", mark=_mark(gateway), patience=patience())
        except (OSError, EnvguardError):
            return None
        return code

    def join_in_a_hurry(timeout: float | None = None) -> None:
        if patience() < _PATIENCE:
            wait()
        join(timeout)

    gateway.join = join_in_a_hurry
    wire.wait = wait
    wire.kill = lambda: None  # `finish` has
