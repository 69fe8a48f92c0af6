"""One letter for what a test did in one environment: a row of the matrix is a text of letters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_envguard.model.verdict import Outcome, Run, Verdict
from pytest_envguard.report.groups import Places, together
from pytest_envguard.report.summary import Row

NOT_RUN = "-"
_FAILED = {Verdict.ONLY_HERE: "o", Verdict.EVERYWHERE: "e", Verdict.UNKNOWN: "u"}
_FINE = {"passed": "p", "skipped": "s", "xfailed": "x", "xpassed": "y"}
_REFUSED = "r"
BAD = "oeuOEU"  # an error is a failure in capitals


class Kind(NamedTuple):
    """How a cell of the matrix looks.

    Attributes:
        sign: One character that every monospaced font has.
        word: The same in words, as said of a test.
        style: The class of the style sheet.
    """

    sign: str
    word: str
    style: str


FAILS = Kind("×", "fails", "f")
ERROR = Kind("!", "has an error", "g")
KINDS = {
    **dict.fromkeys("oeu", FAILS),
    **dict.fromkeys("OEU", ERROR),
    _REFUSED: Kind("±", "passes, but was refused something", "r"),
    "p": Kind("·", "passes", "p"),
    "s": Kind("–", "skips", "s"),
    "x": Kind("~", "xfails", "x"),
    "y": Kind("+", "xpasses", "y"),
    NOT_RUN: Kind(" ", "did not run", "n"),
}
VERDICTS = {
    "oO": "fails, but not on the host",
    "eE": "fails on the host too",
    "uU": Verdict.UNKNOWN.value,
    _REFUSED: KINDS[_REFUSED].word,
    "pr": Verdict.PASSES.value,
    "sxy": "skips, xfails or xpasses",
}
"""What a reader may ask for, as letters, in words."""


def letters(nodeid: str, runs: Iterable[Run], row: Row | None) -> str:
    """Return what a test did in several environments, a letter for each.

    Args:
        nodeid: Which test.
        runs: The environments.
        row: What is known of it where it fails somewhere.
    """
    return "".join(_letter(nodeid, run, row) for run in runs)


def _letter(nodeid: str, run: Run, row: Row | None) -> str:
    outcome = run.outcomes.get(nodeid)
    if outcome is None:
        return NOT_RUN
    if outcome.bad:
        verdict = row.verdicts.get(run.environment, Verdict.UNKNOWN) if row else Verdict.UNKNOWN
        return _word(outcome, _FAILED[verdict])
    return _REFUSED if outcome.passes and nodeid in run.refusals else _FINE[outcome.word]


def _word(outcome: Outcome, letter: str) -> str:
    return letter.upper() if outcome.word == "error" else letter


def on_host(outcome: Outcome | None) -> str:
    """Return the letter of what the host did, which is a comparison and no verdict."""
    if outcome is None:
        return NOT_RUN
    return _word(outcome, "e") if outcome.bad else _FINE[outcome.word]


def sentence(cells: str, names: Sequence[str], places: Places) -> str:
    """Return in words what a row of letters says: "skips in lambda; passes elsewhere"."""
    by_word: dict[str, list[str]] = {}
    for name, letter in zip(names, cells, strict=True):
        by_word.setdefault(KINDS[letter].word, []).append(name)
    if len(by_word) == 1:
        return next(iter(by_word))
    most = max(by_word, key=lambda word: len(by_word[word]))
    parts = [
        f"{word} in {places.label(found, names) or together(found)}" for word, found in by_word.items() if word != most
    ]
    return "; ".join([*parts, f"{most} elsewhere"])
