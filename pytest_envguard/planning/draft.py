"""A plan while it's being made: the rooms of planning add to it in turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.machine import Abilities, Surroundings
from pytest_envguard.model.plan import Enforcement, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.model.relocation import Move

MOUNTS = (facility.USER, facility.MOUNT, facility.TMPFS)  # what every mount needs
Step = tuple[str, dict[str, object]]
MountRow = tuple[str, bool, bool, int | None]  # path, read-only, noexec, size; see `model.rules`
SYSTEM_CALLS = "seccomp"


@dataclass
class Draft:
    """The question (profile, abilities, surroundings) and the answer so far.

    Attributes:
        how: "host", "real", "subordinate" or "mapped"; see `pytest_envguard.linux.identity`.
        uid: User id that the tests will see.
        gid: Group id that the tests will see.
        namespaces: Facilities (`linux.abilities` names) whose namespaces are entered.
        mounts: Rules for what no mount could be made for.
        shared: Folders in the machine's own /tmp that everybody may write to.
        absent: Paths that don't exist in the environment.
        shown_hostname: Host name that is answered, where there is no namespace for it.
        passwd: Entries that are answered, where no file can take the place of ``/etc/passwd``.
        trapped: Whether anything is enforced at the system call.
        without_namespaces: Why.
        origins: What is served, for whoever serves it; None for nothing. See `pytest_envguard.origins`.
        addresses: Name of a served host to its address.
        trusting: Files whose clients are to trust what is served as well.
        move: Where the project is shown, if not at its own place; the surroundings are then those with it there.
    """

    profile: Profile
    abilities: Abilities
    surroundings: Surroundings
    how: str = "host"
    uid: int = 0
    gid: int = 0
    namespaces: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    enforcements: list[Enforcement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    promises: dict[str, object] = field(default_factory=dict)
    limits: dict[str, list[int]] = field(default_factory=dict)
    set_variables: dict[str, str] = field(default_factory=dict)
    unset_variables: list[str] = field(default_factory=list)
    memory: dict[str, object] | None = None
    mounts: list[MountRow] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    shown_hostname: str | None = None
    passwd: str | None = None
    trapped: bool = False
    without_namespaces: str = ""
    origins: dict[str, object] | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    trusting: list[str] = field(default_factory=list)
    move: Move | None = None

    @cached_property
    def needed(self) -> dict[str, str]:
        """What must stay visible, path to what it is: HOME only where the profile leaves HOME as it is."""
        changed = self.value("home", "host") != "host"
        return {path: what for path, what in self.surroundings.needed.items() if not (changed and what == "HOME")}

    def value(self, name: str, default: object = None) -> object:
        """Return the profile's value of a dimension."""
        return self.profile.values.get(name, default)

    def by_kernel(self, dimension: str, shown: str, facilities: tuple[str, ...]) -> bool:
        """Note that ``dimension`` is enforced through kernel ``facilities``, or which of them failed; whether it is."""
        for name in facilities:
            ability = self.abilities.facilities[name]
            if not ability.works:
                self.enforcements.append(
                    Enforcement(dimension, shown, Strength.NONE, "none", f"{name}: {ability.answer}", ability.mend)
                )
                return False
        self.namespaces.update(facilities)
        self.enforcements.append(Enforcement(dimension, shown, Strength.KERNEL, "namespaces"))
        return True

    def by_calls(self, dimension: str, shown: str, inexact: str = "") -> bool:
        """Note that ``dimension`` is answered at the system call, where `by_kernel` has just failed; whether it can be.

        Args:
            dimension: Its name.
            shown: The value in words.
            inexact: What is not as it would be there; "" if nothing.
        """
        failed = self.enforcements.pop()
        ability = self.abilities.facilities[facility.SECCOMP]
        if not ability.works:
            self.enforcements.append(failed._replace(reason=f"{failed.reason}; {facility.SECCOMP}: {ability.answer}"))
            return False
        self.trapped = True
        strength = Strength.APPROXIMATE if inexact else Strength.EXACT
        self.without_namespaces = f"no namespaces here: {failed.reason}"
        reason = inexact or self.without_namespaces
        self.enforcements.append(Enforcement(dimension, shown, strength, SYSTEM_CALLS, reason, failed.mend))
        return True

    def directly(self, dimension: str, shown: str, mechanism: str) -> None:
        """Note that ``dimension`` is set on the process itself, which needs no privilege and can't fail."""
        self.enforcements.append(Enforcement(dimension, shown, Strength.KERNEL, mechanism))

    def approximately(self, dimension: str, shown: str, mechanism: str, reason: str, mend: str = "") -> None:
        """Note that ``dimension`` is only nearly what the profile says."""
        self.enforcements.append(Enforcement(dimension, shown, Strength.APPROXIMATE, mechanism, reason, mend))
