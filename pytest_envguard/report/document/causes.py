"""Why tests fail as facts of a document, and back: each thing beside its inverse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pytest_envguard.model.diagnosis import Cause, Cost, Diagnosis, Holding, Remedy, Seed, Trial, each_once
from pytest_envguard.report.causes import ready
from pytest_envguard.report.document.taken import Part

Facts = dict[str, Any]

# As a diagnosis calls them.
_TEXTS = ("sentence", "alike", "library", "version", "rule", "dimension", "place", "target", "error")


def cause_facts(cause: Cause, lineage: Mapping[str, Sequence[str]]) -> Facts:
    """Return a cause in lists, dicts, texts and numbers.

    Its remedies stand there once, the diagnosis' own first; ``offered`` and ``applied`` are their numbers, from 0.
    """
    diagnosis = cause.diagnosis
    known = _remedies(cause)
    return {
        "explanation": diagnosis.text,
        "certain": diagnosis.certain,
        "silent": cause.silent,
        **{name: getattr(diagnosis, name) for name in _TEXTS},
        "holding": {name: one._asdict() for name, one in cause.holding.items()},
        "tests": {environment: list(nodeids) for environment, nodeids in cause.where.items()},
        "remedies": [_remedy(remedy) for remedy in diagnosis.remedies],
        "other_remedies": [_remedy(remedy) for remedy in known[len(diagnosis.remedies) :]],
        "offered": {name: [known.index(one) for one in offered] for name, offered in cause.remedies.items()},
        "tried": [_trial(trial, known) for trial in cause.trials],
        "costs": [_cost(cost, known) for cost in cause.costs],
        "ready": [
            {"remedies": [remedy.title for remedy in one.remedies], "worked": one.worked, "forms": dict(one.forms)}
            for one in ready(cause, lineage)
        ],
    }


def read_cause(part: Part, environments: Collection[str]) -> Cause:
    """Return the cause that the facts stand for; what is ``ready`` follows from it.

    Args:
        part: The facts.
        environments: Those that the run has.
    """
    own = tuple(map(_read_remedy, part["remedies"].parts()))
    known = (*own, *map(_read_remedy, part["other_remedies"].parts()))
    texts = {name: part[name].text() for name in _TEXTS}
    diagnosis = Diagnosis(part["explanation"].text(), certain=part["certain"].flag(), remedies=own, **texts)
    where = {name: nodeids.texts() for name, nodeids in part["tests"].members().items()}
    if not where or not all(where.values()) or not where.keys() <= set(environments):
        raise part["tests"].wrong("tests in environments of this run")
    holding = {
        name: Holding(one["environment"].text(), one["because"].text(), one["version"].text())
        for name, one in part["holding"].members().items()
    }
    if not holding.keys() <= where.keys():
        raise part["holding"].wrong("environments in which it has tests")
    return Cause(
        diagnosis,
        where,
        part["silent"].flag(),
        tuple(_read_trial(one, known) for one in part["tried"].parts()),
        tuple(_read_cost(one, known) for one in part["costs"].parts()),
        {
            name: tuple(_numbered(one, known) for one in several.parts())
            for name, several in part["offered"].members().items()
        },
        holding,
    )


def _remedies(cause: Cause) -> list[Remedy]:
    """Return all that it knows, the diagnosis' own first."""
    own = cause.diagnosis.remedies
    others = each_once(
        (*cause.remedies.values(), *(trial.remedies for trial in cause.trials), [cost.remedy for cost in cause.costs])
    )
    return [*own, *(remedy for remedy in others if remedy not in own)]


def _numbered(part: Part, known: Sequence[Remedy]) -> Remedy:
    number = part.whole()
    if number >= len(known):
        raise part.wrong(f"the number of one of {len(known)} remedies")
    return known[number]


def _remedy(remedy: Remedy) -> Facts:
    seed = remedy.seed
    return {
        "title": remedy.title,
        "says": remedy.says,
        "set": dict(remedy.set),
        "unset": list(remedy.unset),
        "seed": seed._asdict() | {"sources": list(seed.sources)} if seed else None,
        "upgrade": remedy.upgrade,
        "guess": remedy.guess,
    }


def _read_remedy(part: Part) -> Remedy:
    seed = None
    if not (there := part["seed"]).is_null:
        seed = Seed(there["variable"].text(), there["sources"].texts(), there["fill"].text(), there["command"].text())
    return Remedy(
        part["says"].text(),
        part["set"].table(),
        part["unset"].texts(),
        seed,
        part["upgrade"].text(),
        part["guess"].flag(),
    )


def _trial(trial: Trial, known: list[Remedy]) -> Facts:
    return {
        "environment": trial.environment,
        "remedies": [remedy.title for remedy in trial.remedies],
        "applied": [known.index(remedy) for remedy in trial.remedies],
        "works": trial.works,
        "passed": list(trial.passed),
        "failed": dict(trial.failed),
        "broken": dict(trial.broken),
        "seconds": trial.seconds,
        "problem": trial.problem,
        "cell": trial.cell,
    }


def _read_trial(part: Part, known: Sequence[Remedy]) -> Trial:
    return Trial(
        part["environment"].text(),
        tuple(_numbered(one, known) for one in part["applied"].parts()),
        part["passed"].texts(),
        part["failed"].table(),
        part["broken"].table(),
        part["seconds"].number(),
        part["problem"].text(),
        part["cell"].text(),
    )


def _cost(cost: Cost, known: list[Remedy]) -> Facts:
    return {
        "environment": cost.environment,
        "code": cost.code,
        "seconds": cost.without,
        "seconds_with_remedy": cost.remedied,
        "remedy": cost.remedy.title,
        "applied": known.index(cost.remedy),
    }


def _read_cost(part: Part, known: Sequence[Remedy]) -> Cost:
    without, remedied = part["seconds"].number(), part["seconds_with_remedy"].number()
    remedy = _numbered(part["applied"], known)
    return Cost(part["environment"].text(), part["code"].text(), without, remedied, remedy)
