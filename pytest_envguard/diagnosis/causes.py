"""From failing tests and losses to their causes: what has the same reason is one, however many tests and environments."""

from __future__ import annotations

import builtins
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_envguard.diagnosis.asked import Source, source_in
from pytest_envguard.diagnosis.because import holding
from pytest_envguard.diagnosis.generic import LookUp, guesses
from pytest_envguard.diagnosis.homes import at_home
from pytest_envguard.diagnosis.matching import Asked, Case, Match, best_of, names_of
from pytest_envguard.diagnosis.mechanical import told, told_loss
from pytest_envguard.diagnosis.people import People
from pytest_envguard.diagnosis.remedies import below_home, home_folder, resolve
from pytest_envguard.diagnosis.rules import PYTHON
from pytest_envguard.diagnosis.telling import VERSION, folder_of, retold
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Setting, each_once
from pytest_envguard.model.evidence import Evidence, Raised
from pytest_envguard.model.refusal import Refusal

if TYPE_CHECKING:
    from pytest_envguard.diagnosis.rules import Library
    from pytest_envguard.diagnosis.tables import Knowledge


_CHANGING = re.compile(r"0x[0-9a-fA-F]+|/[\w./@%+~-]+|\d+")


class Failure(NamedTuple):
    """A test that fails in an environment.

    Attributes:
        environment: Its name.
        nodeid: The test.
        evidence: What it left behind; None where its worker died or sent nothing.
        refusals: What was refused, the earliest first: what belongs to the import of its file too.
        message: First line of what went wrong.
        compared: Whether it's known to pass on the host.
    """

    environment: str
    nodeid: str
    evidence: Evidence | None
    refusals: tuple[Refusal, ...] = ()
    message: str = ""
    compared: bool = True


class Lost(Protocol):
    """A refusal in tests that pass, as a summary has it."""

    @property
    def environments(self) -> tuple[str, ...]:
        """Where."""

    @property
    def refusal(self) -> Refusal:
        """What was refused; of several that are alike the first."""

    @property
    def nodeids(self) -> tuple[str, ...]:
        """Tests to which it happened, or files that were imported."""


class _Explained(NamedTuple):
    """One failure's explanation, before it's known in how many environments it holds.

    Attributes:
        diagnosis: Its text is to be completed, see `telling.completed`; without remedies.
        case: What it's drawn from.
        operation: What was tried, if no rule says it, and by which program.
        match: The rule that matched.
        asked: What the failing code asks for, see `mechanical.Told`.
        remedies: What goes before guesses.
    """

    diagnosis: Diagnosis
    case: Case
    operation: str = ""
    match: Match | None = None
    asked: str = ""
    remedies: tuple[Remedy, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """The same for what has the same cause: a text may name another file each time.

        A folder may be another one in each environment, as that of the user is; a line is the same. What nothing is known
        of may have failed in a function that others call: its message tells it apart.
        """
        diagnosis = self.diagnosis
        shared = (diagnosis.library, diagnosis.dimension, diagnosis.certain)
        if diagnosis.rule:
            # What lies in the home folder has another remedy than what lies elsewhere.
            return (*shared, diagnosis.rule, self.inside is None)
        where = diagnosis.place or folder_of(diagnosis.target)
        return (*shared, self.operation, diagnosis.error, where, "" if diagnosis.dimension else self._gist())

    @property
    def alike(self) -> str:
        """The key as a text that another run has as well."""
        return hashlib.sha256(repr(self.key).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    @property
    def inside(self) -> str | None:
        """Where in the home folder that is which was refused; None if it's elsewhere."""
        home = home_folder(self.case.setting, self.case.evidence)
        return below_home(self.diagnosis.target, home) if self.diagnosis.target else None

    def _gist(self) -> str:
        """Return the first line of what went wrong without what is another one each time: numbers, addresses, paths."""
        raised = next(iter(self.case.evidence.raised), None)
        first = raised.message.strip().partition("\n")[0] if raised else ""
        return _CHANGING.sub("#", first)


class _Group:
    """What has one cause."""

    def __init__(self, first: _Explained) -> None:
        self.first = first
        self.where: dict[str, dict[str, None]] = {}
        self.subjects: set[tuple[object, ...]] = set()
        self._seen: dict[str, _Explained] = {}  # by environment: its version, its errno, its remedies

    def add(self, explained: _Explained, environment: str, nodeids: Iterable[str]) -> None:
        self._seen.setdefault(environment, explained)
        self.subjects.add(_subject(explained))
        self.where.setdefault(environment, {}).update(dict.fromkeys(nodeids))

    def cause(self, look_up: LookUp | None, *, silent: bool) -> Cause:
        """Return it with all environments named in its text, and what may help in any of them."""
        diagnosis = self.first.diagnosis
        diagnosis = diagnosis._replace(sentence=diagnosis.text, alike=self.first.alike)
        open_ = {
            name: holding(one.case.setting, diagnosis.dimension, one.diagnosis.error, one.diagnosis.version)
            for name, one in self._seen.items()
        }
        own = {name: tuple(_remedies(one, look_up)) for name, one in self._seen.items()}
        where = {name: tuple(nodeids) for name, nodeids in self.where.items()}
        remedies = each_once(own.values())
        return retold(Cause(diagnosis._replace(remedies=remedies), where, silent, remedies=own, holding=open_))

    @property
    def tests(self) -> int:
        """How many tests there are, each once."""
        return len({nodeid for nodeids in self.where.values() for nodeid in nodeids})


def find_causes(
    failures: Iterable[Failure],
    losses: Iterable[Lost],
    knowledge: Knowledge,
    settings: Mapping[str, Setting],
    look_up: LookUp | None = None,
    *,
    source: Source | None = None,
) -> list[Cause]:
    """Return what made tests fail, the cause of most tests first, then what was lost without a failure.

    Args:
        failures: Tests that fail in an environment and, as far as is known, not on the host.
        losses: What was refused to tests that pass.
        knowledge: Rules.
        settings: Environment to what is known of it; what happened in another is left out.
        look_up: Returns which variables the library reads that failed, for guesses; without it none of that kind is made.
        source: Returns the text of a file of the project (see `asked.source_in`), for what failing code asks of the
            machine; without it files are read from the working folder.
    """
    known = (one for one in failures if one.environment in settings)
    loud = _of_failures(known, knowledge, settings, source or source_in(Path()))
    silent = _of_losses(losses, knowledge, settings)
    told = {subject for group in loud for subject in group.subjects}
    rest = [group for group in silent if _subject(group.first) not in told]
    causes = [group.cause(look_up, silent=False) for group in loud]
    lost = [group.cause(look_up, silent=True) for group in rest]
    # Of what no rule knows nothing is said that the list of refusals doesn't say, but for what may help.
    return causes + [cause for cause in lost if cause.diagnosis.rule or cause.diagnosis.remedies]


def _of_failures(
    failures: Iterable[Failure], knowledge: Knowledge, settings: Mapping[str, Setting], source: Source
) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    known: dict[tuple[str, Evidence, tuple[Refusal, ...]], _Explained] = {}
    asking = _Asking(knowledge, source, Asked())
    for failure in failures:
        evidence = _evidence(failure)
        asked = failure.environment, evidence, failure.refusals
        explained = known.get(asked)
        if explained is None:  # looked up once: the hash of so much takes its time
            libraries = knowledge.candidates(names_of(evidence, failure.refusals))
            case = Case.of(evidence, failure.refusals, settings[failure.environment], libraries)
            explained = known[asked] = _explained(case, libraries, asking)
        if not failure.compared and not explained.diagnosis.certain:
            continue  # it may fail anywhere
        groups.setdefault(explained.key, _Group(explained)).add(explained, failure.environment, [failure.nodeid])
    return sorted(groups.values(), key=lambda group: -group.tests)


def _of_losses(losses: Iterable[Lost], knowledge: Knowledge, settings: Mapping[str, Setting]) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    for loss in losses:
        for environment in loss.environments:
            explained = _lost(loss.refusal, knowledge, settings[environment]) if environment in settings else None
            if explained is not None:
                groups.setdefault(explained.key, _Group(explained)).add(explained, environment, loss.nodeids)
    return sorted(groups.values(), key=lambda group: -group.tests)


def _subject(explained: _Explained) -> tuple[object, ...]:
    """What a cause is about, whether something failed of it or not: it's told once."""
    diagnosis = explained.diagnosis
    if diagnosis.rule:
        return (diagnosis.rule,)
    return diagnosis.library, explained.operation, diagnosis.error, folder_of(diagnosis.target)


# -- one ---------------------------------------------------------------------------------------------------------------


class _Asking(NamedTuple):
    knowledge: Knowledge
    source: Source
    asked: Asked


def _explained(case: Case, libraries: Sequence[Library], asking: _Asking) -> _Explained:
    knowledge, source, asked = asking
    match = best_of(libraries, case, asked)
    if match is not None and match.certain:
        return _matched(match, case, knowledge)
    found = told(case, _distributions(knowledge), source)
    if found.diagnosis.certain and found.diagnosis.dimension:
        return _Explained(found.diagnosis, case, found.operation)
    if match is not None and not found.near:
        return _matched(match, case, knowledge)
    missing = at_home(case, knowledge.of, asserted=not found.diagnosis.dimension)
    if missing is not None:
        return _Explained(missing.diagnosis, case, remedies=missing.remedies)
    return _Explained(found.diagnosis, case, found.operation, asked=found.asked)


def _lost(refusal: Refusal, knowledge: Knowledge, setting: Setting) -> _Explained | None:
    """Return what is to be said of a refusal that nothing failed of: rules of failures say too much of it."""
    case = Case.of(Evidence(), (refusal,), setting)
    libraries = knowledge.candidates({refusal.library} - {""})
    silent = [library._replace(rules=tuple(rule for rule in library.rules if rule.silent)) for library in libraries]
    match = best_of(silent, case)
    if match is not None:
        return _matched(match, case, knowledge)
    found = told_loss(refusal, setting, _distributions(knowledge))
    return _Explained(found.diagnosis, case, found.operation) if found else None


def _matched(match: Match, case: Case, knowledge: Knowledge) -> _Explained:
    library, version, text = match.library.name, match.version, match.says
    caller, *rest = _caller(match, case, knowledge)
    if caller:
        library, version = caller, rest[0]
        text = f"{caller} {VERSION} ({rest[1]}): {text}" if version else text
    diagnosis = Diagnosis(
        text=text,
        library=library,
        version=version,
        rule=f"{match.library.name}/{match.rule.name}",
        dimension=match.rule.dimension,
        certain=match.certain,
        place=match.place,
        target=match.target,
        error=match.error,
        measure=match.rule.measure,
    )
    return _Explained(diagnosis, case, match=match)


def _caller(match: Match, case: Case, knowledge: Knowledge) -> tuple[str, str, str]:
    """Return who called the standard library where a rule of its own explains an exception: library, version and line."""
    if match.library.name != PYTHON or match.refusal is not None or not case.evidence.raised:
        return "", "", ""
    people = People(case.setting, case.ties.refusals, _distributions(knowledge))
    return people.author(case.evidence.raised[match.number])


def _distributions(knowledge: Knowledge) -> Callable[[str], str]:
    def distribution(module: str) -> str:
        library = knowledge.of(module)
        return library.name if library else ""

    return distribution


def _remedies(explained: _Explained, look_up: LookUp | None) -> list[Remedy]:
    """Return what may help in one environment: what the rule offers, and guesses where it has nothing to try."""
    match, case = explained.match, explained.case
    found: list[Remedy] = []
    if match is not None:
        offered = (resolve(offer, case.setting, case.evidence, match.library.name) for offer in match.rule.offers)
        found = [remedy for remedy in offered if remedy is not None]
    able = any(remedy.can_be_tried for remedy in found)
    below = explained.inside is not None and explained.diagnosis.dimension in ("root", "home")
    moved = any("HOME" in remedy.set for remedy in found)
    if able and (moved or not below or not case.evidence.raised):
        return found
    found += explained.remedies
    # A rule knows the library's variables; that it's the home folder which can't be written it may not.
    further = _nothing if able else look_up or _nothing
    arguments = explained.diagnosis, case.evidence, case.ties.refusals, case.setting, further
    guessed = guesses(*arguments, asked=explained.asked)
    known = [(remedy.set, remedy.unset) for remedy in found if remedy.can_be_tried]
    return [*found, *(remedy for remedy in guessed if (remedy.set, remedy.unset) not in known or remedy.seed)]


def _nothing(_place: str) -> tuple[str, ...]:
    return ()


# -- what left no evidence ---------------------------------------------------------------------------------------------


def _evidence(failure: Failure) -> Evidence:
    """Return what a test left behind, or what the first line of its failure tells: something has failed in any case."""
    evidence = failure.evidence or Evidence()
    return evidence if evidence.raised else evidence._replace(raised=(_from_message(failure.message),))


def _from_message(message: str) -> Raised:
    found = re.match(r"((?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt|Failed|Timeout))\b(?::\s*|$)", message)
    if found is None:
        return Raised("", ("AssertionError",) if message.startswith("assert ") else (), message)
    kind, text = found[1], message[found.end() :]
    known = getattr(builtins, kind, None)
    bases = known.__mro__ if isinstance(known, type) else ()
    return Raised(kind, tuple(base.__name__ for base in bases) or (kind.rpartition(".")[2],), text)
