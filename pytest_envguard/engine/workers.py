"""Workers: their specifications for execnet, and what each is told before it starts."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import execnet
import pytest

from pytest_envguard import options
from pytest_envguard.engine import hooked
from pytest_envguard.engine.inside import PROC, SHELTER
from pytest_envguard.model.plan import Plan

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_RESTARTS_PER_WORKER = 4  # xdist's own default for -n


def configure(config: pytest.Config, plans: Iterable[Plan], distribution: str) -> None:
    """Make xdist start ``-n`` workers for every plan."""
    count = _count(config)
    ledger = options.value(config, options.REFUSALS) != "none"
    specifications = [
        specification(plan, plan.name if number == 0 else f"{plan.name}-{number + 1}", ledger=ledger)
        for plan in plans
        for number in range(count)
    ]
    option = config.option
    option.numprocesses = None  # or xdist would replace `tx` by plain workers
    option.tx = specifications
    option.dist = distribution
    if option.maxworkerrestart is None:
        # Without -n xdist knows no limit, and a conftest that kills its worker would be started for ever.
        option.maxworkerrestart = str(_RESTARTS_PER_WORKER * len(specifications))


def _count(config: pytest.Config) -> int:
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
    fields = ["popen", f"id={_quoted(name)}", f"envguard={_quoted(plan.name)}"]
    if plan.hooked:
        fields.append(f"env:{hooked.HOOK}={hooked.encode(plan)}")
    elif not plan.is_host:
        from pytest_envguard import launcher

        words = [*launcher.command_line(for_pytest(plan, ledger=ledger)), sys.executable]
        # A path with a double slash is the same path; the script's encoding has none.
        fields.append("python=" + shlex.join(words).replace("//", "/"))
    return "//".join(fields)


def for_pytest(plan: Plan, *, ledger: bool = False) -> dict[str, Any]:
    """Return the plan's script for a process that is pytest itself and shelters its own files."""
    script: dict[str, Any] = dict(plan.script)
    from pytest_envguard import launcher

    environ = script["environ"]
    variables = {**environ["set"], SHELTER: script["coverage"] or ""}
    script["environ"] = {**environ, "set": variables}
    script["ledger"] = ledger
    return launcher.holding_proc(script, PROC)  # for a test in there that asks for an environment of its own


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


def instruct(node: WorkerController, plan: Plan) -> None:
    """Hand a worker what it must prove, and keep pytest-cov from writing where it can't."""
    node.workerinput["envguard"] = plan.name
    node.workerinput["envguard_promises"] = json.dumps(plan.promises)
    if plan.script.get("coverage") and "cov_master_host" in node.workerinput:
        # pytest-cov sends its data over the channel, instead of a file in the working directory, when it believes
        # that it runs on another host. In a way it does.
        node.workerinput["cov_master_host"] = f"{plan.name}.envguard.invalid"
