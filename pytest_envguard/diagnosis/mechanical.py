"""What can be said of a failure without any rule: who tried what where, and which dimension of the environment fits. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.diagnosis.asked import Source, code_of, no_source
from pytest_envguard.diagnosis.because import holding
from pytest_envguard.diagnosis.matching import Case
from pytest_envguard.diagnosis.people import Name, People
from pytest_envguard.diagnosis.reasons import (
    asks_for_home,
    is_ambiguous,
    missing_variable,
    of_comparison,
    of_exception,
    of_question,
    of_refusal,
)
from pytest_envguard.diagnosis.telling import BECAUSE, ENVIRONMENT, VERSION, completed, shown
from pytest_envguard.diagnosis.ties import (
    PROJECT,
    author_of,
    error_of,
    host_of,
    is_standard,
    is_timeout,
    path_of,
    printed,
)
from pytest_envguard.model.diagnosis import Diagnosis, Setting
from pytest_envguard.model.evidence import Evidence, Frame, Raised
from pytest_envguard.model.refusal import Refusal

NO_RULE = "no rule matched"

_LONGEST = 200
_WORDS = {
    "EROFS": "the file system is read-only",
    "EACCES": "permission denied",
    "EPERM": "not permitted",
    "ENOENT": "it isn't there",
    "ENOSPC": "no space left",
    "EMFILE": "too many open files",
    "ENETUNREACH": "the network is unreachable",
    "EHOSTUNREACH": "the host is unreachable",
    "ECONNREFUSED": "the connection was refused",
    "ETIMEDOUT": "no answer",
    "EAI_AGAIN": "no name server answers",
    "EAI_NONAME": "no such host name",
    "ENOMEM": "not enough memory",
    "ENOSYS": "the system doesn't have it",
}
_TRIED = {
    "open": "to open {}",
    "mkdir": "to make the folder {}",
    "mknod": "to make {}",
    "symlink": "to make the link {}",
    "link": "to make the link {}",
    "unlink": "to delete {}",
    "rmdir": "to delete the folder {}",
    "rename": "to rename {}",
    "chmod": "to change the mode of {}",
    "chown": "to change the owner of {}",
    "utime": "to change the times of {}",
    "truncate": "to cut {}",
    "write": "to write to {}",
    "fallocate": "to reserve space in {}",
    "exec": "to run {}",
    "map executable": "to load {}",
    "connect": "to connect to {}",
    "send": "to send to {}",
    "look up": "to look up {}",
    "bind": "to listen on {}",
}
# Measured or told by the error itself; what is concluded from words alone is no more than likely.
_CERTAIN = frozenset(
    ("cwd", "env", "home", "network", "open_files", "processes", "root", "shm", "tmp_exec", "tmp_size", "user")
)


class Told(NamedTuple):
    """What a mechanical diagnosis says, and what of it several environments may have in common.

    Attributes:
        diagnosis: Its text is to be completed, see `telling.completed`.
        operation: Of the refusal, and the program that tried; "" where it's told by an exception alone.
        asked: The code or message that asks for what the environment changes, where nothing else tells it.
        near: Whether the failing statement itself asks.
    """

    diagnosis: Diagnosis
    operation: str = ""
    asked: str = ""
    near: bool = False


def mechanical(
    evidence: Evidence,
    refusals: Sequence[Refusal],
    setting: Setting,
    distribution: Name | None = None,
    source: Source = no_source,
) -> Diagnosis:
    """Return who tried what where, with what came of it, and what of the environment fits; it says that no rule matched.

    Args:
        evidence: What the failure left behind.
        refusals: What was refused to the test, the earliest first.
        setting: The environment.
        distribution: Returns the distribution of a top-level package, for its version; without it, or where it returns "",
            the package's own name is tried.
        source: Returns the text of a file of the project, for what its failing line asks of the machine.

    Returns:
        A diagnosis without a rule. Where nothing ties the failure to the environment it says that, without a dimension.
    """
    diagnosis = told(Case.of(evidence, refusals, setting), distribution, source).diagnosis
    open_ = holding(setting, diagnosis.dimension, diagnosis.error, diagnosis.version)
    return diagnosis._replace(text=completed(diagnosis.text, [open_]))


def told(case: Case, distribution: Name | None = None, source: Source = no_source) -> Told:
    """Return the same of a case, before the environment is named."""
    people = People(case.setting, case.ties.refusals, distribution)
    tied = next(iter(case.ties.tied), None)
    if tied is not None:
        return _of_refusal(tied, case, people, certain=True)
    for raised in case.evidence.raised:
        dimension = of_exception(raised, case.evidence, case.setting)
        if dimension:
            return _with_code(_of_exception(raised, dimension, case, people), raised, case, source)
    hints = [(raised, _hint(raised, case, people, source)) for raised in case.evidence.raised]
    nearest = min(hints, key=lambda one: one[1].distance, default=None)
    likely = _likely(case) if nearest is None or nearest[1].distance >= _FAR else None
    if likely is not None:
        return _of_refusal(likely, case, people, certain=False)
    if nearest is not None and nearest[1].dimension:
        return _of_hint(*nearest, case, people)
    return Told(_unknown(case, people))


def told_loss(refusal: Refusal, setting: Setting, distribution: Name | None = None) -> Told | None:
    """Return what is to be said of a refusal that nothing failed of; None unless a library lost something.

    What the project itself was refused, or a program that it runs, isn't news to it: the list of refusals has that.
    """
    case = Case.of(Evidence(), (refusal,), setting)
    found = _of_refusal(refusal, case, People(setting, (refusal,), distribution), certain=True)
    return found if found.diagnosis.dimension and refusal.library else None


# -- who ---------------------------------------------------------------------------------------------------------------


def _versioned(library: str, version: str) -> str:
    return f"{library} {VERSION}" if version else library


def _named(library: str, version: str, place: str) -> str:
    who = _versioned(library, version) if library else "the project"
    return f"{who} ({place})" if place else who


# -- what --------------------------------------------------------------------------------------------------------------


def _of_refusal(refusal: Refusal, case: Case, people: People, *, certain: bool) -> Told:
    library, version = people.library(refusal.library) if refusal.library else ("", "")
    who = _who(refusal, library, version)
    target = shown(host_of(refusal.target) if refusal.operation == "look up" else refusal.target)
    dimension = of_refusal(refusal, case.evidence, case.setting)
    tried = _tried(refusal.operation, refusal.error).format(target or "something")
    text = f"{who} tried {tried}: {_in_words(refusal.error)}{_tail(dimension)}"
    diagnosis = Diagnosis(
        text=text,
        library=library,
        version=version,
        dimension=dimension,
        certain=certain and bool(dimension),
        place=refusal.place,
        target=refusal.target,
        error=refusal.error,
    )
    return Told(diagnosis, f"{refusal.operation} {refusal.process}".rstrip())


def _who(refusal: Refusal, library: str, version: str) -> str:
    if refusal.process:
        return f"the process `{refusal.process}`"
    if not library and author_of(refusal) != PROJECT:  # a thread in Python's own library, or in none
        return f"some code ({refusal.place})" if refusal.place else "some code"
    return _named(library, version, refusal.place)


def _tried(operation: str, error: str) -> str:
    if (operation, error) == ("open", "EROFS"):  # to read it is allowed
        return "to write {}"
    return _TRIED.get(operation, f"{operation} of {{}}")


def _of_exception(raised: Raised, dimension: str, case: Case, people: People, said: Raised | None = None) -> Told:
    library, version, place = people.author(raised)
    error = error_of(raised)
    told_by = _standard_caller(raised)
    variable = missing_variable(raised, case.setting)
    if variable:
        what = f"{_named(library, version, place)} asked for the variable {variable}, which isn't set"
        text = f"{what} in {ENVIRONMENT}; {NO_RULE}"
    else:
        by_child = f", which printed {shown_all(said.message[:_LONGEST])!r}" if said else ""
        text = f"{_named(library, version, place)} failed{told_by} with {_said(raised)}{by_child}{_tail(dimension)}"
    diagnosis = Diagnosis(
        text=text,
        library=library,
        version=version,
        dimension=dimension,
        certain=dimension in _CERTAIN and _is_sure(raised, case.setting),
        place=place,
        target=path_of(raised),
        error=error,
    )
    return Told(diagnosis)


def _is_sure(raised: Raised, setting: Setting) -> bool:
    """Whether an exception is more than an assertion, a hang, or something full that may be one of two."""
    return not ("AssertionError" in raised.bases or is_timeout(raised) or is_ambiguous(raised, setting))


def _standard_caller(raised: Raised) -> str:
    """Name the module of the standard library that raised, if one did: what the project or a library asked of Python."""
    first = raised.frames[0] if raised.frames else None
    if first is None or not is_standard(first):
        return ""
    return f" in Python's {first.module}"


def _likely(case: Case) -> Refusal | None:
    """Return what may have been lost before a failure that says nothing: an AssertionError has no errno."""
    evidence = case.evidence
    if not evidence.raised or any(map(error_of, evidence.raised)):
        return None
    involved = {frame.library for raised in evidence.raised for frame in raised.frames} | set(evidence.mentions)
    refusals = [one for one in case.ties.refusals if not case.ties.explained_otherwise(one)]
    own = [one for one in refusals if one.library and one.library in involved]
    last = case.ties.last()
    return own[-1] if own else last if last in refusals else None


class _Hint(NamedTuple):
    dimension: str
    distance: int  # from the failing statement
    asked: str = ""  # the text that tells it
    said: Raised | None = None  # by a program


_FAR, _NOWHERE = 100, 1000
_NO_HINT = _Hint("", _NOWHERE)


def _hint(raised: Raised, case: Case, people: People, source: Source) -> _Hint:
    """Return what an assertion compares, what a program complained about, or what the failing code asks for."""
    asserted = f"\n{raised.message}" if "AssertionError" in raised.bases else ""  # it may show what a program said
    said = printed(raised, case.evidence.output + asserted)
    if said is not None:
        dimension = of_exception(said, case.evidence, case.setting)
        if dimension:
            return _Hint(dimension, 0, said.message, said)
    compared = of_comparison(raised, case.setting)
    if compared:
        return _Hint(compared, 0, raised.message)
    error = error_of(raised)
    if (error and (error != "ENOENT" or raised.path)) or is_timeout(raised) or people.author(raised)[0]:
        return _NO_HINT  # it says what was wrong, or a library does
    code = code_of(_place_in_project(raised), source)
    # All of its function up to the line comes last, and has much that the failure has nothing to do with.
    distances = [*range(len(code) - 1), _FAR]
    hints = (_Hint(of_question(text, case.setting), at, text) for at, text in zip(distances, code, strict=False))
    return next((hint for hint in hints if hint.dimension), _NO_HINT)


def _of_hint(raised: Raised, hint: _Hint, case: Case, people: People) -> Told:
    found = _of_exception(raised, hint.dimension, case, people, hint.said)
    diagnosis = found.diagnosis._replace(certain=False)
    if hint.said is not None:
        diagnosis = diagnosis._replace(target=hint.said.path, error=hint.said.error)
    return found._replace(diagnosis=diagnosis, asked=hint.asked, near=hint.distance < _FAR)


def _with_code(found: Told, raised: Raised, case: Case, source: Source) -> Told:
    """Return the same of an error that names no file, with what the code tells of that: the home, or /dev/shm."""
    diagnosis = found.diagnosis
    if not diagnosis.error or diagnosis.target or diagnosis.dimension not in ("root", "home", "tmp_size"):
        return found
    for text in code_of(_place_in_project(raised), source):
        if is_ambiguous(raised, case.setting) and "/dev/shm" in text:
            people = People(case.setting, case.ties.refusals)
            return _of_hint(raised, _Hint("shm", 0, text), case, people)
        if diagnosis.dimension != "tmp_size" and asks_for_home(text):
            return found._replace(asked=text)
    return found


def _place_in_project(raised: Raised) -> str:
    """Return the innermost line that is in a file of the project: their names are relative."""
    places = (frame.place for frame in raised.frames if not is_standard(frame))
    return next((place for place in places if not place.startswith(("/", "<"))), "")


def _unknown(case: Case, people: People) -> Diagnosis:
    raised = case.evidence.raised[0] if case.evidence.raised else Raised("", (), "")
    library, version, place = people.author(raised, wanted=True)
    called = [] if library else [people.library(name) for name in _others(case.evidence.mentions)]
    failing = _named(library, version, place) if library or place else "the test"
    calls = f"; the failing line calls {_listed(called)}" if called else ""
    text = (
        f"{failing} failed with {_said(raised)}, and nothing that was refused explains it: "
        f"what differs in {ENVIRONMENT} isn't known{calls}; {NO_RULE}"
    )
    if not library and called:
        library, version = called[0]
    return Diagnosis(
        text=text,
        library=library,
        version=version,
        certain=False,
        place=place,
        target=path_of(raised),
        error=error_of(raised),
    )


def _others(packages: Iterable[str]) -> list[str]:
    return [name for name in packages if not is_standard(Frame(name, "", ""))]


def _listed(libraries: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {version}".rstrip() for name, version in libraries)


def _said(raised: Raised) -> str:
    """Return class and first line of an exception's text, as short as a sentence can bear."""
    lines: Iterator[str] = (line.strip() for line in raised.message.splitlines())
    first = shown_all(next((line for line in lines if line), ""))
    kind = raised.kind.rpartition(".")[2]
    said = f"{kind}: {first}" if kind and first else kind or first or "no message"
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def shown_all(text: str) -> str:
    """Return a text with its paths as people write them."""
    return re.sub(r"(?<![\w.])/[\w./@%+~-]+", lambda found: shown(found[0]), text)


def _in_words(error: str) -> str:
    """Return an errno with what it means."""
    if error in _WORDS:
        return f"{error}, {_WORDS[error]}"
    import errno

    number = getattr(errno, error, None)
    return f"{error}, {os.strerror(number).lower()}" if number is not None else error or "refused"


def _tail(dimension: str) -> str:
    return f"; {BECAUSE}; {NO_RULE}" if dimension else f"; {NO_RULE}"
