"""Workers: their specifications for execnet, and what each is told before it starts."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import execnet
import pytest
from xdist import workermanage

from pytest_envguard import options
from pytest_envguard.engine import hooked
from pytest_envguard.engine.inside import PROC, SHELTER
from pytest_envguard.matrix import activation
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.relocation import Move
from pytest_envguard.relocated import MOVED, arguments, coverage_outside

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_RESTARTS_PER_WORKER = 4  # xdist's own default for -n


class Workers:
    """The workers of all environments, in the order in which they begin.

    Attributes:
        count: How many each environment has.
        waiting: Environments that have not begun.
    """

    def __init__(
        self, config: pytest.Config, plans: Iterable[Plan], distribution: str, at_once: Mapping[str, int] | int | None
    ) -> None:
        """Make xdist start the first ones.

        Args:
            config: pytest's.
            plans: One for every environment.
            distribution: xdist's ``--dist``.
            at_once: How many environments run side by side, or how many on which machine ("" for this one); None for all.
        """
        self.count = count(config)
        self._ledger = options.value(config, options.REFUSALS) != "none"
        self._plans = {plan.name: plan for plan in plans}
        self.waiting = list(self._plans)
        option = config.option
        option.numprocesses = None  # or xdist would replace `tx` by plain workers
        option.dist = distribution
        if option.maxworkerrestart is None:
            # Without -n xdist knows no limit, and a conftest that kills its worker would be started for ever.
            option.maxworkerrestart = str(_RESTARTS_PER_WORKER * self.count * len(self._plans))
        option.tx = [spec for name in self._first(at_once) for spec in self.begin(name)]

    @property
    def environments(self) -> list[str]:
        """All environments."""
        return list(self._plans)

    def _first(self, at_once: Mapping[str, int] | int | None) -> list[str]:
        if isinstance(at_once, Mapping):
            return [name for machine, room in at_once.items() for name in self.waiting_on(machine)[:room]]
        return self.waiting[:at_once]

    def machine(self, environment: str) -> str:
        """Return the name of the machine that an environment runs on, "" for this one."""
        machine = self._plans[environment].machine
        return machine.name if machine else ""

    def waiting_on(self, machine: str) -> list[str]:
        """Return the environments that have not begun on a machine."""
        return [name for name in self.waiting if self.machine(name) == machine]

    def begin(self, environment: str = "") -> list[str]:
        """Return the specifications of an environment's workers, without a name those of the next one."""
        plan = self._plans[environment or self.waiting[0]]
        self.waiting.remove(plan.name)
        names = [plan.name if number == 0 else f"{plan.name}-{number + 1}" for number in range(self.count)]
        return [specification(plan, name, ledger=self._ledger) for name in names]


def count(config: pytest.Config) -> int:
    """Return how many workers each environment has."""
    chosen = config.getoption("numprocesses")
    if chosen in ("auto", "logical"):
        chosen = config.hook.pytest_xdist_auto_num_workers(config=config)
    limit = config.getoption("maxprocesses") or chosen
    return max(1, min(int(chosen or 1), int(limit or 1)))


def specification(plan: Plan, name: str, *, ledger: bool = False) -> str:
    """Return the execnet specification of one worker.

    execnet splits ``python=`` like a shell, so that a launcher can stand in front of the interpreter, and separates the
    fields by ``//``. It keeps unknown fields, also when xdist clones the specification of a crashed worker.
    """
    fields = ["popen", f"id={worker_id(name)}", f"envguard={_quoted(plan.name)}"]
    words = [plan.cell.python] if plan.cell else []
    machine = plan.machine
    if machine:
        fields.append(f"via={machine.gateway}")
        words = [*(words or [machine.python]), "-X", machine.mark(_quoted(name))]
    if plan.hooked:
        fields.append(f"env:{hooked.HOOK}={hooked.encode(plan)}")
    elif not plan.is_host:
        from pytest_envguard import launcher

        place = (machine.python, machine.launcher) if machine else ()
        words = [*launcher.command_line(for_pytest(plan, ledger=ledger), *place), *(words or [sys.executable])]
    if words:
        # A path with a double slash is the same path; the script's encoding has none.
        fields.append("python=" + shlex.join(words).replace("//", "/"))
    if machine and machine.scratch and not plan.script.get("coverage"):
        # pytest-cov leaves a file where it believes that it runs on another machine.
        fields.append(f"env:COVERAGE_FILE={machine.scratch}/.coverage")
    if plan.cell and (plan.is_host or plan.hooked):
        activated = activation.host_variables(plan.cell)
        activated.update(machine.variables(plan.cell) if machine else {})
        fields += [f"env:{name}={text.replace('//', '/')}" for name, text in activated.items()]
    return "//".join(fields)


def for_pytest(plan: Plan, *, ledger: bool = False) -> dict[str, Any]:
    """Return the plan's script for a process that is pytest itself and shelters its own files."""
    script: dict[str, Any] = dict(plan.script)
    from pytest_envguard import launcher

    environ = script["environ"]
    variables = {**environ["set"], SHELTER: script["coverage"] or ""}
    if script.get("moved"):
        variables[MOVED] = json.dumps(script["moved"])
    script["environ"] = {**environ, "set": variables}
    script["ledger"] = ledger
    return launcher.holding_proc(script, PROC)  # for a test in there that asks for an environment of its own


def worker_id(name: str) -> str:
    """Return ``name`` as that of a worker: others, such as pytest-cov, make names of files of it."""
    return _quoted(name).replace("/", "_")


def _quoted(name: str) -> str:
    """Return ``name`` without the ``//`` that would end its field."""
    return name.replace("%", "%25").replace("//", "%2F%2F")


def environment(node: WorkerController) -> str:
    """Return the name of the environment that a worker runs in."""
    return environment_of(node.gateway.spec)


def environment_of(spec: execnet.XSpec | str) -> str:
    """Return the name of the environment in a worker's specification."""
    if isinstance(spec, str):
        spec = execnet.XSpec(spec)
    return str(spec.envguard).replace("%2F%2F", "//").replace("%25", "%")


_frozen_path: list[str] = workermanage._sys_path  # noqa: SLF001  # xdist's copy of sys.path, which it hands to workers


def _search_path(plan: Plan) -> list[str]:
    if plan.machine:
        return plan.machine.search_path(_frozen_path, str(Path.cwd()), plan.cell)
    path = activation.search_path(_frozen_path, plan.cell) if plan.cell else _frozen_path
    move = Move.of(plan.script)
    return list(map(move.path, path)) if move else path


def instruct(node: WorkerController, plan: Plan) -> None:
    """Hand a worker what it must prove, keep pytest-cov from writing where it can't, and let it import its own versions."""
    workermanage._sys_path = _search_path(plan)  # noqa: SLF001  # read next
    node.workerinput["envguard"] = plan.name
    node.workerinput["envguard_cell"] = plan.cell is not None
    node.workerinput["envguard_promises"] = json.dumps(plan.promises)
    move = Move.of(plan.script)
    if move:
        folder = str(node.config.invocation_params.dir)
        _change_arguments(node, lambda words: arguments(words, folder, move))
    if (plan.script.get("coverage") or plan.machine or move) and "cov_master_host" in node.workerinput:
        # pytest-cov sends its data over the channel, instead of a file in the working directory, when it believes
        # that it runs on another host. In a way it does.
        node.workerinput["cov_master_host"] = f"{plan.name}.envguard.invalid"


def take_coverage(node: WorkerController, plan: Plan | None) -> None:
    """Name the files in what a worker has measured as they are called here, before pytest-cov takes it."""
    output: dict[str, Any] = getattr(node, "workeroutput", {})
    move = Move.of(plan.script) if plan else None
    if move and "cov_worker_data" in output:
        output["cov_worker_data"] = coverage_outside(output["cov_worker_data"], move)


def _change_arguments(node: WorkerController, change: Callable[[list[str]], list[str]]) -> None:
    """Change the command line that a worker gets; xdist hands it over first of all."""
    gateway: Any = node.gateway
    execute = gateway.remote_exec

    def remote_exec(source: Any) -> Any:
        channel = execute(source)
        send = channel.send

        def send_first(told: Any) -> None:
            inputs, words, *rest = told
            channel.send = send
            send((inputs, change(words), *rest))

        channel.send = send_first
        return channel

    gateway.remote_exec = remote_exec
