"""Why tests fail in environments only, what helps, and what came of trying it: in sentences that every report shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.diagnosis.formats import forms, native
from pytest_envguard.model.diagnosis import Cause, Cost, Remedy, Trial
from pytest_envguard.report.folding import WIDTH, folded
from pytest_envguard.report.groups import EVERYWHERE, Places, count, together
from pytest_envguard.report.printable import short
from pytest_envguard.report.summary import Summary

_MOST_TESTS = 3
_MOST_TRIALS = 6
_MOST_IN_VAIN = 2
_LONGEST = 300


class Ready(NamedTuple):
    """Remedies in a form that can be pasted.

    Attributes:
        remedies: What it is.
        worked: Whether it was tried, and worked.
        forms: Kind ("shell", "dockerfile", "sam", …) to text, the one that fits the environment best first.
    """

    remedies: tuple[Remedy, ...]
    worked: bool
    forms: Mapping[str, str]


def sentence(cause: Cause) -> str:
    """Return why it is, and how sure that is."""
    diagnosis = cause.diagnosis
    blames = bool(diagnosis.rule or diagnosis.dimension)  # else it says that nothing is known
    return f"likely: {diagnosis.text}" if blames and not diagnosis.certain else diagnosis.text


def where(cause: Cause, summary: Summary, places: Places) -> list[tuple[str, tuple[str, ...]]]:
    """Return the tests with the environments in which they have this cause: those with the same tests together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for environment, nodeids in cause.where.items():
        alike.setdefault(nodeids, []).append(environment)
    among = [run.environment for run in summary.runs]
    return [
        ("" if len(among) == 1 else places.label(names, among) or EVERYWHERE, nodeids)
        for nodeids, names in alike.items()
    ]


def trial_lines(cause: Cause) -> list[str]:
    """Return what came of trying remedies, those with the same result in several environments together."""
    alike: dict[str, list[str]] = {}
    for trial in _telling(cause.trials):
        alike.setdefault(_result(trial), []).append(trial.environment)
    return [f"tried in {together(dict.fromkeys(names))}: {text}" for text, names in alike.items()]


def _telling(trials: Sequence[Trial]) -> list[Trial]:
    """Of each environment what works; where nothing does, all that was tried."""
    works = {trial.environment for trial in trials if trial.works}
    return [trial for trial in trials if trial.works or trial.environment not in works]


def _result(trial: Trial) -> str:
    what = trial.title
    if trial.problem:
        return f"{what}: {trial.problem}" if what else trial.problem
    total = len(trial.passed) + len(trial.failed)
    if not trial.failed:
        passing = f"{len(trial.passed)} of {total} {'passes' if total == 1 else 'pass'} with {what}"
        text = passing + (f", in the cell {trial.cell}" if trial.cell else "")
    elif trial.passed:
        text = f"only {len(trial.passed)} of {total} pass with {what}; now: {_first(trial.failed)}"
    else:
        text = f"still fails with {what}, now with {_first(trial.failed)}"
    if trial.broken:
        names = list(trial.broken)
        text += f"; BUT IT BREAKS {count(len(names), 'other test')}: {_named(names)}: {_first(trial.broken)}"
    return text


def _first(messages: Mapping[str, str]) -> str:
    return short(next(iter(messages.values()), "") or "no message", _LONGEST)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_TESTS} more" if len(names) > _MOST_TESTS else ""
    return ", ".join(names[:_MOST_TESTS]) + more


def cost_line(cost: Cost) -> str:
    """Return what a silent loss costs, as it was measured."""
    measured = f"`{cost.code}` takes {cost.without:.2f} s, and {cost.remedied:.2f} s with {cost.remedy.title}"
    return f"measured in {cost.environment}: {measured} (medians, a new process each time)"


def offered(cause: Cause) -> list[str]:
    """Return what may help as long as nothing was tried, and advice, which can't be."""
    lines = []
    tried = any(trial.remedies for trial in cause.trials)
    known = any(remedy.can_be_tried and not remedy.guess for remedy in cause.diagnosis.remedies)
    for remedy in cause.diagnosis.remedies:
        if remedy.guess and known:
            continue  # it is tried where the others don't help
        if remedy.can_be_tried and not tried:
            kind = "a guess" if remedy.guess else "may help"
            lines.append(f"{kind}: {remedy.title}" + (f" ({remedy.says})" if remedy.says else ""))
        elif not remedy.can_be_tried:
            lines.append(f"advice: {remedy.says}")
    return lines


def ready(cause: Cause, lineages: Mapping[str, Sequence[str]]) -> list[Ready]:
    """Return what can be pasted: what was tried and works; as long as nothing was tried, the first that may help.

    Args:
        cause: Why.
        lineages: Environment to its profile, and those that it inherits from.
    """
    working = [trial for trial in cause.trials if trial.works and not trial.cell]
    if working:
        chosen = {trial.title: (trial.remedies, trial.environment) for trial in reversed(working)}
        return [
            Ready(remedies, worked=True, forms=_forms(remedies, lineages.get(environment, ())))
            for remedies, environment in reversed(list(chosen.values()))
        ]
    if any(trial.remedies for trial in cause.trials):
        return []
    for remedy in cause.diagnosis.remedies:
        if remedy.can_be_tried and not remedy.guess:
            lineage = lineages.get(next(iter(cause.where)), ())
            return [Ready((remedy,), worked=False, forms=_forms((remedy,), lineage))]
    return []


def _forms(remedies: Sequence[Remedy], lineage: Sequence[str]) -> dict[str, str]:
    known = forms(remedies, lineage)
    first = [kind for kind in native(lineage) if kind in known]
    return {kind: known[kind] for kind in dict.fromkeys((*first, *known))}


def lineages(summary: Summary) -> dict[str, tuple[str, ...]]:
    """Return the profile of each environment, with those that it inherits from."""
    return {plan.name: plan.lineage or (plan.made_from,) for plan in summary.plans}


def lines(summary: Summary, places: Places, verbosity: int) -> Iterator[str]:
    """Return the terminal's section about causes."""
    loud = [cause for cause in summary.causes if not cause.silent]
    silent = [cause for cause in summary.causes if cause.silent]
    known = lineages(summary)
    for title, several in (("why", loud), ("lost silently", silent)):
        if several:
            yield from ("", f"{title}:")
        for cause in several:
            yield from _cause(cause, summary, places, verbosity)
            yield from _paste(ready(cause, known), verbosity)


def _cause(cause: Cause, summary: Summary, places: Places, verbosity: int) -> Iterator[str]:
    yield from folded(f"  * {sentence(cause)}", "    ")
    for told, nodeids in where(cause, summary, places):
        shown = nodeids if verbosity > 0 else nodeids[:_MOST_TESTS]
        more = f" and {len(nodeids) - len(shown)} more" if len(nodeids) > len(shown) else ""
        label = f" [{told}]" if told else ""
        yield from _indented(f"{', '.join(shown)}{more}{label}")
    if cause.diagnosis.place:
        yield from _indented(f"at {cause.diagnosis.place}")
    results = trial_lines(cause)
    helps = any(trial.works for trial in cause.trials)
    kept = results if verbosity > 0 else results[: _MOST_TRIALS if helps else _MOST_IN_VAIN]
    for line in (*kept, *map(cost_line, cause.costs), *offered(cause)):
        yield from _indented(line)
    if len(results) > len(kept):
        yield from _indented(f"and {len(results) - len(kept)} more that were tried (-v shows them)")


def _paste(several: Iterable[Ready], verbosity: int) -> Iterator[str]:
    for one in several:
        kinds = list(one.forms) if verbosity > 0 else list(one.forms)[:1]
        for kind in kinds:
            if len(kinds) > 1:
                yield f"      {kind}:"
            yield from (f"        {line}".rstrip() for line in one.forms[kind].splitlines())


def _indented(text: str) -> list[str]:
    return [f"      {line}" for line in folded(text, "  ", WIDTH - 6)]
