"""Whether a refusal has to do with a failure: libraries swallow most of what is refused to them. Pure."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

from pytest_envguard.model.evidence import NOEXEC, Evidence, Frame, Raised
from pytest_envguard.model.refusal import Refusal

PROJECT = "project"
LOOK_UP, CONNECT, SEND = "look up", "connect", "send"
NETWORK = (LOOK_UP, CONNECT, SEND)
NOT_REACHED = (
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ENETDOWN",
    "EAI_AGAIN",
    "EAI_NONAME",
    "EAI_NODATA",
    "EAI_FAIL",
    "EAI_SYSTEM",
)
MAP = "map executable"
EXECUTION = (MAP, "exec")
_OF_TWO = ("rename", "link", "symlink")  # files, of which an exception may name the other one
OF_FILES = ("EROFS", "EACCES", "EPERM", "ENOENT", "ENOTDIR", "ENOSPC")
FAILED_TO_MAP = "failed to map segment"

_STANDARD = sys.stdlib_module_names | {"_pytest", "pytest", "pluggy", "xdist", "execnet", "pytest_envguard"}
# Python's own folder, as `blame.author` names files of the standard library where nobody else was on the stack.
_STANDARD_PLACE = re.compile(r"^<frozen |/lib(?:64)?/python3(?:\.\d+)?t?/(?!.*(?:site|dist)-packages/)")
_IMPORT, _TEARDOWN = "import", "teardown"
_MODULE = "<module>"
_MOST_FRAMES = 40  # of an exception, see `Raised`
_SHORTEST_NAME = 5  # a base name that is shorter is a word like any other
_ERRNO = re.compile(r"\[(?:Errno|WinError) (-?\d+)\]|\bos error (\d+)\)?")
# In small letters. Texts instead of an expression: a message may have 2,000 characters, and each is looked at many times.
_NO_NAME = (
    "temporary failure in name resolution", "name or service not known", "no address associated with hostname",
    "[errno -2]", "[errno -3]", "[errno -5]", "[errno -8]", "could not resolve host", "name resolution", "nameresolution",
    "getaddrinfo failed", "dns error", "failed to lookup address", "could not contact dns servers", "domain name not found",
)  # fmt: skip
_PATH = re.compile(r"(?<![\w:/.~<])(?:[~.]{1,2})?/[\w.@%+~=,-]+(?:/[\w.@%+~=,-]+)*|'([\w.-]+[./][\w./-]+)'")
_QUOTED = re.compile(r"""(['"])((?:~|/|\.{1,2}/)[^'"\n]*)\1""")
_TIMEOUTS = ("Timeout", "TimeoutError", "TimeoutException", "ConnectTimeout", "ReadTimeout")
_TIMED_OUT = ("timeout >", "timeout (>", "timed out", "timeout was reached", "deadline exceeded")
_OTHER_REASONS = ("getpwuid", "home directory", "no module named")
_USED_UP = ("ENOSPC", "EMFILE", "ENOMEM", "EDQUOT")
_NOT_THERE = re.compile(r"No such file or directory|Directory nonexistent")
_TOLD = re.compile(r"((?:\w+\.)*\w*(?:Error|Exception))(?::\s*(.*)|$)")
_STATUS = re.compile(r"non-zero exit status|returncode|exit[_ ](?:code|status)|exited with", re.IGNORECASE)


class _Tie(NamedTuple):
    """How strongly a refusal is tied to an exception: what comes first counts more.

    Several may fit: on a platform without a home every library is refused the same folder, and most go on without it.

    Attributes:
        at_the_line: The exception came through the very line that was refused.
        took_part: It came through that library, or through that file of the project's.
        in_time: It was refused in the phase that failed.
        exact: The exception names the very path or host, or nothing.
    """

    at_the_line: bool
    took_part: bool
    in_time: bool
    exact: bool = True


class Ties:
    """The refusals of one failure, and the exception that each has to do with.

    Attributes:
        evidence: What the failure left behind.
        refusals: What was refused, the earliest first.
        modules: Of each exception, the modules that it came through, with those that they are inside of.
        kinds: Of all exceptions, their classes and what these inherit from.
        came_through: All of ``modules``.
        operations: Of all refusals.
        authors: Of all refusals, see `author_of`.
        errors: Names of the errnos of all refusals and exceptions.
    """

    def __init__(self, evidence: Evidence, refusals: Sequence[Refusal]) -> None:
        self.evidence = evidence
        self.refusals = tuple(refusals)
        self._places = [frozenset(frame.place for frame in raised.frames) for raised in evidence.raised]
        self.modules = [_modules_of(raised) for raised in evidence.raised]
        self._failing = [refusal for refusal in self.refusals if _may_be_of_the_phase(refusal, evidence)]
        self.kinds = frozenset(kind for raised in evidence.raised for kind in raised.bases)
        self.came_through = frozenset[str]().union(*self.modules)
        self.operations = frozenset(refusal.operation for refusal in self.refusals)
        self.authors = frozenset(map(author_of, self.refusals))
        self.errors = frozenset((*map(error_of, evidence.raised), *(refusal.error for refusal in self.refusals)))

    @property
    def words(self) -> tuple[frozenset[str], ...]:
        """Every word that a rule may ask for."""
        return self.kinds, self.came_through, self.operations, self.authors, self.errors

    def exception(self, refusal: Refusal) -> int | None:
        """Return which exception of the chain ``refusal`` has to do with, None if it has nothing to do with the failure."""
        return next((at for at, tied in enumerate(self._of_exceptions) if refusal in tied), None)

    @cached_property
    def tied(self) -> tuple[Refusal, ...]:
        """The refusals that have to do with the failure: of the outermost exception first, the last one first."""
        return tuple(dict.fromkeys(refusal for tied in self._of_exceptions for refusal in reversed(tied)))

    @cached_property
    def speaks(self) -> bool:
        """Whether an exception says itself what was wrong: an errno, or one of a few texts."""
        return any(error_of(raised) or says_another_reason(raised) for raised in self.evidence.raised)

    def last(self) -> Refusal | None:
        """Return what was refused last in the phase that failed, None for nothing."""
        return self._failing[-1] if self._failing else None

    def explained_otherwise(self, refusal: Refusal) -> bool:
        """Whether an exception says what went wrong, and it's something else than ``refusal``."""
        return any(self._is_another(refusal, raised) for raised in self.evidence.raised)

    def _is_another(self, refusal: Refusal, raised: Raised) -> bool:
        agreed = agrees(raised, refusal)
        if agreed is not None:
            return not agreed or (_names_something(raised, refusal) and not names(raised, refusal.target))
        # What took too long may have been who asked a network again and again.
        # So may have been who waited for a program that could not begin.
        asking = (refusal.operation in NETWORK or refusal.process != "") and is_timeout(raised)
        return says_another_reason(raised) and not asking

    @cached_property
    def _of_exceptions(self) -> list[list[Refusal]]:
        """Of each exception the refusals that are tied to it most strongly."""
        return [self._strongest(raised, at) for at, raised in enumerate(self.evidence.raised)]

    def _strongest(self, raised: Raised, at: int) -> list[Refusal]:
        ties = [(tie, one) for one in self.refusals if (tie := self._tie(one, raised, at)) is not None]
        strongest = max((tie for tie, _ in ties), default=None)
        return [one for tie, one in ties if tie == strongest]

    def _tie(self, refusal: Refusal, raised: Raised, at: int) -> _Tie | None:
        in_time, took_part = refusal in self._failing, self._took_part(refusal)
        if not in_time and not took_part and refusal.library not in self.evidence.mentions:
            return None  # long before, and nobody who has to do with the failure
        tie = _Tie(self._is_at(refusal, at), took_part, in_time)
        if "AssertionError" in raised.bases:  # it carries no errno, and what it compares may be anything
            return tie if self._is_asserted(refusal, raised) else None
        agreed = agrees(raised, refusal)
        if agreed is False:
            follows = tie.in_time and tie.took_part and _follows(raised, refusal)
            return tie._replace(exact=False) if follows else None
        if agreed is None and says_another_reason(raised):
            return None
        return self._tie_of_agreed(refusal, raised, tie, told=bool(agreed))

    def _tie_of_agreed(self, refusal: Refusal, raised: Raised, tie: _Tie, *, told: bool) -> _Tie | None:
        """Go on where an exception tells no other error; ``told`` says whether it tells the same one."""
        if names(raised, refusal.target):
            return tie
        if tie.in_time and tie.took_part and _is_about_something_in(raised, refusal.target):
            return tie._replace(exact=False)
        if told and _names_something(raised, refusal) and refusal.operation not in _OF_TWO:
            return None
        if tie.at_the_line:
            return tie
        if told:
            nearest = not _names_something(raised, refusal) and self._is_last_of_its_kind(refusal, raised)
            return tie if nearest else None
        own = self._is_of_the_child(refusal, raised) if refusal.process else self._is_printed(refusal)
        return tie if own else None

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(_file(place) for places in self._places for place in places)

    def _is_at(self, refusal: Refusal, at: int) -> bool:
        return refusal.place != "" and refusal.place in self._places[at]

    def _took_part(self, refusal: Refusal) -> bool:
        if refusal.library:
            return refusal.library in self.came_through
        return refusal.place != "" and _file(refusal.place) in self._files

    def _is_asserted(self, refusal: Refusal, raised: Raised) -> bool:
        if refusal.process and _STATUS.search(raised.message):
            return _is_command_in(refusal.process, raised.message)
        return bool(agrees(raised, refusal)) and names(raised, refusal.target)

    def _is_last_of_its_kind(self, refusal: Refusal, raised: Raised) -> bool:
        """Whether it's what an exception without a path most likely means."""
        return [other for other in self._failing if agrees(raised, other)][-1:] == [refusal]

    def _is_of_the_child(self, refusal: Refusal, raised: Raised) -> bool:
        """Whether a child failed of it: an exit status has no errno, and what the child said is elsewhere."""
        if not _STATUS.search(raised.message) or any(map(error_of, self.evidence.raised)):
            return False
        children = [other for other in self._failing if other.process]
        own = [other for other in children if _is_command_in(other.process, raised.message)]
        return refusal in (own or children[-1:])

    def _is_printed(self, refusal: Refusal) -> bool:
        """Whether the output names it. A warning of something swallowed does that too: so no exception may say more."""
        return not self.speaks and refusal in self._failing and _stands_in(refusal.target, self.evidence.output)


def author_of(refusal: Refusal) -> str:
    """Return the package that was refused something, `PROJECT`, or "" for a program and where nobody knows."""
    return refusal.library or ("" if refusal.process or is_nobodys(refusal.place) else PROJECT)


def is_nobodys(place: str) -> bool:
    """Whether a refusal's line doesn't say whose it is: one in Python's own library, called in a thread of its own."""
    return not place or _STANDARD_PLACE.search(place) is not None


def is_standard(frame: Frame) -> bool:
    """Whether it's a call in the standard library, which acts for others, or in what runs the tests."""
    return frame.library in _STANDARD


def error_of(raised: Raised) -> str:
    """Return the name of the errno that an exception has, or that its text tells; "" for none."""
    if raised.error:
        return raised.error
    return "EAI_AGAIN" if _is_no_name(raised) else _error_in(raised.message)


def printed(raised: Raised, output: str) -> Raised | None:
    """Return what a program said before it ended with a status that an exception tells, as if it had been raised.

    That's the last line with an errno, or with which a traceback ends; None where there is none.
    """
    if error_of(raised):
        return None
    if not _STATUS.search(raised.message):
        return _full(raised, output) if "AssertionError" in raised.bases else None
    for line in reversed(output.splitlines()):
        found = _TOLD.match(line)
        error = _error_in(line) or ("ENOENT" if _NOT_THERE.search(line) else "")
        if error or found:
            bases = (found[1].rpartition(".")[2],) if found else raised.bases
            told = raised._replace(message=found[2] or "" if found else line.strip(), error=error, bases=bases)
            # The program's own path comes first: "/bin/sh: 1: cannot create /x: Directory nonexistent".
            paths = list(_paths(line)) if error in OF_FILES else []
            return told._replace(path=path_of(told) or (paths[-1] if paths else ""))
    return None


def _full(raised: Raised, output: str) -> Raised | None:
    """Return what was said of something that is used up: no program goes on after that as if nothing were."""
    lines = (line.strip() for line in reversed(output.splitlines()))
    return next(
        (raised._replace(message=one, error=_error_in(one)) for one in lines if _error_in(one) in _USED_UP), None
    )


def agrees(raised: Raised, refusal: Refusal) -> bool | None:
    """Whether an exception tells the same error as a refusal; None if it tells none."""
    if refusal.operation == MAP and FAILED_TO_MAP in raised.message:
        return True
    asked_for_a_name = refusal.operation == LOOK_UP or refusal.target.endswith(":53")
    if _is_no_name(raised):
        return asked_for_a_name
    told = raised.error or _error_in(raised.message)
    if not told:
        return None
    return told == refusal.error or (asked_for_a_name and told.startswith("EAI_"))


def names(raised: Raised, target: str) -> bool:
    """Whether an exception names this very path or host, by its attribute or in its text."""
    return (raised.path != "" and is_same_path(raised.path, target)) or _stands_in(target, raised.message)


def is_same_path(one: str, other: str) -> bool:
    """Whether two paths may be the same file, of which one may be relative."""
    short, long = sorted((one.removeprefix("./"), other.removeprefix("./")), key=len)
    return short == long or (bool(short) and not short.startswith("/") and long.endswith(f"/{short}"))


def host_of(target: str) -> str:
    """Return the host of an address such as "1.1.1.1:80"; one that Python was given as bytes is text here."""
    if target.startswith("b'"):
        target = target[2:-1]
    host, colon, port = target.rpartition(":")
    return host.strip("[]") if colon and port.isdigit() else target


def is_timeout(raised: Raised) -> bool:
    """Whether something took too long, which can be anybody's fault."""
    return _says(raised.message, _TIMED_OUT) or any(kind in _TIMEOUTS for kind in raised.bases)


def is_noexec(evidence: Evidence, path: str) -> bool:
    """Whether it was measured that the folder of ``path`` lies on a mount without execution; of any path, if it's ""."""
    return any(
        fact.name == NOEXEC and (not path or path == fact.subject or path.startswith(fact.subject.rstrip("/") + "/"))
        for fact in evidence.facts
    )


def mapped_path(raised: Raised) -> str:
    """Return the file that could not be mapped, from "PATH: failed to map segment from shared object"; "" for none."""
    before, found, _ = raised.message.partition(f": {FAILED_TO_MAP}")
    path = before.rpartition(": ")[2]  # others write what they tried in front
    start = path.find("/")
    return path[start:] if found and start >= 0 else ""


def _modules_of(raised: Raised) -> frozenset[str]:
    return frozenset[str]().union(*map(_with_parents, {frame.module for frame in raised.frames}))


@lru_cache(4096)
def _with_parents(module: str) -> tuple[str, ...]:
    """Return "a", "a.b" and "a.b.c" of "a.b.c"."""
    parts = module.split(".") if module else []
    return tuple(".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _file(place: str) -> str:
    return place.rpartition(":")[0]


def _may_be_of_the_phase(refusal: Refusal, evidence: Evidence) -> bool:
    """Whether it may have happened in the phase that failed: a test's failure isn't one of an import long before."""
    if refusal.phase == _IMPORT:
        return not evidence.raised or any(map(_came_of_an_import, evidence.raised))
    return refusal.phase != _TEARDOWN


def _came_of_an_import(raised: Raised) -> bool:
    frames = raised.frames
    return not frames or frames[-1].function == _MODULE or len(frames) >= _MOST_FRAMES


def _follows(raised: Raised, refusal: Refusal) -> bool:
    """Whether a file is missing because its folder could not be made."""
    if error_of(raised) != "ENOENT" or refusal.operation not in ("mkdir", "open", "rename", "symlink"):
        return False
    return bool(raised.path) and (
        is_same_path(raised.path, refusal.target) or _is_about_something_in(raised, refusal.target)
    )


def _names_something(raised: Raised, refusal: Refusal) -> bool:
    """Whether an exception names another file than the one of a refusal. Hosts don't count: they have many addresses."""
    if refusal.operation in NETWORK:
        return False
    return bool(raised.path) or any(_paths(raised.message))


def path_of(raised: Raised) -> str:
    """Return the path that an exception is about: its attribute's, or the one that its text names if it tells an errno.

    Some raise an error again with a text of their own ("[Errno 30] Cache directory "~/.x" does not exist …").
    """
    path = raised.path or mapped_path(raised)
    if path or error_of(raised) not in OF_FILES:
        return path
    quoted = _QUOTED.search(raised.message)
    return quoted[2] if quoted else ""


def _paths(text: str) -> Iterator[str]:
    return (found[1] or found[0] for found in _PATH.finditer(text))


def _is_about_something_in(raised: Raised, folder: str) -> bool:
    """Whether an exception names something below a folder, which isn't one of the few that everything is below of."""
    if folder.count("/") < 2:
        return False
    inside = f"{folder.rstrip('/')}/"
    return raised.path.startswith(inside) or (
        inside in raised.message and any(path.startswith(inside) for path in _paths(raised.message))
    )


def _stands_in(target: str, text: str) -> bool:
    """Whether a text names a path, its last part, or a host."""
    if len(target) < 2 or not text:  # "/" is in everything
        return False
    target = host_of(target)
    if target in text and re.search(rf"(?<![\w.-]){re.escape(target)}(?![\w/-]|\.\w)", text):
        return True
    base = target.rpartition("/")[2]
    return (
        "/" in target
        and len(base) >= _SHORTEST_NAME
        and base in text
        and any(is_same_path(path, target) for path in _paths(text))
    )


def says_another_reason(raised: Raised) -> bool:
    """Whether an exception without an errno says what is wrong all the same, and it's nothing that was refused."""
    return _says(raised.message, _OTHER_REASONS) or is_timeout(raised)


def _is_no_name(raised: Raised) -> bool:
    return raised.error.startswith("EAI_") or "gaierror" in raised.bases or _says(raised.message, _NO_NAME)


@lru_cache(1024)
def _says(message: str, texts: tuple[str, ...]) -> bool:
    small = message.lower()
    return any(text in small for text in texts)


@lru_cache(1024)
def _error_in(message: str) -> str:
    """Return the errno that a text tells, by its number or in the system's words; "" for none."""
    found = _ERRNO.search(message) if "Error " in message or "Errno " in message or "os error" in message else None
    if found:
        return errno.errorcode.get(int(found[1] or found[2]), "")
    return next((name for name, text in _texts().items() if text in message), "")


def _is_command_in(process: str, message: str) -> bool:
    """Whether a message tells of this command, which it may show as a list."""
    return all(word in message for word in re.split(r"[\s'\"]+", process.rstrip("…")) if word)


@cache
def _texts() -> dict[str, str]:
    """What the system says of each error, those alone that an environment brings about."""
    told = (
        "EROFS",
        "EACCES",
        "EPERM",
        "ENOSPC",
        "EMFILE",
        "ENETUNREACH",
        "ECONNREFUSED",
        "EHOSTUNREACH",
        "ENOMEM",
        "EDQUOT",
    )
    return {name: os.strerror(getattr(errno, name)) for name in told}
