"""Fresh environments for tests, out of the pool that a small program of its own keeps ready."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import IO

import pytest

from pytest_envguard import launcher
from pytest_envguard.errors import EnvguardError
from pytest_envguard.item import pool
from pytest_envguard.linux import identity
from pytest_envguard.model.plan import Plan

_MOST_AHEAD = 2  # environments that wait for tests to come; of the kind that was asked for longest ago there is none


class Environments:
    """The pool's program and what it was asked; started when the first test needs it."""

    def __init__(self) -> None:
        self._orders: IO[bytes] | None = None
        self._answers: IO[bytes] | None = None
        self._expected: list[str] = []  # the orders that were not answered yet, as far as was read
        self._ahead: list[str] = []  # scripts of environments that were ordered for tests to come
        self._made: dict[str, str] = {}  # script to the answer about one that was ordered ahead

    def take(self, plan: Plan) -> int | None:
        """Return the first process of an environment that nobody has used, and order the next of its kind.

        None if the plan needs no namespace, so that there is nothing to join.

        Raises:
            EnvguardError: It can't be made, with the kernel's answer.
        """
        if not plan.script["namespaces"]:
            return None
        script = launcher.encode(plan.script)
        answer = self._ahead_answer(script) if script in self._ahead else self._ask(f"make {script}")
        init = _init(answer)
        if init is None:
            reason = answer.removeprefix("failed ")
            raise EnvguardError(f"`{plan.name}` {reason}", "see `envguard doctor` for what this machine can do")
        self._order_ahead(script)
        return init

    def _ahead_answer(self, script: str) -> str:
        """Return the answer about the environment that was ordered ahead, which is one no more."""
        self._ahead.remove(script)
        return self._made.pop(script, "") or self._answer(f"later make {script}")

    def _order_ahead(self, script: str) -> None:
        while len(self._ahead) >= _MOST_AHEAD:
            unused = _init(self._ahead_answer(self._ahead[0]))
            if unused is not None:
                self._tell(f"later end {unused}")
        self._ahead.append(script)
        self._tell(f"later make {script}")

    def admit(self, init: int | None, plan: Plan, process: int) -> None:
        """Put ``process`` under the environment's memory limit, where a cgroup guards it."""
        memory = plan.script["memory"]
        if isinstance(memory, dict) and memory["by"] == "cgroup":
            self._ask(f"admit {init} {process}")

    def give_back(self, init: int | None, *, killed: bool) -> bool:
        """End an environment; return whether a test that was ``killed`` had used too much memory.

        Otherwise nobody waits until everything in it is gone.
        """
        if init is None:
            return False
        if killed:
            return self._ask(f"end {init}") == "memory"
        self._tell(f"later end {init}")
        return False

    def _ask(self, order: str) -> str:
        self._tell(order)
        return self._answer(order)

    def _answer(self, order: str) -> str:
        """Return the answer to ``order``, and keep what is answered before it."""
        assert self._answers is not None
        while order in self._expected:
            answered = self._expected.pop(0)
            answer = self._answers.readline().decode().strip() or "failed the program that makes environments has ended"
            if answered == order:
                return answer
            if answered.startswith("later make "):
                self._made[answered.removeprefix("later make ")] = answer
        raise AssertionError(order)

    def _tell(self, order: str) -> None:
        if self._orders is None:
            words = [sys.executable, "-I", "-S", pool.__file__, str(os.getpid())]
            inherited = identity.reached_proc()
            program = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=inherited)
            program.wait()  # it goes on in a child of its own
            self._orders, self._answers = program.stdin, program.stdout
        assert self._orders is not None
        self._expected.append(order)
        with suppress(BrokenPipeError):  # said by the answer, which is missing
            self._orders.write(order.encode() + b"\n")
            self._orders.flush()

    def close(self) -> None:
        """Let the program end, and with it all environments; returns when nothing is left."""
        if self._orders is not None and self._answers is not None:
            self._orders.close()
            self._answers.read()
            self._answers.close()


def _init(answer: str) -> int | None:
    """Return the process that an answer names, None if it says that nothing could be made."""
    kind, _, value = answer.partition(" ")
    return int(value) if kind == "ready" else None


_ENVIRONMENTS = pytest.StashKey[Environments]()


def environments(config: pytest.Config) -> Environments:
    """Return those of this process."""
    if _ENVIRONMENTS not in config.stash:
        config.stash[_ENVIRONMENTS] = made = Environments()
        config.add_cleanup(made.close)
    return config.stash[_ENVIRONMENTS]
