"""Tests that fail, grouped by where they fail; their reasons, grouped by where each is the reason. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pytest_envguard.model.matrix import ENVIRONMENT, HOST, Matrix
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Verdict
from pytest_envguard.report.axes import Box, Coordinates, Explainer
from pytest_envguard.report.phrases import Axes, coordinates_label, label, phrase
from pytest_envguard.report.summary import Loss, Row, Summary, folder_of

EVERYWHERE = "every environment"


class Group(NamedTuple):
    """Tests of which the same is to be said.

    Attributes:
        title: Where they fail, such as "fails only in lambda".
        rows: The tests.
        boxes: The same on the version axes; empty where there are none.
    """

    title: str
    rows: list[Row]
    boxes: tuple[Box, ...] = ()


class Told(NamedTuple):
    """A text that environments have in common.

    Attributes:
        where: Those environments in words; "" where it goes without saying.
        text: What they have in common, as the first of them said it.
        environments: Their names.
    """

    where: str
    text: str
    environments: tuple[str, ...]

    @property
    def line(self) -> str:
        """Both, as one says it."""
        return f"{self.where}: {self.text}" if self.where else self.text


class Places:
    """Says in words where something holds; asked about all of a run, because it remembers what it has worked out."""

    def __init__(self, matrix: Matrix | None) -> None:
        self.matrix = matrix
        self._axes = Axes.of(matrix) if matrix else Axes((), ())
        self._explain = Explainer()

    def label(self, environments: Collection[str], among: Collection[str]) -> str:
        """Return in few words which of several environments are meant: their names, or what tells them apart."""
        if self.matrix is None:
            return ", ".join(environments)
        placed = self.matrix.coordinates
        inside = {name: placed[name] for name in environments if name in placed}
        around = {name: placed[name] for name in among if name in placed}
        return self._label(self._axes, inside, around) if inside else ", ".join(environments)

    def versions(self, environments: Collection[str], among: Collection[str]) -> str:
        """Return the same without the profile, for what is true in all of them."""
        assert self.matrix is not None
        placed = self.matrix.coordinates
        inside = {name: self.matrix.versions(name) for name in environments if name in placed}
        around = {name: self.matrix.versions(name) for name in among if name in placed}
        return self._label(self._axes.of_versions(), inside, around)

    def _label(self, axes: Axes, inside: Mapping[str, Coordinates], around: Mapping[str, Coordinates]) -> str:
        cells, others = set(inside.values()), set(around.values()) - set(inside.values())
        if not others:
            return ""
        return label(axes, self._explain(cells, others), cells)

    def divided(self, environments: Collection[str], among: Collection[str]) -> list[tuple[str, tuple[str, ...]]]:
        """Return environments of the matrix in as few sets as have a plain name each, such as "lambda, litellm 1.53.9"."""
        assert self.matrix is not None
        placed = self.matrix.coordinates
        around = {placed[name] for name in among}
        left, found = list(environments), []
        while left:
            cells = {placed[name] for name in left}
            box = self._explain(cells, around - cells)[0]
            inside = tuple(name for name in left if _within(placed[name], box))
            found.append((label(self._axes, [box], cells), inside))
            left = [name for name in left if name not in inside]
        return found

    def told(self, texts: Iterable[tuple[str, str]], several: bool) -> list[Told]:
        """Group pairs of an environment and a text by the text; without `several` it goes without saying where."""
        groups: dict[str, tuple[str, list[str]]] = {}
        for environment, text in texts:
            key = self.matrix.plain(environment, text) if self.matrix else text
            groups.setdefault(key, (text, []))[1].append(environment)
        among = list(dict.fromkeys(name for _, names in groups.values() for name in names))
        if self.matrix and len(groups) == 1:
            several = False
        return [
            Told(self.label(names, among) if several else "", text, tuple(names)) for text, names in groups.values()
        ]

    def group(self, row: Row) -> Group:
        """Return what is to be said of one test of a run with version axes."""
        assert self.matrix is not None
        evidence = self._evidence(row)
        failing = [cell for cell, bad in evidence.items() if bad]
        boxes = self._explain(failing, [cell for cell, bad in evidence.items() if not bad])
        if not failing:  # in an environment beside the matrix
            return Group(f"fails in {together(name for name, outcome in row.outcomes.items() if outcome.bad)}", [row])
        own = next((outcome.own_environment for outcome in row.outcomes.values() if outcome.bad), "")
        if any(values is not None for box in boxes for values in box):
            where = phrase(self._axes, boxes, failing, evidence)
            only = "only " if self._only_profiles(boxes, evidence) else ""
            where = f"{only}{where}" + (f", in {own}, which it asks for itself" if own else "")
        else:
            where = f"in {own}, which it asks for itself" if own else self._everywhere(row, evidence)
        compared = ENVIRONMENT not in self.matrix.axes or any(self._is_host(cell) for cell in evidence)
        return Group(f"fails {where}" + ("" if compared else ", not compared with the host"), [row], boxes)

    def _evidence(self, row: Row) -> dict[Coordinates, bool]:
        """Return where a test ran, the host included, and whether it failed there."""
        assert self.matrix is not None
        evidence: dict[Coordinates, bool] = {}
        if ENVIRONMENT in self.matrix.axes:
            known = {name: outcome for name, outcome in row.hosts.items() if name in self.matrix.coordinates}
            evidence = {self.matrix.on_host(name): outcome.bad for name, outcome in known.items()}
        for name, outcome in row.outcomes.items():
            if name in self.matrix.coordinates:
                evidence[self.matrix.coordinates[name]] = outcome.bad
        return evidence

    def _is_host(self, cell: Coordinates) -> bool:
        assert self.matrix is not None
        return (ENVIRONMENT, HOST) in zip(self.matrix.axes, cell, strict=True)

    def _only_profiles(self, boxes: Collection[Box], evidence: Iterable[Coordinates]) -> bool:
        """Whether it's nothing but the profile, and the host is known to do better."""
        assert self.matrix is not None
        mentioned = {
            axis for box in boxes for axis, values in zip(self.matrix.axes, box, strict=True) if values is not None
        }
        at = self.matrix.axes.index(ENVIRONMENT) if ENVIRONMENT in self.matrix.axes else -1
        return (
            mentioned == {ENVIRONMENT}
            and any(map(self._is_host, evidence))
            and len(boxes) == 1
            and all(HOST not in (box[at] or ()) for box in boxes)
        )

    def _everywhere(self, row: Row, evidence: Collection[Coordinates]) -> str:
        assert self.matrix is not None
        on_host = any(self._is_host(cell) for cell in evidence)
        ran = [self.matrix.coordinates[name] for name in row.outcomes if name in self.matrix.coordinates]
        if ENVIRONMENT in self.matrix.axes and on_host:
            return "everywhere, on the host too"
        all_ready = len(self.matrix.coordinates) - len(self.matrix.not_ready())
        if len(ran) == 1:
            only = ", the only cell in which it ran" if all_ready > 1 else ""
            return f"in {coordinates_label(self.matrix.axes, ran[0])}{only}"
        return "in every cell" + ("" if len(ran) == all_ready else " in which it ran")


def _within(cell: Coordinates, box: Box) -> bool:
    return all(values is None or value in values for value, values in zip(cell, box, strict=True))


def groups(summary: Summary, places: Places) -> list[Group]:
    """Return tests by where they fail: the most telling heading that they can have."""
    return _by_axes(summary, places) if summary.matrix else list(_by_names(summary))


def _by_axes(summary: Summary, places: Places) -> list[Group]:
    """Return groups of the same explanation, what fails everywhere last."""
    found: dict[str, Group] = {}
    for row in summary.rows:
        group = places.group(row)
        found.setdefault(group.title, group._replace(rows=[])).rows.append(row)
    return sorted(found.values(), key=lambda group: all(values is None for box in group.boxes for values in box))


def _by_names(summary: Summary) -> Iterable[Group]:
    only: dict[tuple[str, ...], list[Row]] = {}
    for row in summary.rows:
        if row.only_in:
            only.setdefault(tuple(row.only_in), []).append(row)
    for names, rows in only.items():
        yield Group(f"fails only in {together(names)}", rows)
    everywhere: dict[str, list[Row]] = {}
    for row in summary.rows:
        if row.everywhere:
            everywhere.setdefault(row.own_environment, []).append(row)
    for own, rows in everywhere.items():
        where = f"in {own}, which it asks for itself" if own else "everywhere, on the host too"
        yield Group(f"fails {where}", rows)
    unknown = [row for row in summary.rows if Verdict.UNKNOWN in row.verdicts.values()]
    if unknown:
        yield Group("fails, not compared with the host", unknown)


def reasons(row: Row, places: Places) -> list[Told]:
    """Return the messages of a test's failures, environments with the same message together."""
    bad = [(name, outcome.message) for name, outcome in row.outcomes.items() if outcome.bad]
    return places.told(bad, several=len(row.outcomes) > 1)


def stopped(summary: Summary, places: Places, several: bool) -> list[Told]:
    """Return why environments were stopped, those with the same reason together."""
    broken = [(run.environment, "; ".join(run.broken.promises)) for run in summary.runs if run.broken]
    return places.told(broken, several)


def refused(row: Row, places: Places) -> list[Told]:
    """Return what was refused to a test that fails, the last first: that is what most likely made it fail."""
    times: dict[str, int] = {}
    alike: dict[tuple[str, ...], str] = {}
    last_first = []
    for name, found in row.refusals.items():
        if name in row.outcomes and row.outcomes[name].bad:  # where it passes it's a loss, told elsewhere
            for refusal in reversed(found):
                once = str(refusal._replace(times=1))
                if places.matrix:  # of many cells' temporary names one is enough
                    once = alike.setdefault(_without_name(refusal), once)
                times[once] = max(times.get(once, 0), refusal.times)
                last_first.append((name, once))
    told = places.told(last_first, several=len(row.outcomes) > 1)
    return [one._replace(text=f"{one.text}, {times[one.text]} times") if times[one.text] > 1 else one for one in told]


def _without_name(refusal: Refusal) -> tuple[str, ...]:
    return refusal.operation, folder_of(refusal.target), refusal.error, refusal.place, refusal.process


def lost_in(loss: Loss, summary: Summary, places: Places) -> str:
    """Return where a test passed although something was refused; "" where it goes without saying."""
    if len(summary.runs) == 1:
        return ""
    if summary.matrix is None:
        return together(loss.environments)
    return places.label(loss.environments, [run.environment for run in summary.runs])


def together(names: Iterable[str]) -> str:
    """Return names as in a sentence: "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def count(number: int, what: str) -> str:
    """Return "1 test", "2 tests"."""
    return f"{number} {what}{'s' * (number != 1)}"
