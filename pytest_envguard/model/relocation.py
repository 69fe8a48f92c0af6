"""The project at another place: which paths mean which. The launcher reads this file, so it imports next to nothing."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

PATHS = ("PYTHONPATH", "PATH")  # variables that are lists of folders
PLACES = ("PWD", "COVERAGE_FILE", "COVERAGE_RCFILE", "COVERAGE_PROCESS_START")
ARGUMENTS = "PYTEST_ADDOPTS"
OF_THE_RUN = (*PATHS, *PLACES, ARGUMENTS, "OLDPWD", "_")
"""Variables that say how tests are run. What they name is moved; what others name is left, as it's the project's own affair."""


class Move:
    """Where the project lies outside, and where inside.

    Attributes:
        sources: The project's folder as it's named, and with links resolved, which comes last.
        target: The folder that it's shown in.
        kept: Folders in it that keep their places, such as a virtual environment.
    """

    def __init__(self, sources: Iterable[str], target: str, kept: Iterable[str] = ()) -> None:
        self.sources = tuple(sources)
        self.target = target
        self.kept = tuple(kept)

    @classmethod
    def of(cls, script: Mapping[str, Any]) -> Move | None:
        """Return that of a plan's script, None if it moves nothing."""
        told = script.get("moved")
        return cls(*told) if told else None

    def sendable(self) -> list[Any]:
        """Return what `of` reads."""
        return [list(self.sources), self.target, list(self.kept)]

    def stays(self, path: str) -> bool:
        """Whether ``path`` keeps its place although it lies in the project."""
        return any(_rest(path, folder) is not None for folder in self.kept)

    def path(self, path: str) -> str:
        """Return what ``path`` is called inside."""
        for source in () if self.stays(path) else self.sources:
            rest = _rest(path, source)
            if rest is not None:
                return self.target + rest
        return path

    def back(self, path: str) -> str:
        """Return what ``path``, of inside, is called outside."""
        rest = _rest(path, self.target)
        return path if rest is None else self.sources[0] + rest

    def moves(self, path: str) -> bool:
        """Whether ``path`` is another one inside."""
        return self.path(path) != path

    def word(self, word: str) -> str:
        """Return a word of a command line: a path, ``PATH::test``, or either behind an equals sign."""
        for head, part in (("", word), (word[: word.find("=") + 1], word[word.find("=") + 1 :])):
            path, colons, test = part.partition("::")
            if self.moves(path):
                return head + self.path(path) + colons + test
        return word

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return those of the variables that are others inside."""
        changed = {name: os.pathsep.join(map(self.path, environ.get(name, "").split(os.pathsep))) for name in PATHS}
        changed.update((name, self.path(environ.get(name, ""))) for name in PLACES)
        changed[ARGUMENTS] = " ".join(map(self.word, environ.get(ARGUMENTS, "").split(" ")))
        return {name: text for name, text in changed.items() if text != environ.get(name, "")}

    def named_in(self, text: str) -> bool:
        """Whether ``text`` names the project's folder, or something in it."""
        return any(_places(text, source) for source in self.sources)

    def text(self, text: str) -> str:
        """Return a text that names the project's folder with its new name."""
        for source in self.sources:
            for place in reversed(_places(text, source)):
                end = place + len(source)
                if not any(text.startswith(folder, place) for folder in self.kept):
                    text = text[:place] + self.target + text[end:]
        return text


def _rest(path: str, folder: str) -> str | None:
    """Return what follows ``folder`` in ``path``: "" or something that begins with a slash; None if it lies elsewhere."""
    if path == folder:
        return ""
    return path[len(folder) :] if path.startswith(folder + "/") else None


_IN_NAMES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+@~")


def _places(text: str, folder: str) -> list[int]:
    """Return where ``text`` names ``folder``, and not another one whose name only begins or ends like its."""
    found, place = [], text.find(folder)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(folder) : place + len(folder) + 1]
        if (before not in _IN_NAMES and before != "/" and after not in _IN_NAMES) or (
            before == "/" and text[max(0, place - 2) : place] == "//"
        ):
            found.append(place)
        place = text.find(folder, place + 1)
    return found
