"""The process of one test: forked from pytest with all that lives there, moved into an environment.

Nobody can move himself into a process namespace, only the children he has afterwards. Root says so before the fork. Where
that takes a user namespace, which pytest itself must not enter, there are two forks::

    pytest
      joiner    joins the environment's namespaces, waits, ends the way the test's process ended
        test    drops to its identity and limits, runs the test, reports through a file in memory
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, NoReturn

from pytest_envguard import launcher
from pytest_envguard.item.channel import Channel, Receiver
from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.exits import CANNOT_ENTER


class Child(NamedTuple):
    """A test's process, seen from pytest.

    Attributes:
        pid: Process id of the one that was started from here, and ends the way the test's process ends.
        waits: Whether that one only waits for its child: the test's process, or the first one of its environment.
        dumps: Whether the test's process writes its stacks when it's asked to; see `inside.DUMP`.
        receiver: Its messages.
        channel: Where its messages come from.
        process: Its pidfd.
    """

    pid: int
    waits: bool
    dumps: bool
    receiver: Receiver
    channel: Channel
    process: int

    def inner(self) -> int | None:
        """Return the process id of the test's process, or of what it lives in; None if it has ended."""
        if not self.waits:
            return self.pid
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError):
            return None

    def kill(self) -> None:
        """End it at once; what waits for it ends then by itself, and cleans up before."""
        with suppress(ProcessLookupError):
            os.kill(self.inner() or self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return how the test's process ended: its exit code, or the negative number of a signal."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.process)
        self.channel.close()
        return os.waitstatus_to_exitcode(status)


Act = Callable[[Channel], None]


def fork(script: launcher.Script, init: int | None, admit: Callable[[int], None], act: Act, channel: Channel) -> Child:
    """Start a test's process.

    Args:
        script: The environment's.
        init: First process of the environment to join; None if the plan needs no namespace.
        admit: Called here with the new process's id before it goes on.
        act: What the test's process does, after which it ends.
        channel: How it reports.
    """
    wait, go = os.pipe2(os.O_CLOEXEC)
    environment = None if init is None else os.pidfd_open(init)
    direct = environment is not None and not script["namespaces"] & call.CLONE_NEWUSER
    pid = _fork_into(environment) if direct and environment is not None else _fork_quietly()
    if pid == 0:
        os.close(go)
        os.read(wait, 1)
        _begin(script, environment, channel, act if direct else partial(_fork_again, script, act))
    for descriptor in (wait, *([] if environment is None else [environment])):
        os.close(descriptor)
    admit(pid)
    os.close(go)
    process = os.pidfd_open(pid)
    return Child(pid, not direct, True, Receiver(channel, process), channel, process)


def _fork_into(environment: int) -> int:
    """Fork a child that is in the environment's process namespace; root may, and is back in its own afterwards."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    call.setns(environment, call.CLONE_NEWPID)
    pid = -1
    try:
        pid = _fork_quietly()
    finally:
        if pid:
            call.setns(own, call.CLONE_NEWPID)
        os.close(own)
    return pid


def _fork_quietly() -> int:
    if sys.version_info < (3, 12):
        return os.fork()
    # Python warns where other threads run; whether they matter is said by `threads`, in the user's words.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _begin(script: launcher.Script, environment: int | None, channel: Channel, act: Act) -> NoReturn:
    """Move this new process into the environment and go on with ``act``."""
    try:
        call.prctl(call.PR_SET_PDEATHSIG, signal.SIGKILL)
        if environment is None:
            call.prctl(call.PR_SET_CHILD_SUBREAPER, 1)
        else:
            call.setns(environment, script["namespaces"])
    except OSError as error:
        channel.send("broken", f"could not be entered: {error.strerror or error}")
        os._exit(CANNOT_ENTER)
    try:
        act(channel)
    except BaseException:  # noqa: BLE001  # pytest's own code must not go on in here
        channel.send("internal", traceback.format_exc())
    os._exit(0)


def _fork_again(script: launcher.Script, act: Act, channel: Channel) -> None:
    """Be the joiner, who answers the test's system calls where no namespace is there to do so, and in its child the test."""
    if script["trapped"]:
        try:
            refused = launcher.build(script)  # without namespaces, a folder that all share
            launcher.supervise(script)
        except (OSError, KeyError) as error:
            refused = f"could not be entered: {error}"
        if refused:
            channel.send("broken", refused)
            os._exit(CANNOT_ENTER)
    test = _fork_quietly()
    if test == 0:
        act(channel)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends them to the test as well, which decides
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    _, status = os.waitpid(test, 0)
    if not script["namespaces"] & call.CLONE_NEWPID:
        launcher.end_all(launcher.children())
    if os.WIFSIGNALED(status):
        launcher.end_by(os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))
