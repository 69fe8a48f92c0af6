"""What differs between two runs, in lines for a terminal and as facts for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_envguard.report.differing.difference import Change, Difference
from pytest_envguard.report.folding import folded
from pytest_envguard.report.groups import count
from pytest_envguard.report.printable import short

_MOST = 20
_LONGEST = 320

_WORSE = {
    "newly_failing": ("newly failing", "test"),
    "newly_refused": ("newly refused", "operation"),
    "newly_lost": ("newly lost", "environment or test"),
    "over": ("now beyond its budget", "figure"),
    "new_reasons": ("new reason to fail besides tests", "reason"),
}
_BETTER = {
    "fixed": ("fixed", "test"),
    "no_longer_refused": ("no longer refused", "operation"),
    "within": ("within its budget again", "figure"),
}
_ONLY = {
    "new_tests": ("only in the new run", "test"),
    "gone_tests": ("only in the old run", "test"),
    "new_environments": ("only in the new run", "environment"),
    "gone_environments": ("only in the old run", "environment"),
}
_NAMED = frozenset({"newly_refused", "no_longer_refused", "new_reasons"})  # whose title says how it was and is


def verdict(found: Difference) -> str:
    """Return in one line whether it's worse, and by what."""
    told, better = _numbers(found, _WORSE), _numbers(found, _BETTER)
    if told:
        return f"worse: {', '.join([*told, *better])}"
    return f"not worse: {', '.join(better) or 'nothing that failed or passed has changed'}"


def _numbers(found: Difference, kinds: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return how many there are of each kind: a test is one, whatever it says in which environment."""
    changes: dict[str, Sequence[Change]] = {name: getattr(found, name) for name in kinds}
    several = {name: len({one.subject for one in found}) for name, found in changes.items()}
    several |= {name: len(changes[name]) for name in ("over", "within") if name in changes}
    return [f"{number} {kinds[name][0]}" for name, number in several.items() if number]


def lines(found: Difference, verbosity: int = 0) -> Iterator[str]:
    """Return all in lines: the verdict, what is worse, what is better, what only one of the runs has."""
    most = None if verbosity > 0 else _MOST
    yield verdict(found)
    for name, (title, _) in {**_WORSE, **_BETTER}.items():
        changes: Sequence[Change] = getattr(found, name)
        if not changes:
            continue
        yield ""
        yield f"{title}:"
        for change in changes[:most]:
            yield from _change(change, name)
        yield from _more(len(changes), most)
    for name, (title, what) in _ONLY.items():
        names: Sequence[str] = getattr(found, name)
        if names:
            yield ""
            yield f"{title}: {count(len(names), what)}"
            yield from (f"  {one}" for one in names[:most])
            yield from _more(len(names), most)
    for number, note in enumerate(found.unsure):
        yield from () if number else ("",)
        yield from folded(f"note: {note}", "  ")


def _more(number: int, most: int | None) -> Iterator[str]:
    if most is not None and number > most:
        yield f"  ... and {number - most} more (-v shows them)"


def _change(change: Change, kind: str) -> Iterator[str]:
    where = "" if change.environments in ((), (change.subject,)) else f" [{', '.join(change.environments)}]"
    ended = "" if kind in _NAMED else f": {change.before}, now {change.after}"
    yield from folded(f"  {change.subject}{where}{ended}", "    ")
    if change.details:
        yield from folded(f"      {short(change.details, _LONGEST)}", "        ")


def facts(found: Difference) -> dict[str, Any]:
    """Return the same for a program."""
    changes = {
        name: [one._asdict() | {"environments": list(one.environments)} for one in getattr(found, name)]
        for name in (*_WORSE, *_BETTER)
    }
    return {
        "worse": found.worse,
        **changes,
        **{name: list(getattr(found, name)) for name in _ONLY},
        "notes": list(found.unsure),
    }
