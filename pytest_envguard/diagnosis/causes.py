"""From failing tests and losses to their causes: what has the same reason is one, however many tests and environments."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_envguard.diagnosis.generic import LookUp, guesses
from pytest_envguard.diagnosis.matching import Case, Match, best_of, names_of
from pytest_envguard.diagnosis.mechanical import told, told_loss
from pytest_envguard.diagnosis.remedies import resolve
from pytest_envguard.diagnosis.telling import Holding, completed, folder_of
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Setting
from pytest_envguard.model.evidence import Evidence, Raised
from pytest_envguard.model.refusal import Refusal

if TYPE_CHECKING:
    from pytest_envguard.diagnosis.tables import Knowledge


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
    """

    diagnosis: Diagnosis
    case: Case
    operation: str = ""
    match: Match | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """The same for what has the same cause: a rule's text may name another file each time."""
        diagnosis = self.diagnosis
        shared = (diagnosis.library, diagnosis.dimension, diagnosis.certain)
        if diagnosis.rule:
            return (*shared, diagnosis.rule)
        return (*shared, self.operation, diagnosis.error, folder_of(diagnosis.target), diagnosis.place)


class _Group:
    """What has one cause."""

    def __init__(self, first: _Explained) -> None:
        self.first = first
        self.where: dict[str, dict[str, None]] = {}
        self._seen: dict[str, _Explained] = {}  # by environment: its version, its errno, its remedies

    def add(self, explained: _Explained, environment: str, nodeids: Iterable[str]) -> None:
        self._seen.setdefault(environment, explained)
        self.where.setdefault(environment, {}).update(dict.fromkeys(nodeids))

    def cause(self, look_up: LookUp | None, *, silent: bool) -> Cause:
        """Return it with all environments named in its text, and what may help in any of them."""
        holding = [Holding(one.case.setting, one.diagnosis.error, one.diagnosis.version) for one in self._seen.values()]
        diagnosis = self.first.diagnosis
        diagnosis = diagnosis._replace(text=completed(diagnosis.text, holding, diagnosis.dimension))
        remedies = list(_merged(_remedies(one, look_up) for one in self._seen.values()))
        where = {name: tuple(nodeids) for name, nodeids in self.where.items()}
        return Cause(diagnosis._replace(remedies=tuple(remedies)), where, silent)

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
) -> list[Cause]:
    """Return what made tests fail, the cause of most tests first, then what was lost without a failure.

    Args:
        failures: Tests that fail in an environment and, as far as is known, not on the host.
        losses: What was refused to tests that pass.
        knowledge: Rules.
        settings: Environment to what is known of it; what happened in another is left out.
        look_up: Returns which variables the library reads that failed, for guesses; without it none of that kind is made.
    """
    loud = _of_failures((one for one in failures if one.environment in settings), knowledge, settings)
    silent = _of_losses(losses, knowledge, settings)
    told = {_subject(group.first) for group in loud}
    rest = [group for group in silent if _subject(group.first) not in told]
    causes = [group.cause(look_up, silent=False) for group in loud]
    lost = [group.cause(look_up, silent=True) for group in rest]
    # Of what no rule knows nothing is said that the list of refusals doesn't say, but for what may help.
    return causes + [cause for cause in lost if cause.diagnosis.rule or cause.diagnosis.remedies]


def _of_failures(failures: Iterable[Failure], knowledge: Knowledge, settings: Mapping[str, Setting]) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    known: dict[tuple[str, Evidence, tuple[Refusal, ...]], _Explained] = {}
    for failure in failures:
        evidence = _evidence(failure)
        asked = failure.environment, evidence, failure.refusals
        explained = known.get(asked)
        if explained is None:  # looked up once: the hash of so much takes its time
            case = Case.of(evidence, failure.refusals, settings[failure.environment])
            explained = known[asked] = _explained(case, knowledge)
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


def _explained(case: Case, knowledge: Knowledge) -> _Explained:
    libraries = knowledge.candidates(names_of(case.evidence, case.ties.refusals))
    match = best_of(libraries, case)
    if match is not None and match.certain:
        return _matched(match, case)
    found = told(case, _distributions(knowledge))
    if match is not None and not (found.diagnosis.certain and found.diagnosis.dimension):
        return _matched(match, case)
    return _Explained(found.diagnosis, case, found.operation)


def _lost(refusal: Refusal, knowledge: Knowledge, setting: Setting) -> _Explained | None:
    """Return what is to be said of a refusal that nothing failed of: rules of failures say too much of it."""
    case = Case.of(Evidence(), (refusal,), setting)
    libraries = knowledge.candidates({refusal.library} - {""})
    silent = (library._replace(rules=tuple(rule for rule in library.rules if rule.silent)) for library in libraries)
    match = best_of(silent, case)
    if match is not None:
        return _matched(match, case)
    found = told_loss(refusal, setting, _distributions(knowledge))
    return _Explained(found.diagnosis, case, found.operation) if found else None


def _matched(match: Match, case: Case) -> _Explained:
    diagnosis = Diagnosis(
        text=match.says,
        library=match.library.name,
        version=match.version,
        rule=f"{match.library.name}/{match.rule.name}",
        dimension=match.rule.dimension,
        certain=match.certain,
        place=match.place,
        target=match.target,
        error=match.error,
        measure=match.rule.measure,
    )
    return _Explained(diagnosis, case, match=match)


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
    if any(remedy.can_be_tried for remedy in found):
        return found
    further = (look_up,) if look_up else ()
    return [*found, *guesses(explained.diagnosis, case.evidence, case.ties.refusals, case.setting, *further)]


def _merged(several: Iterable[Iterable[Remedy]]) -> list[Remedy]:
    """Return all remedies, each once (they have tables, and so no hash)."""
    merged: list[Remedy] = []
    for remedies in several:
        merged += [remedy for remedy in remedies if remedy not in merged]
    return merged


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
