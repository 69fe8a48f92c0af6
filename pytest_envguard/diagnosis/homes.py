"""What a library doesn't find because it lay in the home folder of another machine: nothing was refused, it isn't there. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pytest_envguard.diagnosis.because import changes
from pytest_envguard.diagnosis.matching import Case, is_offline_by_choice
from pytest_envguard.diagnosis.people import People
from pytest_envguard.diagnosis.remedies import home_folder, value_set, version_fits
from pytest_envguard.diagnosis.rules import READS, WRITES, Library, Use
from pytest_envguard.diagnosis.telling import BECAUSE, ENVIRONMENT, VERSION
from pytest_envguard.diagnosis.ties import NOT_REACHED, error_of, is_standard
from pytest_envguard.model.diagnosis import Diagnosis, Remedy, Seed
from pytest_envguard.model.evidence import Raised, looks_secret

Of = Callable[[str], Library | None]
"""What is known about the library that a top-level package belongs to."""

_HOME = "{home}/"
_MISSING = re.compile(
    r"not found|no such file|(?:could ?n.?t|can.?t|cannot|can not|could not|unable to) (?:be )?(?:find|found|locate|load)"
    r"|not (?:been )?(?:cached|downloaded)|does(?:n.t| not) exist|\bmissing\b|not available",
    re.IGNORECASE,
)
_NO_FILE = frozenset(("KeyError", "IndexError", "ImportError", "AttributeError", "NameError", "AssertionError"))
_FILE = re.compile(r"(?:rc|config|credentials|\.(?:toml|json|ya?ml|ini|cfg|conf|netrc))$")  # what is no folder
_GENERAL = re.compile(r"XDG_\w+|HOME")  # they move more than one library's folder


class AtHome(NamedTuple):
    """What a library looks for in the home folder.

    Attributes:
        diagnosis: Its text is to be completed, see `telling.completed`.
        remedies: The folder filled from the one of this machine.
    """

    diagnosis: Diagnosis
    remedies: tuple[Remedy, ...]


class _Kept(NamedTuple):
    library: Library
    use: Use
    variable: str  # that moves it
    inside: str  # of the home folder


def at_home(case: Case, of: Of, *, asserted: bool = False) -> AtHome | None:
    """Return what a failure misses that lies in the home folder of this machine, None if it misses nothing of the kind.

    It's likely at most: that it's there on this machine isn't looked at.

    Args:
        case: The failure.
        of: Returns what is known about a library.
        asserted: Whether an assertion counts that names such a library, though it doesn't say what is missing.
    """
    if case.setting.values.get("home", "host") == "host":
        return None
    if not any(_misses_something(raised, case, asserted=asserted) for raised in case.evidence.raised):
        return None
    kept = next((one for library in _involved(case, of) for one in _kept(library, case)), None)
    return _told(kept, case) if kept is not None else None


def _misses_something(raised: Raised, case: Case, *, asserted: bool) -> bool:
    """Whether an exception says that something isn't there, or that it can't be fetched where the host can't either."""
    if "AssertionError" in raised.bases:
        return asserted
    if not _NO_FILE.isdisjoint(raised.bases):
        return False
    error = error_of(raised)
    if error in NOT_REACHED:
        return not changes(case.setting.values, "network") or is_offline_by_choice(case)
    return error in ("", "ENOENT") and ("FileNotFoundError" in raised.bases or bool(_MISSING.search(raised.message)))


def _involved(case: Case, of: Of) -> Iterator[Library]:
    """Yield the libraries that it went through, those of the innermost exception first, and those that the line names."""
    frames = [frame for raised in reversed(case.evidence.raised) for frame in raised.frames if not is_standard(frame)]
    for module in dict.fromkeys([*(frame.library for frame in frames), *case.evidence.mentions]):
        library = of(module)
        if library is not None and module in library.modules:
            yield library


def _kept(library: Library, case: Case) -> Iterator[_Kept]:
    version = case.setting.version(library.name)
    for use in library.uses:
        own = [name for name in use.variables if not _GENERAL.fullmatch(name)]
        if use.kind not in (WRITES, READS) or not own or not version_fits(version, use.versions):
            continue
        given = next((name for name in use.variables if name != "HOME" and _value(name, case) is not None), "")
        inside = _inside(_value(given, case) or "", case) if given else use.where.removeprefix(_HOME)
        if inside and (given in own or (not given and use.where.startswith(_HOME))):
            yield _Kept(library, use, given or own[0], inside)


def _value(name: str, case: Case) -> str | None:
    return value_set(name, case.setting, case.evidence)


def _inside(path: str, case: Case) -> str:
    """Return where in the environment's home a path lies, "" if it's in none."""
    home = home_folder(case.setting, case.evidence)
    for top in ("~", home):
        if top.strip("/") and path.startswith(f"{top.rstrip('/')}/"):
            return posixpath.normpath(path[len(top.rstrip("/")) + 1 :])
    return path[1:] if home == "/" and path.startswith("/.") else ""


def _told(kept: _Kept, case: Case) -> AtHome:
    library, use, variable, inside = kept
    people = People(case.setting, case.ties.refusals, lambda _module: library.name)
    name, version = people.library(library.modules[0])
    who = f"{name} {VERSION}" if version else name
    place = next(
        (frame.place for raised in case.evidence.raised for frame in raised.frames if frame.library in library.modules),
        "",
    )
    text = (
        f"{who} keeps {use.what} in ~/{inside}, which is another folder in {ENVIRONMENT} than on the host, "
        f"and something isn't there; {BECAUSE}; no rule matched"
    )
    diagnosis = Diagnosis(text, library.name, version, dimension="home", certain=False, place=place)
    if _FILE.search(inside) or looks_secret(variable):
        return AtHome(diagnosis, ())
    seed = Seed(variable, (f"${variable}", f"~/{inside}"), command=f"cp -r ~/{inside}/. DIR")
    says = f"what lies in ~/{inside} is deployed"
    return AtHome(diagnosis, (Remedy(says, seed=seed, guess=True),))
