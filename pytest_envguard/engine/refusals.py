"""What was refused inside of an environment, as the worker learns it: from the ledger, with the Python code that asked."""

from __future__ import annotations

import errno
import faulthandler
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envguard.blame import HARNESS, LOOK_UP, Stack, author, frames, plain_name, shortened
from pytest_envguard.hearing import listen
from pytest_envguard.model.noise import is_noise, is_probe
from pytest_envguard.model.refusal import Refusal, grouped

if TYPE_CHECKING:
    from pytest_envguard.seccomp.ledger import Entry, Ledger

VARIABLE = "PYTEST_ENVGUARD_LEDGER"  # as of `seccomp.ledger`, which only Linux has
ALL, OWN, NONE = "all", "own", "none"
_OURS = f"{Path(__file__).parent.parent}/"
_DEEPEST = 100  # frames, as faulthandler
_STARTS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.spawn", "os.system")
_SERVED = "PYTEST_ENVGUARD_ORIGINS"  # as of `model.origin`, which few runs need
_DOMAIN = ":53"
_OWN_RESOLVER = "127.0.0.53:53"  # where hosts are served, it answers for them, and for nothing else
_EVENTS = {
    **dict.fromkeys(("os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen"), "exec"),
    **dict.fromkeys(("ctypes.dlopen", "import"), "map executable"),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), LOOK_UP),
    **dict.fromkeys(("socket.sendto", "socket.sendmsg"), "send"),
    "socket.connect": "connect", "socket.bind": "bind", "os.remove": "unlink", "sqlite3.connect": "open",
}  # fmt: skip


_heard: list[tuple[str, str, str, Stack]] | None = None  # where an audit hook enforces, and tells of each refusal


def hear(event: str, target: str, error: str) -> None:
    """Note a refusal of the audit hook's."""
    if _heard is not None:
        _heard.append((_EVENTS.get(event, event.removeprefix("os.")), target, error, _stack()))


def begin_hearing() -> None:
    """Make room for what the audit hook will tell."""
    global _heard  # noqa: PLW0603  # there is one audit hook, and it can't be removed
    _heard = []


class _Asked(NamedTuple):
    """Something that Python code has begun, heard of by an audit event.

    Attributes:
        what: A host name, or "" for a new process.
        stack: Files and lines, the innermost first.
    """

    what: str
    stack: Stack


_ledger: Ledger | None = None
_missing = "this process was not started under a filter"


def begin() -> None:
    """Take the ledger over and answer whose call it is that is refused: from before the first conftest is imported."""
    global _ledger, _missing  # noqa: PLW0603  # there is one in a process
    from pytest_envguard.seccomp.ledger import ASK, Ledger

    told = os.environ.pop(VARIABLE)
    if told.startswith("!"):
        _missing = told[1:]
        return
    _ledger = Ledger.at(told)
    faulthandler.register(ASK, file=_ledger.stacks, all_threads=False, chain=False)


class Watch:
    """Reads the ledger of this process's environment.

    Attributes:
        missing: Why there is no ledger; "" if there is one.
    """

    def __init__(self, which: str, root: str, *, listens: bool) -> None:
        self._root = root
        self._process = os.getpid  # not by `os` later: a test may have replaced it by a fake
        self._all = which == ALL
        self._ledger = _ledger
        self._served = os.environ.get(_SERVED, "").split()
        self._name: _Asked | None = None
        self._start: _Asked | None = None
        self.missing = "" if _ledger is not None or _heard is not None else _missing
        if _ledger is not None and listens:
            listen("socket.getaddrinfo", self._hear_name)
            for event in _STARTS:
                listen(event, self._hear_start)

    def _hear_name(self, arguments: tuple[Any, ...]) -> None:
        self._name = _Asked(str(arguments[0]), _stack())

    def _hear_start(self, _: tuple[Any, ...]) -> None:
        self._start = _Asked("", _stack())

    def skip(self) -> None:
        """Forget what was refused since the last look: another process has told of it."""
        if self._ledger is not None:
            self._ledger.new_entries()

    def take(self, phase: str) -> tuple[Refusal, ...]:
        """Return what was refused since the last look, in the ``phase`` of a test ("setup", "call", "teardown", "import")."""
        if _heard:
            heard = [
                self._blamed(Refusal(operation, target, error, "", "", 1, phase), stack)
                for operation, target, error, stack in _heard
            ]
            _heard.clear()
            return grouped(filter(None, heard))
        if self._ledger is None or not self._ledger.has_more():
            return ()
        found = (self._refusal(entry, phase) for entry in self._ledger.new_entries())
        return grouped(refusal for refusal in found if refusal is not None)

    def _refusal(self, entry: Entry, phase: str) -> Refusal | None:
        process, call, target, number, words, text = entry
        stack = tuple(frames(text))
        own = bool(stack) or process == self._process()  # in a process namespace of its own, a fork has other ids
        operation = plain_name(call)
        if operation == "exec" and not stack and self._start is not None:
            # Python starts programs in a child of its own, which has no stack to show.
            stack, own = self._start.stack, True
        if operation in ("connect", "send") and target.endswith(_DOMAIN):
            if own and self._name is not None:
                operation, target, stack = LOOK_UP, self._name.what, stack or self._name.stack
            if self._served and target in (*self._served, _OWN_RESOLVER):
                return None  # an answer came
        error = errno.errorcode.get(number, str(number))
        refusal = Refusal(operation, target, error, "", "", 1, phase, "" if own else words)
        return self._blamed(refusal, stack)

    def _blamed(self, refusal: Refusal, stack: Stack) -> Refusal | None:
        """Return the refusal with its author; None for the harness's own."""
        library, place = author(stack, self._root)
        if is_probe(refusal.target) or (not self._all and (library in HARNESS or is_noise(refusal.target))):
            return None
        return refusal._replace(library=library, place=place, process=shortened(refusal.process))


def _stack() -> Stack:
    frame = sys._getframe(2)  # noqa: SLF001  # the code that asked; audit hooks have no other way
    found: list[tuple[str, int]] = []
    while frame is not None and len(found) < _DEEPEST:
        if found or not frame.f_code.co_filename.startswith(_OURS):  # the hook itself
            found.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)
