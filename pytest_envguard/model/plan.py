"""What will be done for a profile on this machine: per dimension how strongly it is enforced, and the script for it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from pytest_envguard.model.cell import Ready
from pytest_envguard.model.host import Machine

INSIDE = "PYTEST_ENVGUARD"  # environment variable that names the environment to whatever runs in it


class Strength(IntEnum):
    """How true a restriction is, weakest first; the names are the values of ``--envguard-fidelity``."""

    NONE = 0
    APPROXIMATE = 1
    PYTHON = 2
    EXACT = 3
    KERNEL = 4


class Enforcement(NamedTuple):
    """How one dimension of a profile is enforced.

    Attributes:
        dimension: Its name.
        shown: The value in words, such as "uid 993 (sbx_user1051)".
        strength: How true it is.
        mechanism: What enforces it.
        reason: Why it is not stronger; "" where it is the kernel's own.
        mend: What would make it stronger; "" where there is nothing to do.
    """

    dimension: str
    shown: str
    strength: Strength
    mechanism: str
    reason: str = ""
    mend: str = ""


class Plan(NamedTuple):
    """A profile, prepared for this machine.

    Attributes:
        name: The profile's.
        summary: The profile's.
        enforcements: One for every dimension that the profile changes.
        notes: What a user must know besides, such as folders that were put back.
        script: What the launcher executes; see `pytest_envguard.launcher`.
        promises: What a probe inside must find; see `pytest_envguard.linux.probe`.
        cell: The versions that it's for; None for those that pytest itself runs with.
        profile: The profile's name, where versions are part of this one's; else "".
        machine: The one that it runs on; None for this one.
        lineage: The profile's.
    """

    name: str
    summary: str
    enforcements: tuple[Enforcement, ...] = ()
    notes: tuple[str, ...] = ()
    script: dict[str, object] = {}  # noqa: RUF012  # never changed
    promises: dict[str, object] = {}  # noqa: RUF012  # never changed
    cell: Ready | None = None
    profile: str = ""
    machine: Machine | None = None
    lineage: tuple[str, ...] = ()

    @property
    def made_from(self) -> str:
        """Name of the profile, whether or not versions are part of the plan's own name."""
        return self.profile or self.name

    @property
    def is_host(self) -> bool:
        """Whether it restricts nothing, so that no launcher is needed."""
        return not self.enforcements

    def weaker_than(self, wanted: Strength) -> list[Enforcement]:
        """Return what isn't enforced to the strength ``wanted``.

        An approximation is said, not refused; and so is what can't be done to Python code, by who accepts no more than that.
        """
        return [
            enforcement
            for enforcement in self.enforcements
            if enforcement.strength < wanted
            and enforcement.strength != Strength.APPROXIMATE
            and not (wanted is Strength.PYTHON and self.hooked)
        ]

    @property
    def hooked(self) -> bool:
        """Whether it is enforced for Python code only."""
        return "hook" in self.script
