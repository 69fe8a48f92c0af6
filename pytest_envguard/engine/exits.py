"""Why a worker died: its signal, and the likely cause."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

from pytest_envguard.launcher import CANNOT_ENTER, OUT_OF_MEMORY
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.plan import Plan

_PATIENCE = 5.0  # seconds that a process may take to end after it has closed its channel

_LIKELY = {
    signal.SIGKILL: "killed from outside: most often the machine itself ran out of memory",
    signal.SIGSEGV: "a native extension touched memory that isn't there",
    signal.SIGBUS: "a file in memory could not grow: /dev/shm or /tmp is full",
    signal.SIGABRT: "a native library gave up, see its message above",
    signal.SIGSYS: "a system call that a seccomp filter forbids",
    signal.SIGILL: "an instruction that this processor doesn't have",
    signal.SIGFPE: "a native division by zero",
    signal.SIGXCPU: "the limit of processor time was reached",
    signal.SIGXFSZ: "the limit of file size was reached",
}


def cause_of_death(gateway: Any, plan: Plan) -> str:
    """Return a sentence about how the process behind ``gateway`` ended."""
    process = getattr(gateway._io, "popen", None)  # noqa: SLF001  # execnet has no public name for it
    try:
        code = process.wait(_PATIENCE) if process else None
    except subprocess.TimeoutExpired:
        code = None
    if code is None:
        return "the worker closed its channel and is still running"
    return describe(code, plan)


def describe(code: int, plan: Plan) -> str:
    """Return a sentence about the exit code of a worker; negative codes are signals, as `subprocess` gives them."""
    memory = plan.script.get("memory")
    if code == OUT_OF_MEMORY and isinstance(memory, dict):
        return f"killed for memory: more than the {show_size(memory['limit'])} of {plan.name}"
    if code == CANNOT_ENTER:
        return f"the environment {plan.name} could not be entered"
    if code >= 0:
        return f"the worker's process ended with exit code {code} (os._exit?)"
    if -code not in set(signal.Signals):
        return f"the worker was ended by signal {-code}"
    number = signal.Signals(-code)
    likely = _LIKELY.get(number)
    return f"the worker was ended by {number.name}" + (f": {likely}" if likely else "")
