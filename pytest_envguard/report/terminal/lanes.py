"""How far the tests are, in every environment by itself: a lane for each, with a letter for each test as pytest has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_envguard.report.groups import count
from pytest_envguard.report.printable import cut, cut_within

_LEAST_NAME = 10
_TAIL = len("  [100%]")
_LEAST_LETTERS = 4


class Letter(NamedTuple):
    """What pytest shows of a test.

    Attributes:
        text: Such as "." or "F"; plugins have longer ones.
        colour: A word of pytest's markup, such as "green"; "" for none.
    """

    text: str
    colour: str = ""


class Drawn(NamedTuple):
    """A line of the display.

    Attributes:
        name: The environment, padded to the width of all names.
        letters: What happened, in order.
        tail: What stands at the end, padding included.
        colour: That of the tail.
    """

    name: str
    letters: tuple[Letter, ...] = ()
    tail: str = ""
    colour: str = ""

    def parts(self) -> Iterator[Letter]:
        """Return the texts of the line, those of one colour that follow each other together."""
        yield Letter(self.name)
        for letter in (*joined(self.letters), Letter(self.tail, self.colour)):
            if letter.text:
                yield letter

    def __str__(self) -> str:
        return "".join(part.text for part in self.parts())


def joined(letters: Iterable[Letter]) -> list[Letter]:
    """Return letters of one colour that follow each other as one text."""
    found: list[Letter] = []
    for letter in letters:
        if found and found[-1].colour == letter.colour:
            found[-1] = Letter(found[-1].text + letter.text, letter.colour)
        else:
            found.append(letter)
    return found


class Lane:
    """One environment.

    Attributes:
        name: Its name.
        total: How many tests it has; None before they were collected.
        done: How many of them have ended.
        waiting: Letters that no finished line has yet.
        failed: Whether one was red.
        begun: Whether a worker of it is there.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.total: int | None = None
        self.done = 0
        self.waiting: list[Letter] = []
        self.failed = False
        self.begun = False

    @property
    def finished(self) -> bool:
        """Whether all of its tests have ended."""
        return self.total is not None and self.done >= self.total

    @property
    def share(self) -> str:
        """How far it is, such as " 42%"."""
        if self.total is None:
            return ""
        return f"{100 if not self.total else min(100, 100 * self.done // self.total):3d}%"


class Lanes:
    """All environments of a run.

    A line is full, or its environment has finished, before it is given away: so the lines of environments that run at the
    same time don't mix, and each has the name of its own.
    """

    def __init__(self, names: Sequence[str], width: int) -> None:
        """Take the environments, and the columns of the terminal, of which the last one stays free."""
        self._lanes = {name: Lane(name) for name in names}
        self._longest = max(map(len, names), default=0)
        self.resize(width)

    def resize(self, width: int) -> None:
        """Draw for a terminal of so many columns from now on."""
        self._name = min(self._longest, max(_LEAST_NAME, width // 3))
        self._width = width - 1
        room = self._width - self._name - 2
        self._shares = room >= _TAIL + _LEAST_LETTERS
        self.room = max(_LEAST_LETTERS, room - _TAIL if self._shares else room)

    def __getitem__(self, name: str) -> Lane:
        """Return an environment's lane; some, such as those of a comparison, are met late."""
        return self._lanes.setdefault(name, Lane(name))

    def take(self, name: str, letter: Letter) -> list[Drawn]:
        """Note a letter; returns the line that it didn't fit into any more, if that is so."""
        lane = self[name]
        lane.begun = True
        lane.failed |= letter.colour == "red"
        full = sum(len(one.text) for one in lane.waiting) + len(letter.text) > self.room
        lines = self._full(lane) if full else []
        lane.waiting = [letter] if full else [*lane.waiting, letter]
        return lines

    def ended(self, name: str) -> list[Drawn]:
        """Note that a test has ended; returns the last line of the environment if it was the last."""
        lane = self[name]
        lane.done += 1
        return self._rest(lane) if lane.finished else []

    def rest(self) -> list[Drawn]:
        """Return lines for all that was noted and not given away: the run has ended."""
        return [line for lane in self._lanes.values() for line in self._rest(lane)]

    def _rest(self, lane: Lane) -> list[Drawn]:
        lines = self._full(lane)
        lane.waiting = []
        return lines

    def _full(self, lane: Lane) -> list[Drawn]:
        return [self._line(lane, letters) for letters in _pieces(lane.waiting, self.room)]

    def now(self, most: int) -> list[Drawn]:
        """Return lines for environments that are at work, at most so many, as they stand at this moment."""
        working = [lane for lane in self._lanes.values() if lane.begun and not lane.finished]
        later = sum(not lane.begun for lane in self._lanes.values())
        if not working:
            return []
        shown = working if len(working) + bool(later) <= most else working[: max(1, most - 1)]
        hidden = len(working) - len(shown)
        texts = [f"{hidden} more at work"] * bool(hidden) + [f"{count(later, 'environment')} not begun"] * bool(later)
        summed = [Drawn(cut(", ".join(texts), self._width))] if texts and len(shown) < most else []
        # Of more than one line, which there is where the terminal has become narrower, the last.
        lasts = [(_pieces(lane.waiting, self.room) or [[]])[-1] for lane in shown]
        return [*map(self._line, shown, lasts), *summed]

    def _line(self, lane: Lane, letters: Sequence[Letter]) -> Drawn:
        name = f"{cut_within(lane.name, self._name):<{self._name}}  "
        used = sum(len(letter.text) for letter in letters)
        if lane.total is None and not used:
            return Drawn(name, (), cut("collecting", self._width - len(name)))
        tail = f"[{lane.share}]" if lane.share and self._shares else ""
        space = max(1, self._width - len(name) - used - len(tail))
        return Drawn(name, tuple(letters), " " * space + tail if tail else "", "red" if lane.failed else "green")


def _pieces(letters: Iterable[Letter], room: int) -> list[list[Letter]]:
    """Return letters in as many lines as they take."""
    found: list[list[Letter]] = []
    used = room
    for letter in letters:
        if used + len(letter.text) > room:
            found.append([])
            used = 0
        found[-1].append(letter)
        used += len(letter.text)
    return found
