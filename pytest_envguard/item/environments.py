"""Fresh environments for tests, out of the pool that a small program of its own keeps ready."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, NamedTuple

import pytest

from pytest_envguard import launcher
from pytest_envguard.errors import EnvguardError
from pytest_envguard.item import pool
from pytest_envguard.item.fork import Child
from pytest_envguard.linux import identity
from pytest_envguard.model.plan import Plan


class Environment(NamedTuple):
    """One that a test can join.

    Attributes:
        init: Process id of its first process; None if the plan needs no namespace, so that there's nothing to join.
    """

    init: int | None


class Environments:
    """The pool's program and what it was asked; started when the first test needs it."""

    def __init__(self) -> None:
        self._orders: IO[bytes] | None = None
        self._answers: IO[bytes] | None = None
        self._unread = 0  # answers that nobody waited for
        self._ending: list[Child] = []

    def take(self, plan: Plan) -> Environment:
        """Return an environment that nobody has used.

        Raises:
            EnvguardError: It can't be made, with the kernel's answer.
        """
        if not plan.script["namespaces"]:
            return Environment(None)
        kind, _, value = self._ask(f"take {launcher.encode(plan.script)}").partition(" ")
        if kind != "ready":
            raise EnvguardError(f"`{plan.name}` {value}", "see `envguard doctor` for what this machine can do")
        return Environment(int(value))

    def admit(self, environment: Environment, plan: Plan, process: int) -> None:
        """Put ``process`` under the environment's memory limit, where a cgroup guards it."""
        memory = plan.script["memory"]
        if isinstance(memory, dict) and memory["by"] == "cgroup":
            self._ask(f"admit {environment.init} {process}")

    def give_back(self, environment: Environment, *, killed: bool) -> bool:
        """End an environment; return whether a test that was ``killed`` had used too much memory.

        Otherwise nobody waits until everything in it is gone.
        """
        if environment.init is None:
            return False
        if killed:
            return self._ask(f"end {environment.init}") == "memory"
        self._tell(f"end {environment.init}")
        self._unread += 1
        return False

    def _ask(self, order: str) -> str:
        self._tell(order)
        assert self._answers is not None
        for _ in range(self._unread):
            self._answers.readline()
        self._unread = 0
        return self._answers.readline().decode().strip() or "failed: the program that makes environments has ended"

    def _tell(self, order: str) -> None:
        if self._orders is None:
            words = [sys.executable, "-I", "-S", pool.__file__, str(os.getpid())]
            inherited = identity.reached_proc()
            program = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=inherited)
            program.wait()  # it goes on in a child of its own
            self._orders, self._answers = program.stdin, program.stdout
        assert self._orders is not None
        try:
            self._orders.write(order.encode() + b"\n")
            self._orders.flush()
        except BrokenPipeError:
            pass  # said by the answer, which is missing

    def leave(self, child: Child) -> None:
        """Let a test's process that has said all end by itself; the next test does not wait for it."""
        self._ending.append(child)

    def reap(self) -> None:
        """Wait for the processes of earlier tests: a test without an environment must not find children of ours."""
        while self._ending:
            self._ending.pop().wait()

    def close(self) -> None:
        """Let the program end, and with it all environments; returns when nothing is left."""
        self.reap()
        if self._orders is not None and self._answers is not None:
            self._orders.close()
            self._answers.read()
            self._answers.close()


_ENVIRONMENTS = pytest.StashKey[Environments]()


def environments(config: pytest.Config) -> Environments:
    """Return those of this process."""
    if _ENVIRONMENTS not in config.stash:
        config.stash[_ENVIRONMENTS] = made = Environments()
        config.add_cleanup(made.close)
    return config.stash[_ENVIRONMENTS]
