"""Keep environments ready that single tests join: ``python -I -S pool.py PYTEST``, with orders on standard input.

A test needs a fresh environment, and to make one takes longer than to join it. This program, which is small and so forks
quickly, makes them, mostly while a test runs in the one before::

    make SCRIPT      ->  ready INIT        an environment that nobody has used; INIT is its first process
                     ->  failed REASON
    admit INIT PID   ->  admitted          the memory limit counts PID from here on (where a cgroup counts)
    end INIT         ->  ended             everything in it is killed, its mounts and namespaces go with it
                     ->  memory            the same, but it had been ended before, for memory

Orders are answered in their turn. Those that begin with ``later`` wait until another one comes or until a lull: the kernel
changes one mount namespace at a time, and a test that joins its own would wait.

It is no child of pytest's (the argument is its process id): a test that waits for its children, or counts them, must not
meet it. It ends with pytest all the same, also by ``kill -9``, and each environment ends with it.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # see `launcher`
import os
import select
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from pytest_envguard import launcher
from pytest_envguard.linux import cgroup
from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.exits import CANNOT_ENTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_envguard.launcher import Script

PROC = 100  # descriptor of a writable /proc in the first process of an environment; see `linux.identity.reach_proc`
_LULL = 2  # milliseconds in which a test joins its environment


class Environment:
    """An environment that is there and that nobody has joined yet.

    Attributes:
        init: Process id of its first process.
    """

    def __init__(self, script: Script) -> None:
        self._group: cgroup.Group | None = None
        if script["memory"] and script["memory"]["by"] == "cgroup":
            self._group = cgroup.make(script["memory"]["limit"])
        self._answer, tell = os.pipe2(os.O_CLOEXEC)
        self._keeper = os.fork()
        if self._keeper == 0:
            os._exit(launcher.guarded(_keep, script, tell))
        os.close(tell)
        self._told = b""
        kind, _, value = self._line().partition(" ")
        if kind != "init":
            self.is_gone(wait=True)
            raise OSError(0, value or "its first process ended at once")
        self.init = int(value)
        refused = self._line()
        if refused != "ready":
            self.is_gone(wait=True)
            raise OSError(0, refused or "its first process ended")

    def _line(self) -> str:
        while b"\n" not in self._told:
            chunk = os.read(self._answer, 4096)
            if not chunk:
                break
            self._told += chunk
        line, _, self._told = self._told.partition(b"\n")
        return line.decode(errors="replace")

    def admit(self, pid: int) -> None:
        """Count ``pid`` for the memory limit, before it starts others."""
        if self._group:
            self._group.take(pid)

    def end(self) -> str:
        """Kill all that runs in it; return "memory" if that had happened before, else "ended"."""
        over = bool(self._group and self._group.killed())
        try:
            os.kill(self.init, signal.SIGKILL)
        except ProcessLookupError:
            pass
        # Trap: the first process of a process namespace can't end before all others in it are reaped, and pytest may
        # not have waited for the test's yet.
        os.set_blocking(self._answer, False)
        try:
            while line := self._line():
                over = over or line == "memory"
        except BlockingIOError:
            pass
        return "memory" if over else "ended"

    def is_gone(self, *, wait: bool) -> bool:
        """Whether nothing of it is left; with ``wait`` not before."""
        if os.waitpid(self._keeper, 0 if wait else os.WNOHANG)[0] == 0:
            return False
        os.close(self._answer)
        if self._group:
            self._group.remove()
        return True


def _keep(script: Script, tell: int) -> int:
    """Parent of the first process: leaves the namespaces, which the pool itself must not."""
    call.prctl(call.PR_SET_PDEATHSIG, signal.SIGKILL)
    server = launcher.start_server(script, [])
    try:
        launcher.leave_namespaces(script)
    except OSError as error:
        launcher.end_server(server)
        os.write(tell, f"failed could not be entered: namespaces: {error.strerror or error}\n".encode())
        return CANNOT_ENTER
    wait, go = os.pipe2(os.O_CLOEXEC)
    init = os.fork()
    if init == 0:
        os.close(go)
        os.read(wait, 1)
        os._exit(launcher.guarded(_init, script, tell))
    os.write(tell, f"init {init}\n".encode())
    os.close(go)
    os.waitpid(init, 0)
    launcher.end_server(server)
    return 0


def _init(script: Script, tell: int) -> int:
    """First process inside: makes the mounts, then reaps orphans until it's killed."""
    call.prctl(call.PR_SET_PDEATHSIG, signal.SIGKILL)
    if refused := launcher.build(launcher.holding_proc(script, "")):
        os.write(tell, f"{refused}\n".encode())
        return CANNOT_ENTER
    proc = launcher.held("")
    if proc is not None:
        os.dup2(proc, PROC)
    spare = {1, *launcher.start_resolver(script)}
    watchdog = launcher.start_watchdog(script, spare)
    os.write(tell, b"ready\n")
    children_end = signal.SIGCHLD
    signal.pthread_sigmask(signal.SIG_BLOCK, {children_end})
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            signal.sigwait({children_end})
            continue
        if pid == watchdog and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            os.write(tell, b"memory\n")
            os.kill(-1, signal.SIGKILL)


class Pool:
    """All environments that were handed out, and those that are ending."""

    def __init__(self) -> None:
        self._used: dict[int, Environment] = {}
        self._ending: list[Environment] = []
        self._scripts: dict[str, Script] = {}

    def make(self, word: str) -> str:
        """Make an environment for the encoded script ``word``."""
        script = self._scripts.get(word) or self._scripts.setdefault(word, launcher.decode(word))
        if any(step == "network" for step, _ in script["steps"]):
            import socket  # noqa: F401  # each environment needs it, and the import takes longer than all the rest
        if script.get("origins"):
            from pytest_envguard.origins import server  # noqa: F401  # likewise
        try:
            environment = Environment(script)
        except OSError as error:
            return f"failed {error.strerror or error}"
        self._used[environment.init] = environment
        return f"ready {environment.init}"

    def admit(self, init: str, pid: str) -> str:
        """Put a process under the memory limit of an environment."""
        self._used[int(init)].admit(int(pid))
        return "admitted"

    def end(self, init: str) -> str:
        """Give an environment up."""
        environment = self._used.pop(int(init))
        self._ending = [earlier for earlier in self._ending if not earlier.is_gone(wait=False)]
        self._ending.append(environment)
        return environment.end()

    def end_all(self) -> None:
        """Leave nothing behind."""
        for environment in self._used.values():
            environment.end()
        for environment in (*self._used.values(), *self._ending):
            environment.is_gone(wait=True)


def main(pytest_process: int) -> int:
    """Follow the orders until whoever gives them is gone."""
    starter = os.pidfd_open(pytest_process)
    if os.fork():
        return 0
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends them to everybody; pytest decides
    pool = Pool()
    poll = select.poll()
    poll.register(starter, select.POLLIN)
    poll.register(0, select.POLLIN)
    rest = b""
    waiting: list[bytes] = []
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(_LULL if waiting else None)}
        if starter in ready:
            break
        if 0 in ready:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            waiting += lines
            if not lines or lines[-1].startswith(b"later "):
                continue
        for line in waiting:
            order, *words = line.decode().removeprefix("later ").split()
            answer: str = getattr(pool, order)(*words)
            os.write(1, answer.encode() + b"\n")
        waiting.clear()
    pool.end_all()
    return 0


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1])))
