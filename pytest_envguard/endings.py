"""Why a process ended as it did: its exit code or signal, and the likely cause."""

from __future__ import annotations

import signal

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.exits import CANNOT_ENTER, NOT_SUPERVISED, OUT_OF_MEMORY
from pytest_envguard.model.plan import Plan

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


def describe(code: int, plan: Plan, who: str = "the worker") -> str:
    """Return a sentence about how a process ended.

    Args:
        code: Its exit code; a negative one is a signal, as `subprocess` gives it.
        plan: The plan of the environment that it ran in.
        who: What the process is to the user.
    """
    memory = plan.script.get("memory")
    if code == OUT_OF_MEMORY and isinstance(memory, dict):
        return f"killed for memory: more than the {show_size(memory['limit'])} of {plan.name}"
    if code == CANNOT_ENTER:
        return f"the environment {plan.name} could not be entered"
    if code == NOT_SUPERVISED and plan.script.get("trapped"):
        return f"the supervisor that answers system calls in {plan.name} ended, and {who} was killed with it"
    if code >= 0:
        return f"{who}'s process ended with exit code {code} (os._exit?)"
    if -code not in set(signal.Signals):
        return f"{who} was ended by signal {-code}"
    number = signal.Signals(-code)
    likely = _LIKELY.get(number)
    return f"{who} was ended by {number.name}" + (f": {likely}" if likely else "")
