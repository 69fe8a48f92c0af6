"""The plan of each environment: what is enforced and how strongly, and what isn't. Pure."""

from __future__ import annotations

from typing import NamedTuple

from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.enforcement import STRENGTHS, mechanism
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.summary import Summary


class How(NamedTuple):
    """How strongly something is enforced, as it looks: one character, the same in words, and a class of the style sheet."""

    sign: str
    word: str
    style: str


_SIGNS = {
    Strength.KERNEL: ("●", "strong"),
    Strength.EXACT: ("●", "strong"),
    Strength.PYTHON: ("◐", "weak"),
    Strength.APPROXIMATE: ("≈", "weak"),
    Strength.NONE: ("○", "none"),
}
_HOW = {strength: How(sign, STRENGTHS[strength], style) for strength, (sign, style) in _SIGNS.items()}


class Environment(NamedTuple):
    """One way to enforce a profile.

    Attributes:
        name: The environment's, or with versions the profile's.
        anchor: Its id.
        summary: What it stands for.
        mechanism: What enforces it, in few words.
        weak: What isn't enforced as it is where it's deployed, the weakest first.
        strong: All else, by how strongly it's enforced.
        notes: What a user must know besides.
        machine: The one that it ran on; "" for this one.
        restricted: Whether anything is.
    """

    name: str
    anchor: str
    summary: str
    mechanism: str
    weak: tuple[tuple[How, Enforcement], ...]
    strong: tuple[tuple[How, tuple[Enforcement, ...]], ...]
    notes: tuple[str, ...]
    machine: str
    restricted: bool


class Trouble(NamedTuple):
    """Something that makes the results of an environment less than they seem.

    Attributes:
        environment: Which.
        title: What it is.
        texts: More about it.
    """

    environment: str
    title: str
    texts: tuple[str, ...]


def environments(summary: Summary) -> list[Environment]:
    """Return the plans; of a run with versions each profile once, as long as it's enforced alike."""
    found: dict[object, Environment] = {}
    for plan in summary.plans:
        name = _name(plan, summary)
        key = (name, plan.enforcements, plan.machine.name if plan.machine else "")
        made = _environment(plan, name)
        known = found.get(key)
        found[key] = made._replace(notes=tuple(dict.fromkeys((*known.notes, *made.notes)))) if known else made
    return list(found.values())


def _name(plan: Plan, summary: Summary) -> str:
    if summary.matrix is None or plan.name not in summary.matrix.coordinates:
        return plan.name
    return summary.matrix.profile(plan.name) or "this machine"


def _environment(plan: Plan, name: str) -> Environment:
    ordered = sorted(plan.enforcements, key=lambda item: item.strength)
    told = [(_HOW[item.strength], item) for item in ordered]
    strong = {how: tuple(item for one, item in told if one is how) for how, _ in told if how.style == "strong"}
    return Environment(
        name,
        anchor("e", f"{name} {plan.machine.name if plan.machine else ''}"),
        plan.summary if plan.summary != name else "",
        mechanism(plan),
        tuple((how, item) for how, item in told if how.style != "strong"),
        tuple(strong.items()),
        plan.notes,
        plan.machine.name if plan.machine else "",
        not plan.is_host,
    )


def troubles(runs: list[Run]) -> list[Trouble]:
    """Return what went wrong with environments themselves."""
    found = [Trouble(run.environment, "stopped", run.broken.promises) for run in runs if run.broken]
    found += [
        Trouble(run.environment, "a worker died", tuple(run.deaths)) for run in runs if run.deaths and not run.broken
    ]
    found += [
        Trouble(run.environment, "what was refused is not listed", (run.unwatched,)) for run in runs if run.unwatched
    ]
    return found
