"""Where a folder is loaded: an environment with its network cut, and how this machine enforces it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import Value, read
from pytest_envguard.model.modelfolder import Reader
from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.modelfolder.loading import Place, Wanted, changes_for, needed, reader_of
from pytest_envguard.prepare import check_fidelity, planner, plans_for
from pytest_envguard.profiles.catalogue import Catalogue, changed_selection


class OfCommand:
    """For the command `envguard model`, which has no pytest."""

    def __init__(self, catalogue: Catalogue, selection: str | None, wanted: Wanted) -> None:
        self._asked = selection
        self._executes = wanted.executes
        asked = catalogue.one(selection or "host")
        self._moved = "cwd" in asked.values
        profile = _unmoved(asked)
        self.reader: Reader | None = reader_of(profile)
        self.profile = _changed(profile, selection or "host", changes_for(profile, wanted))
        host = catalogue.one("host")
        self._control = None if profile.is_host else _changed(host, "host", changes_for(host, wanted))

    def __call__(self, folder: Path) -> Place:
        """Return where ``folder`` is loaded.

        Raises:
            EnvguardError: This machine can't enforce the environment that was asked for.
        """
        try:
            plan = _plan(self.profile, folder)
        except EnvguardError as error:
            if self._asked or self._executes:
                raise
            return _unrestricted(error)
        control = self._control

        def compared() -> Place:
            assert control is not None
            return Place(control, _plan(control, folder))

        return Place(
            self.profile,
            plan,
            self.reader,
            _notes(plan, executes=self._executes, moved=self._moved),
            compared if control else None,
        )


def _plan(profile: Profile, folder: Path) -> Plan:
    # Nothing of a project is needed: so the root stands for it, which is there always.
    (plan,) = plans_for([profile], "/", needed(folder), root=os.getcwd())  # as text
    check_fidelity(plan, Strength.EXACT)
    return plan


class OfTest:
    """For the fixture: inside of whatever environment the test itself runs in."""

    def __init__(
        self, config: pytest.Config, selection: str | None, dimensions: Mapping[str, object], wanted: Wanted, where: str
    ) -> None:
        self._planner = planner(config)
        self._executes = wanted.executes
        plain = self._planner.profile(selection or "host", dimensions, where)
        changes = changes_for(plain, wanted)
        env = {**_table(dimensions.get("env")), **_table(changes.get("env"))}
        both = {**dimensions, **changes, **({"env": env} if env else {})}
        asked = self._planner.inside(self._planner.profile(selection or "host", both, where))
        self._moved = "cwd" in asked.values
        self.profile = _unmoved(asked)
        self.reader: Reader | None = reader_of(self.profile)
        host = self._planner.profile("host", {}, where)
        plainly = _unmoved(self._planner.inside(self._planner.profile("host", changes_for(host, wanted), where)))
        self._control = None if plainly.values == self.profile.values else plainly

    def __call__(self, folder: Path) -> Place:
        """Return where ``folder`` is loaded.

        Raises:
            EnvguardError: This machine can't enforce the environment.
        """
        plan = self._planner.plan(self.profile, needed(folder))
        control = self._control

        def compared() -> Place:
            assert control is not None
            return Place(control, self._planner.plan(control, needed(folder)))

        return Place(
            self.profile,
            plan,
            self.reader,
            _notes(plan, executes=self._executes, moved=self._moved),
            compared if control else None,
        )


def _unmoved(profile: Profile) -> Profile:
    """Return ``profile`` with nothing moved: `cwd` is about a project, and a model folder keeps its place."""
    return profile._replace(values={name: value for name, value in profile.values.items() if name != "cwd"})


def _table(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}


def _changed(profile: Profile, selection: str, changes: Mapping[str, object]) -> Profile:
    values: dict[str, Value] = {}
    for name, raw in changes.items():
        value, inherited = read(name, raw, "`envguard model`"), profile.values.get(name)
        both = isinstance(value, Mapping) and isinstance(inherited, Mapping)
        values[name] = {**inherited, **value} if both else value  # type: ignore[dict-item]  # both are
    return profile.with_values(changed_selection(selection, changes), values) if values else profile


def _unrestricted(error: EnvguardError) -> Place:
    reason = " ".join(error.message.split())
    note = (
        f"the network could not be switched off ({reason}): only what Python itself asks of it was refused, native code and "
        "other programs could reach it"
    )
    return Place(Profile("host"), Plan("host", ""), None, (note,))


def _notes(plan: Plan, *, executes: bool, moved: bool) -> tuple[str, ...]:
    weak = [item for item in plan.enforcements if item.strength is Strength.APPROXIMATE]
    notes = [f"approximated: {item.dimension} ({item.shown}): {item.reason}" for item in weak]
    if executes:
        notes.append(
            "what lies in the folder may be executed: without a network, and with no more to write to than the environment's own /tmp"
        )
    if moved:
        notes.append("`cwd` is not applied: it is about a project, and a model folder keeps its place")
    return tuple(notes)
