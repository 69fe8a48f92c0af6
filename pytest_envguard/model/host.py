"""Another machine that runs environments: what it told of itself, and what the engine needs to start workers on it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from pytest_envguard.model.cell import Ready

PREFIX = "host:"  # of the ids of gateways that lead to machines; environments have no such names


class Machine(NamedTuple):
    """A machine that was reached, or one that could not be.

    Attributes:
        name: As the user's specification names it, such as "build1"; unique in a run.
        python: The interpreter there that runs workers.
        launcher: Path of `pytest_envguard.launcher` there.
        path: Its ``sys.path``.
        given: What PYTHONPATH names there.
        programs: Its PATH.
        project: pytest's root folder there.
        folder: The folder there that tests run in.
        version: The interpreter's version, such as (3, 11, 7).
        system: Such as "Linux 6.1".
        processors: How many of them its user may use.
        user: Uid of whoever runs workers there, with his name.
        scratch: A folder there that ends with the connection, where coverage is measured; else "".
        notes: What a user should know, such as files that aren't as they are here.
        lost: Why it can't be used; "" if it can.
    """

    name: str
    python: str = ""
    launcher: str = ""
    path: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    programs: str = ""
    project: str = ""
    folder: str = ""
    version: tuple[int, ...] = ()
    system: str = ""
    processors: int = 1
    user: str = ""
    scratch: str = ""
    notes: tuple[str, ...] = ()
    lost: str = ""

    @property
    def gateway(self) -> str:
        """The id of the gateway that leads there: never the name of an environment, which its workers have."""
        return f"{PREFIX}{self.name}"

    @staticmethod
    def mark(worker: str) -> str:
        """Return the word on a worker's command line by which its process is found there: ``python -X`` takes any."""
        return f"envguard={worker}"

    def search_path(self, frozen: Sequence[str], here: str, cell: Ready | None) -> list[str]:
        """Return the ``sys.path`` of a worker there.

        Args:
            frozen: pytest's own here: it tells whether the working folder comes first (``python -m pytest``).
            here: The working folder here.
            cell: Whose worker.
        """
        first = [self.folder] if frozen[:1] in ([""], [here]) else []
        return list(dict.fromkeys([*first, *self.given, *(cell.path if cell else self.path)]))

    def variables(self, cell: Ready) -> dict[str, str]:
        """Return the variables of an unrestricted worker in ``cell`` there."""
        path = ":".join(filter(None, [posixpath.dirname(cell.python), self.programs]))
        return {"PATH": path, "VIRTUAL_ENV": cell.folder}

    def __str__(self) -> str:
        """The machine in the words of the header."""
        python = ".".join(map(str, self.version))
        processors = f"{self.processors} processor{'s' * (self.processors != 1)}"
        return f"{self.name} ({self.system}, Python {python}, {processors}, {self.user})"
