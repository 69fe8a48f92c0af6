"""A cell of a version matrix: what was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PYTHON = "python"  # the axis of interpreters


class Cell(NamedTuple):
    """One combination of versions.

    Attributes:
        versions: Axis (a normalised package name, or `PYTHON`) to version, in the order of the axes.
        as_of: Day (ISO) whose newest releases the rest is resolved with; "" for today.
        extra: Further requirements, as pip reads them.
    """

    versions: tuple[tuple[str, str], ...]
    as_of: str = ""
    extra: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its factors as tox writes them, the interpreter first: ``py311-litellm1.53.9-tiktoken0.7.0``."""
        interpreter = [f"py{version.replace('.', '')}" for axis, version in self.versions if axis == PYTHON]
        return "-".join([*interpreter, *(f"{axis}{version}" for axis, version in self.versions if axis != PYTHON)])

    @property
    def pins(self) -> tuple[str, ...]:
        """The requirements that its versions are: ``litellm==1.53.9``."""
        return tuple(f"{axis}=={version}" for axis, version in self.versions if axis != PYTHON)

    @property
    def python(self) -> str:
        """The interpreter's version that was asked for, "" for the running one."""
        return dict(self.versions).get(PYTHON, "")


class Ready(NamedTuple):
    """A cell whose virtual environment can be used.

    Attributes:
        cell: Which.
        folder: The virtual environment.
        python: Its interpreter.
        base: Folder of the installation that the interpreter belongs to (its ``sys.base_prefix``).
        path: Its ``sys.path``, without the caller's PYTHONPATH.
        version: The interpreter's own version, such as "3.11.7".
        packages: Normalised name to version of all that is installed.
        resolved: When the packages were chosen, ISO date and time in UTC.
        notes: What a user should know, such as "tokenizers 0.13.3 has no wheel for this Python and was compiled".
        seconds: What it took in this run; near 0 for one that was there.
    """

    cell: Cell
    folder: str
    python: str
    base: str
    path: tuple[str, ...]
    version: str
    packages: Mapping[str, str]
    resolved: str
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class NotReady(NamedTuple):
    """A cell that can't be had.

    Attributes:
        cell: Which.
        kind: "not resolvable" (requirements that contradict each other), "offline" (the index could not be reached),
            "not built" (a package could not be compiled or installed), "no interpreter", "no disk" or "no machine".
        reason: What uv said, in full sentences, its own words.
    """

    cell: Cell
    kind: str
    reason: str

    @property
    def conflict(self) -> bool:
        """Whether the versions themselves contradict each other: an answer, where all else is a run that is missing."""
        return self.kind == "not resolvable"
