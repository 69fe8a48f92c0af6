"""The supervisor: a thread that receives the calls of everything under a filter, judges each, and answers.

Two kinds of environment have one. Where the *rules* enforce, what the environment forbids is answered with its errno and
all else goes on. Where namespaces enforce, everything goes on, and what the kernel is about to refuse is noted.
"""

from __future__ import annotations

import _thread
import errno
import os

from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.exits import NOT_SUPERVISED
from pytest_envguard.model.noise import is_noise
from pytest_envguard.model.rules import Mounts, is_within
from pytest_envguard.seccomp import filter as traps
from pytest_envguard.seccomp import handover, judgement, network
from pytest_envguard.seccomp.caller import Caller, Gone, Hidden
from pytest_envguard.seccomp.calls import Answered, Judge, Refused, Value, judge, target_of
from pytest_envguard.seccomp.judgement import Files, Likely
from pytest_envguard.seccomp.ledger import ASK, Ledger
from pytest_envguard.seccomp.listener import Listener, install
from pytest_envguard.seccomp.numbers import numbers
from pytest_envguard.seccomp.space import Space
from pytest_envguard.seccomp.users import Users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Rules = dict[str, Any]
    Arguments = tuple[int, ...]

# What counts as refused; other errors (ENOENT, EEXIST, …) are ordinary answers to a program's question.
_REFUSALS = frozenset(
    {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED}
    | {errno.EADDRNOTAVAIL, errno.ETIMEDOUT}
)
_PERMISSIONS = (errno.EACCES, errno.EPERM)
_OWN = 1 << 5 | 1 << 19  # CAP_KILL; CAP_SYS_PTRACE, to read the memory of those in user namespaces of their own
_QUESTIONS = frozenset({"access", "faccessat", "faccessat2", "statfs", "fstatfs"})  # asking is not being refused


class Supervisor:
    """Judges calls.

    Attributes:
        rules: See `pytest_envguard.model.rules`.
        enforces: Whether the rules are enforced here; otherwise the kernel does, and what it refuses is noted.
        ledger: Where refusals are noted, or None.
    """

    def __init__(self, rules: Rules, *, enforces: bool, ledger: Ledger | None) -> None:
        self.rules = rules
        self.enforces = enforces
        self.ledger = ledger
        self._judge = _judge(rules, enforces=enforces)
        self._inside: dict[int, Judge] = {}  # processes that have asked for stricter rules; see `handover`
        self._names = {number: name for name, number in numbers(os.uname().machine).items()}
        self._asked: dict[int, tuple[int, Arguments]] = {}  # threads that are writing their stack, and of which call
        self._mount_namespace = os.readlink("/proc/self/ns/mnt")
        self._somebody_left = False  # for a namespace of its own, as an environment inside of this one does
        self._listener: Listener

    # -- start ---------------------------------------------------------------------------------------------------------

    def start(self, ids: tuple[int, int] | None = None, capabilities: int | None = None) -> None:
        """Put this thread, and all that it starts from now on, under the filter; another thread answers.

        Args:
            ids: uid and gid that the command will have, where they are others than this process's.
            capabilities: The bits that the command will keep; None for all. Files are judged as it may use them.

        Raises:
            OSError: See `pytest_envguard.seccomp.listener.install`.
        """
        program = traps.program(os.uname().machine, self._groups(), strict=self.enforces)
        ready = _thread.allocate_lock()
        ready.acquire()
        # Before the filter, which it must not be under.
        _thread.start_new_thread(self._serve, (ready, ids, capabilities))
        self._listener = self._judge.listener = Listener(install(program))
        ready.release()

    def _groups(self) -> list[str]:
        """Return the groups of calls that must wait: those of the rules, and those that are listed."""
        return list(dict.fromkeys((*_needed(self._judge), *(_listed(self._judge) if self.ledger else ()))))

    def _serve(self, ready: Any, ids: tuple[int, int] | None, capabilities: int | None) -> None:
        ready.acquire()
        try:
            if ids is not None:
                call.leave_groups()
                call.set_file_ids(*ids)
                judgement.act_as(ids[0])
            if capabilities is not None:
                # Of this thread only. Another user's threads are asked for their stack by a signal.
                call.capset(capabilities | (_permitted() & _OWN if ids is not None else 0))
            while True:
                try:
                    waiting = self._listener.receive()
                except OSError:
                    continue  # the caller was killed before it was seen
                self._answer(*waiting)
        except BaseException as error:  # noqa: BLE001  # nothing may go on unjudged
            os.write(2, f"envguard: the supervisor failed: {type(error).__name__}: {error}\n".encode())
            os._exit(NOT_SUPERVISED)

    # -- one call ------------------------------------------------------------------------------------------------------

    def _answer(self, identity: int, thread: int, number: int, arguments: Arguments) -> None:
        name = self._names[number]
        caller = Caller(thread, foreign_root=not self.enforces and self._is_elsewhere(thread))
        responsible = self._responsible(thread) if self._inside else self._judge
        enforces = responsible.enforces
        try:
            self._somebody_left |= name in ("setns", "unshare")
            if name == "ioctl" and arguments[1] & 0xFFFFFFFF == traps.HAND_OVER:
                self._take_over(caller, arguments)
            refused = judge(responsible, name, caller, arguments, identity)
            certain = True
        except Value as answer:
            if self._listener.waits(identity):
                self._listener.answer(identity, answer.value)
            return
        except (Answered, Gone):
            return
        except Refused as error:
            refused, certain, enforces = error.errno, True, True
        except Hidden:
            refused, certain = errno.EPERM, True
        except OSError as error:
            # The kernel's own answer, given here nevertheless: should this thread and the caller ever see different
            # things, a call must not go on unjudged.
            refused, certain = error.errno or 0, not isinstance(error, Likely)
            if refused in _PERMISSIONS and self._may_more(thread):
                refused = 0
        finally:
            caller.close()
        if refused and self._note(identity, thread, name, arguments, refused):
            return  # it writes its stack, and makes the call again
        if refused and certain and enforces:
            self._listener.refuse(identity, refused)
        else:
            self._listener.go_on(identity)

    def _take_over(self, caller: Caller, arguments: Arguments) -> NoReturn:
        """Let other rules hold for the process that asks, and its children."""
        process = int(_status(caller.thread)["Tgid"])
        around = self._responsible(caller.thread)
        if not arguments[2]:
            self._inside[process] = around.without_links()  # whoever hears this hears of links as well
            raise Value
        rules = handover.told(caller.read(arguments[2], arguments[3]))
        for name in ("ids", "passwd", "hostname"):  # who already is somebody in here has no need to become it
            rules[name] = self.rules[name] if rules[name] is None else rules[name]
        rules["symlinks"] = rules["symlinks"] and around.links
        inside = _judge(rules, enforces=True)
        if not set(_needed(inside)) <= set(self._groups()):
            raise Refused(errno.EOPNOTSUPP)  # the filter lets pass what would have to be judged
        inside.listener = self._listener
        self._inside = {process: judge for process, judge in self._inside.items() if _status(process)}
        self._inside[process] = inside
        raise Value

    def _responsible(self, thread: int) -> Judge:
        """Return the judge of the nearest process, from the caller upwards, that has asked for one."""
        fields = _status(thread)
        process = int(fields.get("Tgid", "0"))
        while process > 1 and process != os.getpid():
            if process in self._inside:
                return self._inside[process]
            process = int(_status(process).get("PPid", "0"))
        return self._judge

    def _is_elsewhere(self, thread: int) -> bool:
        """Whether a thread sees other mounts: it is in an environment inside of this one."""
        if not self._somebody_left:
            return False
        try:
            return os.readlink(f"/proc/{thread}/ns/mnt") != self._mount_namespace
        except OSError:
            return False

    def _may_more(self, thread: int) -> bool:
        """Whether a thread has privileges in a user namespace of its own, as whoever builds an environment inside has."""
        if self.enforces or not int(_status(thread).get("CapEff", "0"), 16):
            return False
        try:
            return os.readlink(f"/proc/{thread}/ns/user") != os.readlink("/proc/self/ns/user")
        except OSError:
            return False

    # -- the ledger ----------------------------------------------------------------------------------------------------

    def _note(self, identity: int, thread: int, name: str, arguments: Arguments, number: int) -> bool:
        """Note a refusal; return whether its thread was asked for its stack first, and will make the call again."""
        absent = self.rules["absent"] if number == errno.ENOENT else ()
        if self.ledger is None or name in _QUESTIONS or not (number in _REFUSALS or absent):
            return False
        target = target_of(name, thread, arguments)
        if absent and not is_within(target, absent):
            return False
        stack = ""
        if self._asked.pop(thread, None) == (number, arguments):
            stack = self.ledger.take_stack()
        elif not is_noise(target) and self._ask(thread):
            self._asked[thread] = number, arguments
            return True
        if self._listener.waits(identity):
            process, words = _process(thread)
            self.ledger.add((process, name, target, number, words, stack))
        return False

    def _ask(self, thread: int) -> bool:
        """Ask a thread for its Python stack; return whether it will answer."""
        process = _process_that_answers(thread)
        if not process:
            return False
        try:
            call.tgkill(process, thread, ASK)
        except OSError:
            return False
        return True


def enforce(
    rules: Rules, ledger: Ledger | None = None, ids: tuple[int, int] | None = None, capabilities: int | None = None
) -> bool:
    """Let ``rules`` hold for this thread and all that it starts; return whether a supervisor around sees to it.

    Raises:
        OSError: Neither can a supervisor be started, nor is one there that could do it.
        KeyError: Another architecture.
    """
    try:
        Supervisor(rules, enforces=True, ledger=ledger).start(ids, capabilities)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        handover.ask(rules)
        return True
    return False


def _judge(rules: Rules, *, enforces: bool) -> Judge:
    mounts, mode = Mounts(rules["mounts"]), rules["network"]
    return Judge(
        Files(judgement.Planned(mounts), rules["absent"], rules["closed"]) if enforces else Files(judgement.present),
        network.Outside(mode, rules["nameservers"], rules["daemons"]) if mode else None,
        Space(mounts),
        Users(rules["passwd"]) if enforces and rules["passwd"] is not None else None,
        rules["ids"],
        rules["hostname"] or "",
        enforces=enforces,
        links=rules["symlinks"],
    )


def _needed(judge: Judge) -> list[str]:
    """Return the groups of calls that must wait so that what is refused is answered.

    Where rules are enforced, all that cost little: the environment may have another one inside that needs them.
    """
    if judge.enforces:
        cheap = [traps.CHANGE, traps.EXECUTE, traps.ASK, traps.SEAL, traps.CONNECT, traps.SEND, traps.FILL, traps.NAME]
        return [*cheap, traps.IDENTITY] if judge.ids else cheap
    return [] if judge.links else [traps.LINKS, traps.LEAVE]


def _listed(judge: Judge) -> list[str]:
    """Return the groups of calls that wait only to be listed, where the kernel refuses them."""
    if judge.enforces:
        return []
    return [traps.CHANGE, traps.EXECUTE, traps.LEAVE] + (
        [traps.CONNECT, traps.SEND] if judge.outside is not None else []
    )


def _permitted() -> int:
    """Return the capabilities that this process may use."""
    return int(_status(os.getpid())["CapPrm"], 16)


def _process_that_answers(thread: int) -> int:
    """Return the process of ``thread``, if it would answer `ledger.ASK` with its stack; 0 otherwise."""
    bit = 1 << (ASK - 1)
    fields = _status(thread)
    caught, blocked = (int(fields.get(name, "0"), 16) for name in ("SigCgt", "SigBlk"))
    return int(fields.get("Tgid", "0")) if caught & bit and not blocked & bit else 0


def _process(thread: int) -> tuple[int, str]:
    """Return the process of ``thread``: its id and its command line."""
    try:
        with open(f"/proc/{thread}/cmdline", "rb") as file:
            words = file.read(400).split(b"\0")
    except OSError:
        words = []
    return int(_status(thread).get("Tgid", "0")), " ".join(os.fsdecode(word) for word in words if word)


def _status(thread: int) -> dict[str, str]:
    try:
        with open(f"/proc/{thread}/status", encoding="utf-8", errors="replace") as file:
            return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
    except OSError:
        return {}
