"""What can be said of a failure without any rule: who tried what where, and which dimension of the environment fits. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.diagnosis.matching import Case
from pytest_envguard.diagnosis.reasons import missing_variable, of_comparison, of_exception, of_refusal
from pytest_envguard.diagnosis.telling import BECAUSE, ENVIRONMENT, VERSION, Holding, completed, shown
from pytest_envguard.diagnosis.ties import error_of, host_of, is_standard, is_timeout, printed_error
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
# What else a module's distribution may be called, where the name differs and the module is common.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "psycopg2": "psycopg2-binary",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Measured or told by the error itself; what is concluded from words alone is no more than likely.
_CERTAIN = frozenset(
    ("env", "home", "network", "open_files", "processes", "root", "shm", "tmp_exec", "tmp_size", "user")
)

Name = Callable[[str], str]
"""Distribution of a top-level package."""


class Told(NamedTuple):
    """What a mechanical diagnosis says, and what of it several environments may have in common.

    Attributes:
        diagnosis: Its text is to be completed, see `telling.completed`.
        operation: Of the refusal, and the program that tried; "" where it's told by an exception alone.
    """

    diagnosis: Diagnosis
    operation: str = ""


def mechanical(
    evidence: Evidence, refusals: Sequence[Refusal], setting: Setting, distribution: Name | None = None
) -> Diagnosis:
    """Return who tried what where, with what came of it, and what of the environment fits; it says that no rule matched.

    Args:
        evidence: What the failure left behind.
        refusals: What was refused to the test, the earliest first.
        setting: The environment.
        distribution: Returns the distribution of a top-level package, for its version; without it, or where it returns "",
            the package's own name is tried.

    Returns:
        A diagnosis without a rule. Where nothing ties the failure to the environment it says that, without a dimension.
    """
    diagnosis, _ = told(Case.of(evidence, refusals, setting), distribution)
    holding = Holding(setting, diagnosis.error, diagnosis.version)
    return diagnosis._replace(text=completed(diagnosis.text, [holding], diagnosis.dimension))


def told(case: Case, distribution: Name | None = None) -> Told:
    """Return the same of a case, before the environment is named."""
    people = _People(case, distribution)
    tied = next(iter(case.ties.tied), None)
    if tied is not None:
        return _of_refusal(tied, case, people, certain=True)
    for raised in case.evidence.raised:
        dimension = of_exception(raised, case.evidence, case.setting)
        if dimension:
            return _of_exception(raised, dimension, case, people)
    likely = _likely(case)
    if likely is not None:
        return _of_refusal(likely, case, people, certain=False)
    for raised in case.evidence.raised:
        dimension = _likely_dimension(raised, case)
        if dimension:
            found = _of_exception(raised, dimension, case, people)
            return found._replace(diagnosis=found.diagnosis._replace(certain=False))
    return Told(_unknown(case, people))


def told_loss(refusal: Refusal, setting: Setting, distribution: Name | None = None) -> Told | None:
    """Return what is to be said of a refusal that nothing failed of; None unless a library lost something.

    What the project itself was refused, or a program that it runs, isn't news to it: the list of refusals has that.
    """
    case = Case.of(Evidence(), (refusal,), setting)
    found = _of_refusal(refusal, case, _People(case, distribution), certain=True)
    return found if found.diagnosis.dimension and refusal.library else None


# -- who ---------------------------------------------------------------------------------------------------------------


class _People:
    """Who did it: libraries by their distributions and versions, the project, or a program that it runs."""

    def __init__(self, case: Case, distribution: Name | None) -> None:
        self._case = case
        self._distribution = distribution or (lambda _module: "")

    def library(self, module: str) -> tuple[str, str]:
        """Return a package's distribution and version; the package's own name and "" where nobody knows."""
        for name in (self._distribution(module), module, module.replace("_", "-"), _DISTRIBUTIONS.get(module, "")):
            version = self._case.setting.version(name) if name else ""
            if version:
                return name, version
        return self._distribution(module) or module, ""

    def author(self, raised: Raised) -> tuple[str, str, str]:
        """Return library, version and line of the innermost code that isn't the standard library's or the project's."""
        for frame in raised.frames:
            if self._is_library(frame):
                return (*self.library(frame.library), frame.place)
        own = next((frame.place for frame in raised.frames if not is_standard(frame)), "")
        return "", "", own

    def _is_library(self, frame: Frame) -> bool:
        """A library's files are named from where it's installed, so from its package; those of a project may be as well."""
        module = frame.library
        if not module or is_standard(frame) or not frame.place.startswith((f"{module}/", f"{module}.py:")):
            return False
        refused = any(refusal.library == module for refusal in self._case.ties.refusals)
        return refused or bool(self.library(module)[1])


def _versioned(library: str, version: str) -> str:
    return f"{library} {VERSION}" if version else library


def _named(library: str, version: str, place: str) -> str:
    who = _versioned(library, version) if library else "the project"
    return f"{who} ({place})" if place else who


# -- what --------------------------------------------------------------------------------------------------------------


def _of_refusal(refusal: Refusal, case: Case, people: _People, *, certain: bool) -> Told:
    library, version = people.library(refusal.library) if refusal.library else ("", "")
    who = f"the process `{refusal.process}`" if refusal.process else _named(library, version, refusal.place)
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


def _tried(operation: str, error: str) -> str:
    if (operation, error) == ("open", "EROFS"):  # to read it is allowed
        return "to write {}"
    return _TRIED.get(operation, f"{operation} of {{}}")


def _of_exception(raised: Raised, dimension: str, case: Case, people: _People) -> Told:
    library, version, place = people.author(raised)
    error = error_of(raised)
    told_by = _standard_caller(raised)
    variable = missing_variable(raised, case.setting)
    if variable:
        what = f"{_named(library, version, place)} asked for the variable {variable}, which isn't set"
        text = f"{what} in {ENVIRONMENT}; {NO_RULE}"
    else:
        text = f"{_named(library, version, place)} failed{told_by} with {_said(raised)}{_tail(dimension)}"
    diagnosis = Diagnosis(
        text=text,
        library=library,
        version=version,
        dimension=dimension,
        certain=dimension in _CERTAIN and not is_timeout(raised),
        place=place,
        target=raised.path,
        error=error,
    )
    return Told(diagnosis)


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


def _likely_dimension(raised: Raised, case: Case) -> str:
    """Return what an assertion compares, or what a program complained about before it ended."""
    error = printed_error(raised, case.evidence.output)
    if error:
        return of_exception(raised._replace(error=error), case.evidence, case.setting)
    return of_comparison(raised, case.setting)


def _unknown(case: Case, people: _People) -> Diagnosis:
    raised = case.evidence.raised[0] if case.evidence.raised else Raised("", (), "")
    library, version, place = people.author(raised)
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
        target=raised.path,
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
