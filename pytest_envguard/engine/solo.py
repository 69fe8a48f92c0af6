"""One process with a terminal: ``--pdb``, ``-s`` and ``--collect-only`` run pytest itself inside of the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pytest_envguard import options
from pytest_envguard.engine import hooked
from pytest_envguard.engine.workers import for_pytest
from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix import activation
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.relocation import Move
from pytest_envguard.relocated import arguments
from pytest_envguard.report.terminal.header import plan_lines

SOLO = "PYTEST_ENVGUARD_SOLO"


def run_solo(config: pytest.Config, plans: list[Plan], option: str) -> int:
    """Run the same command line inside of each environment in turn and return the worst exit code.

    Raises:
        EnvguardError: ``option`` needs the terminal, and several environments would have to share it.
    """
    if len(plans) > 1 and option != "--collect-only":
        names = ", ".join(plan.name for plan in plans)
        raise EnvguardError(
            f"`{option}` needs the terminal for itself and works with one environment; asked for: {names}",
            f"for example `{_selection(plans[0])} {option}`",
        )
    _refuse_files(config, option)
    # Outside of its hooks pytest has given standard output back, but not standard input: pdb would read /dev/null.
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    codes = []
    for plan in plans:
        if config.get_verbosity() >= 0:
            print("\n".join(plan_lines(plan, config.get_verbosity() > 0)), flush=True)
        codes.append(_run(config, plan))
    return max(codes)


def _selection(plan: Plan) -> str:
    """Return the options that ask for one environment."""
    words = [f"--envguard={plan.made_from}"] if plan.made_from != "host" or not plan.cell else []
    versions = plan.cell.cell.versions if plan.cell else ()
    return " ".join([*words, *(f"--envguard-versions={axis}=={version}" for axis, version in versions)])


def _refuse_files(config: pytest.Config, option: str) -> None:
    """Files that pytest writes at its end can't be written from inside of a read-only environment."""
    if config.getoption("xmlpath", None):
        raise EnvguardError(
            f"`--junitxml` cannot be written together with `{option}`, which runs pytest itself inside of the environment",
            f"leave out one of them; without `{option}` the report is written outside",
        )
    if config.getoption(options.REPORT.name):  # one that the ini file always asks for is left out
        raise EnvguardError(
            f"`{options.REPORT.flag}` has nothing to tell with `{option}`, which runs pytest itself inside of the environment",
            "leave out one of them",
        )


def _run(config: pytest.Config, plan: Plan) -> int:
    words = [str(word) for word in config.invocation_params.args]
    if move := Move.of(plan.script):
        words = arguments(words, str(config.invocation_params.dir), move)
    # The cache lies in the project, which is read-only inside: its warning would be about this plugin, not the project.
    reads_cache = any(config.getoption(name, False) for name in ("lf", "failedfirst", "stepwise"))
    without_cache = [] if reads_cache else ["-p", "no:cacheprovider"]
    python = plan.cell.python if plan.cell else sys.executable
    command = [python, "-m", "pytest", *without_cache, *words, "-n", "0"]
    environ = {**os.environ, SOLO: json.dumps(plan.promises)}
    if plan.cell and (plan.is_host or plan.hooked):
        environ.update(activation.host_variables(plan.cell))
    if plan.hooked:
        environ[hooked.HOOK] = hooked.encode(plan)
    if not (plan.is_host or plan.hooked):
        from pytest_envguard import launcher

        command = launcher.command_line(for_pytest(plan)) + command
    return _wait(subprocess.Popen(command, env=environ))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for it through any number of Ctrl-C: the terminal sends them to it as well, and pdb lives on."""
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code
