"""Whether a rule explains a failure, and which of several does it best. Pure.

A rule that matches what it doesn't explain is worse than none: what a library has swallowed before a test failed for another
reason isn't blamed, whatever rule knows it (see `ties`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from pytest_envguard.diagnosis.because import changes, holding
from pytest_envguard.diagnosis.people import People, attributed
from pytest_envguard.diagnosis.reasons import is_ambiguous
from pytest_envguard.diagnosis.remedies import holds, is_switched_on, network, variable, version_fits
from pytest_envguard.diagnosis.rules import WRITES, Conditions, Library, Rule
from pytest_envguard.diagnosis.telling import (
    BECAUSE,
    ENVIRONMENT,
    VERSION,
    completed,
    filled,
    folder_of,
    shown,
)
from pytest_envguard.diagnosis.ties import (
    EXECUTION,
    FAILED_TO_MAP,
    NETWORK,
    OF_FILES,
    Ties,
    author_of,
    error_of,
    is_noexec,
    is_standard,
    is_timeout,
    mapped_path,
    path_of,
)
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import NOEXEC, Evidence, Overwritten, Raised, looks_secret
from pytest_envguard.model.refusal import Refusal

_FAR = 1000  # frames: the library isn't in the traceback
# Whoever sets one of these doesn't want the network to be asked, on the host either.
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")

_fits = lru_cache(4096)(version_fits)


class Match(NamedTuple):
    """A rule that explains a failure, or what was refused to a test that passes.

    Attributes:
        library: Whose rule it is.
        rule: The rule.
        certain: Whether something ties the cause to the failure.
        says: What the rule says, filled but for what several environments may have in common (see `telling.completed`).
        version: The library's, "" where nobody knows.
        target: What it was about: path or host; "" where that isn't known.
        error: Name of the errno; "" without one.
        place: File and line that did it; "" where that isn't known.
        conditions: How many were met.
        at: Which exception of the chain it explains, those alone counted that have another errno.
        depth: How many frames the library's code is away from where it went wrong.
        refusal: What was refused, if the rule asked for that.
        number: Of that exception in the chain.
    """

    library: Library
    rule: Rule
    certain: bool
    says: str
    version: str = ""
    target: str = ""
    error: str = ""
    place: str = ""
    conditions: int = 0
    at: int = 0
    depth: int = _FAR
    refusal: Refusal | None = None
    number: int = 0

    def text(self, setting: Setting) -> str:
        """Return what the rule says, of one environment."""
        return completed(self.says, [holding(setting, self.rule.dimension, self.error, self.version)])


class Case(NamedTuple):
    """One failing test in one environment, or one that passes and was refused something.

    Attributes:
        evidence: What the failure left behind; empty where nothing failed.
        ties: What was refused, and which exceptions come of it.
        setting: The environment.
        keepers: Packages that are known to write files of their own.
    """

    evidence: Evidence
    ties: Ties
    setting: Setting
    keepers: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        refusals: Sequence[Refusal],
        setting: Setting,
        libraries: Iterable[Library] = (),
    ) -> Case:
        """Return what is known about a failure, to ask several rules: those of ``libraries``."""
        writing = (library for library in libraries if any(use.kind == WRITES for use in library.uses))
        keepers = frozenset(module for library in writing for module in library.modules)
        return cls(evidence, Ties(evidence, attributed(refusals, evidence, setting)), setting, keepers)


class _Found(NamedTuple):
    refusal: Refusal | None
    raised: Raised | None
    certain: bool
    conditions: int


def match(
    rule: Rule, library: Library, evidence: Evidence, refusals: Sequence[Refusal], setting: Setting
) -> Match | None:
    """Return how ``rule`` explains a failure, None if it doesn't.

    Args:
        rule: One of the ``library``'s.
        library: The library.
        evidence: What the failure left behind; without an exception nothing has failed, and refusals alone count.
        refusals: What was refused to the test, while its file was imported too, the earliest first.
        setting: The environment, and which versions are installed there.
    """
    return match_case(rule, library, Case.of(evidence, refusals, setting))


def best(
    libraries: Iterable[Library], evidence: Evidence, refusals: Sequence[Refusal], setting: Setting
) -> Match | None:
    """Return the best explanation that any rule of ``libraries`` has, None if none explains it.

    Certain ones first, then those of what isn't silent, then what explains the outermost of several errors, then the more conditions, then the library
    whose code is innermost; of equals the first.
    """
    libraries = tuple(libraries)
    return best_of(libraries, Case.of(evidence, refusals, setting, libraries))


class Asked:
    """The rules that can be about a failure at all, found once for all failures with the same words in them."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], list[_Possible]] = {}

    def of(self, libraries: Sequence[Library], ties: Ties) -> list[_Possible]:
        """Return the rules of ``libraries`` (which live as long as this) whose words are there."""
        key = (*map(id, libraries), *ties.words)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = list(_possible(libraries, ties))
        return found


class _Possible(NamedTuple):
    library: Library
    rule: Rule
    conditions: list[Conditions]


def _possible(libraries: Iterable[Library], ties: Ties) -> Iterator[_Possible]:
    for library in libraries:
        for rule in library.rules:
            conditions = [one for one in rule.match if _is_about(one, ties)]
            if conditions:
                yield _Possible(library, rule, conditions)


def best_of(libraries: Sequence[Library], case: Case, asked: Asked | None = None) -> Match | None:
    """Return the same of a case; ``asked`` is for several of them."""
    possible = _possible(libraries, case.ties) if asked is None else asked.of(libraries, case.ties)
    found = (_matched(one, case) for one in possible)
    return min((one for one in found if one is not None), key=_order, default=None)


def match_case(rule: Rule, library: Library, case: Case) -> Match | None:
    """Return the same as `match`, of a case that several rules are asked about."""
    conditions = [one for one in rule.match if _is_about(one, case.ties)]
    return _matched(_Possible(library, rule, conditions), case) if conditions else None


def _matched(possible: _Possible, case: Case) -> Match | None:
    library, rule, conditions = possible
    if not changes(case.setting.values, rule.dimension):
        return None
    version = case.setting.version(library.name) if rule.versions else ""
    if not _fits(version, rule.versions):
        return None
    if rule.silent and case.evidence.raised and not _may_come_of_a_loss(library, case.evidence):
        return None
    found = [hit for one in conditions if (hit := _try(one, rule, library, case)) is not None]
    if not found:
        return None
    chosen = min(found, key=lambda one: (not one.certain, -one.conditions))
    return _told(rule, library, case.setting.version(library.name), chosen, case)


def _may_come_of_a_loss(library: Library, evidence: Evidence) -> bool:
    """Whether a failure may come of what a library has swallowed: an assertion does, or the library took part in it."""
    if "AssertionError" in evidence.raised[0].bases:
        return True
    return any(frame.library in library.modules for raised in evidence.raised for frame in raised.frames)


def _order(one: Match) -> tuple[bool, bool, int, int, int]:
    return not one.certain, one.rule.silent, one.at, -one.conditions, one.depth


# -- one alternative ---------------------------------------------------------------------------------------------------


def _is_about(conditions: Conditions, ties: Ties) -> bool:
    """Whether each word that is asked for is there at all, of whichever refusal or exception.

    It's asked first because it's quick: most rules are about something else.
    """
    return not (
        (conditions.exception and ties.kinds.isdisjoint(conditions.exception))
        or (conditions.through and ties.came_through.isdisjoint(conditions.through))
        or (conditions.operation and ties.operations.isdisjoint(conditions.operation))
        or (conditions.by and ties.authors.isdisjoint(conditions.by))
        or (conditions.error and ties.errors.isdisjoint(conditions.error))
    )


def _try(conditions: Conditions, rule: Rule, library: Library, case: Case) -> _Found | None:
    about_refusal = _is_about_refusal(conditions)
    alike = [one for one in case.ties.refusals if _is_refused(one, conditions)] if about_refusal else []
    raised = None
    if _is_about_exception(conditions):
        modules = case.ties.modules
        raised = next(
            (one for at, one in enumerate(case.evidence.raised) if _meets(one, modules[at], conditions)), None
        )
        if raised is None:
            return None
    # What costs most is asked last: most rules are about something else.
    if (about_refusal and not alike) or not _around_holds(conditions, library, case):
        return None
    if raised is not None and not (
        _is_possible(raised, conditions, rule, case) and _has_acted(library, conditions, raised, case)
    ):
        return None
    if about_refusal:
        found = _with_refusal(alike, raised, conditions, library, case)
    else:
        found = _without_refusal(raised, _weight(conditions), case)
        if found is not None and raised is not None and not conditions.through and is_ambiguous(raised, case.setting):
            found = found._replace(certain=False)
    # Of a variable whose name looks secret nobody knows whether it's set.
    unknown = any(map(looks_secret, conditions.unset))
    return found._replace(certain=False) if found is not None and unknown else found


def _without_refusal(raised: Raised | None, weight: int, case: Case) -> _Found | None:
    if raised is not None:
        certain = "AssertionError" not in raised.bases
        return _Found(None, raised, certain, weight)
    # A variable, or what was printed: that explains no failure that says itself what was wrong.
    return None if case.ties.speaks else _Found(None, None, False, weight)


def _with_refusal(
    alike: list[Refusal], raised: Raised | None, conditions: Conditions, library: Library, case: Case
) -> _Found | None:
    weight = _weight(conditions)
    if not case.evidence.raised:
        return _Found(alike[-1], None, True, weight)  # nothing failed: what was refused is all there is
    tied = [one for one in case.ties.tied if one in alike]
    if tied:
        at = case.ties.exception(tied[0])
        return _Found(tied[0], case.evidence.raised[at or 0], True, weight)
    if raised is not None and _is_specific(conditions):
        return _Found(alike[-1], raised, "AssertionError" not in raised.bases, weight)
    likely = [one for one in alike if _is_likely(one, library, case)]
    return _Found(likely[-1], None, False, weight) if likely else None


def _is_likely(refusal: Refusal, library: Library, case: Case) -> bool:
    if case.ties.explained_otherwise(refusal):
        return False
    evidence = case.evidence
    took_part = any(module in modules for modules in case.ties.modules for module in library.modules)
    if took_part or not set(library.modules).isdisjoint(evidence.mentions):
        return True
    slow = any(map(is_timeout, evidence.raised))  # a hang alone isn't "offline"
    return refusal == case.ties.last() and not slow and not case.ties.tied and not _fails_elsewhere(refusal, case)


def _fails_elsewhere(refusal: Refusal, case: Case) -> bool:
    """Whether a library that has nothing to do with ``refusal`` says in words of its own what is wrong."""
    first = case.evidence.raised[0] if case.evidence.raised else None
    if first is None or "AssertionError" in first.bases or not first.message.strip():
        return False
    people = People(case.setting, case.ties.refusals)
    return people.author(first)[0] not in ("", people.library(refusal.library)[0])


def _is_possible(raised: Raised, conditions: Conditions, rule: Rule, case: Case) -> bool:
    """Whether what an exception says can come from the rule's dimension: two texts have several causes."""
    if FAILED_TO_MAP in raised.message and rule.dimension in ("tmp_exec", "shm_exec"):
        # Also the text of a memory limit and of a system call filter.
        path = mapped_path(raised)
        return is_noexec(case.evidence, path) or any(one.operation in EXECUTION for one in case.ties.tied)
    if NOEXEC in conditions.facts and raised.path:
        return is_noexec(case.evidence, raised.path)
    if rule.dimension == "network" and is_timeout(raised) and network(case.setting) != "drop":
        # Names and connections fail at once there: something else took so long, or one asked again and again.
        return bool(error_of(raised)) or any(one.operation in NETWORK for one in case.ties.refusals)
    return rule.dimension != "network" or not is_offline_by_choice(case)


def _has_acted(library: Library, conditions: Conditions, raised: Raised, case: Case) -> bool:
    """Whether an error of a file may be a library's: not if another one that keeps files was called by it, and is at work.

    Unless the rule is about both, or about a variable with which it tells the other one where.
    """
    if not conditions.through or not case.keepers or conditions.set or conditions.overwrites:
        return True
    if error_of(raised) not in OF_FILES:
        return True
    at_work = next((frame.library for frame in raised.frames if not is_standard(frame)), "")
    if at_work not in case.keepers or at_work in library.modules:
        return True
    return any(module.partition(".")[0] == at_work for module in conditions.through)


def is_offline_by_choice(case: Case) -> bool:
    """Whether somebody has switched the network off by a variable, and nobody was refused it: then it isn't missed."""
    own = case.setting.values.get("env", {})
    given = (name for name in _OFFLINE if not (isinstance(own, Mapping) and name in own))
    switched = any(is_switched_on(name, case.setting, case.evidence) for name in given)
    return switched and not any(one.operation in NETWORK for one in case.ties.refusals)


def _around_holds(conditions: Conditions, library: Library, case: Case) -> bool:
    """Whether the conditions hold that are about neither one refusal nor one exception."""
    evidence = case.evidence
    if conditions.output is not None and not conditions.output.search(evidence.output):
        return False
    if conditions.mentions and set(conditions.mentions).isdisjoint(evidence.mentions):
        return False
    if conditions.overwrites and not _has_overwritten(library, conditions.overwrites, evidence):
        return False
    around = conditions.set or conditions.unset or conditions.network or conditions.requires
    measured = conditions.facts or conditions.without_facts
    return not (around or measured) or holds(conditions, case.setting, evidence)


def _has_overwritten(library: Library, name: str, evidence: Evidence) -> bool:
    return any(one.variable == name and one.library in library.modules for one in evidence.overwritten)


def _is_about_refusal(conditions: Conditions) -> bool:
    return bool(conditions.operation or conditions.target is not None or conditions.by)


def _is_about_exception(conditions: Conditions) -> bool:
    return bool(
        conditions.exception
        or conditions.message is not None
        or conditions.path is not None
        or conditions.through
        or (conditions.error and not _is_about_refusal(conditions))
    )


def _is_specific(conditions: Conditions) -> bool:
    """Whether conditions name more of an exception than its class, which may have been raised for another reason."""
    return conditions.message is not None or conditions.path is not None


def _is_refused(refusal: Refusal, conditions: Conditions) -> bool:
    return (
        _is_one_of(refusal.operation, conditions.operation)
        and _is_one_of(refusal.error, conditions.error)
        and _is_one_of(author_of(refusal), conditions.by)
        and (conditions.target is None or conditions.target.search(refusal.target) is not None)
    )


def _meets(raised: Raised, modules: Collection[str], conditions: Conditions) -> bool:
    # What is quick and seldom holds comes first.
    if conditions.through and not any(module in modules for module in conditions.through):
        return False
    if conditions.exception and not any(kind in raised.bases for kind in conditions.exception):
        return False
    if conditions.error and not _is_about_refusal(conditions) and error_of(raised) not in conditions.error:
        return False
    if conditions.path is not None and not conditions.path.search(raised.path):
        return False
    return conditions.message is None or conditions.message.search(raised.message) is not None


def _is_one_of(word: str, words: Collection[str]) -> bool:
    return not words or word in words


def _weight(conditions: Conditions) -> int:
    return sum(1 for value in conditions if value)


# -- what is said ------------------------------------------------------------------------------------------------------


def _told(rule: Rule, library: Library, version: str, found: _Found, case: Case) -> Match:
    raised = found.raised
    target = found.refusal.target if found.refusal else _target_of(raised, case)
    error = found.refusal.error if found.refusal else error_of(raised) if raised else ""
    place = found.refusal.place if found.refusal else _place_of(raised, library)
    # Of a variable that the library sets, the line that does it tells more than the line that failed of it.
    names = {one.overwrites for one in rule.match} - {""}
    place = next((one.place for one in _setting(names, case.evidence) if one.library in library.modules), place)
    values = {
        "library": library.name,
        "version": VERSION if version else "",
        "target": shown(target),
        "folder": folder_of(target) if target else "",
        "place": place,
        "error": error,
        "environment": ENVIRONMENT,
        "because": BECAUSE,
    }
    return Match(
        library,
        rule,
        found.certain,
        filled(rule.says, values, lambda name: value_of(name, case)) + _set_by_others(rule, library, case.evidence),
        version,
        target,
        error,
        place,
        found.conditions,
        _position(raised, case.evidence),
        _depth(library, found.refusal, case),
        found.refusal,
        next((at for at, one in enumerate(case.evidence.raised) if one is raised), 0),
    )


def _set_by_others(rule: Rule, library: Library, evidence: Evidence) -> str:
    """Return who else has set a variable that the rule is about: from outside, setting it changes nothing then."""
    offered = {name for offer in rule.offers for name in offer.remedy.set}
    asked = {name for one in rule.match for name in one.set}
    others = (
        one
        for one in _setting(offered | asked, evidence)
        if one.library not in library.modules and one.place and one.value == evidence.variable(one.variable)
    )
    return next((f"; {one.place} sets {one.variable}" for one in others), "")


def _setting(names: Collection[str], evidence: Evidence) -> list[Overwritten]:
    return [one for one in evidence.overwritten if one.variable in names]


def value_of(name: str, case: Case) -> str | None:
    """Return what a variable was set to where the failure was, None where it wasn't or nobody may know."""
    written = next((one.value for one in case.evidence.overwritten if one.variable == name), None)
    value = variable(name, case.setting, case.evidence) if written is None else written
    return None if value is None or looks_secret(name, value) else value


def _target_of(raised: Raised | None, case: Case) -> str:
    """Return what an exception is about, by its path, or what was refused when it was raised."""
    if raised is None:
        return ""
    at = next((at for at, one in enumerate(case.evidence.raised) if one is raised), None)
    tied = (one.target for one in case.ties.tied if case.ties.exception(one) == at)
    return path_of(raised) or next(tied, "")


def _place_of(raised: Raised | None, library: Library) -> str:
    """Return the library's line in a traceback, else the innermost one: the standard library acts for others."""
    frames = raised.frames if raised else ()
    others = [frame for frame in frames if not is_standard(frame)] or frames
    own = (frame.place for frame in others if frame.library in library.modules)
    return next(own, others[0].place if others else "")


def _position(raised: Raised | None, evidence: Evidence) -> int:
    """Return how many other errors were raised after this one: one that wraps another has the same."""
    if raised is None:
        return 0
    own = error_of(raised)
    before = evidence.raised[: next((at for at, one in enumerate(evidence.raised) if one is raised), 0)]
    return len({error for one in before if (error := error_of(one)) and error != own})


def _depth(library: Library, refusal: Refusal | None, case: Case) -> int:
    if refusal is not None and refusal.library in library.modules:
        return -1
    if not any(module in modules for modules in case.ties.modules for module in library.modules):
        return _FAR
    return min(
        at
        for raised in case.evidence.raised
        for at, frame in enumerate(raised.frames)
        if frame.library in library.modules
    )


def names_of(evidence: Evidence, refusals: Iterable[Refusal]) -> set[str]:
    """Return the libraries that a failure may have to do with: to ask for what is known about them."""
    modules = {frame.module for raised in evidence.raised for frame in raised.frames}
    frames = (module.partition(".")[0] for module in modules)
    kinds = (raised.kind.partition(".")[0] for raised in evidence.raised if "." in raised.kind)
    overwriting = (one.library for one in evidence.overwritten)
    found = {*frames, *kinds, *overwriting, *evidence.mentions, *(refusal.library for refusal in refusals)}
    return found - {""}
