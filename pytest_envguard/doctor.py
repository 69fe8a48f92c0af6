"""`envguard doctor`: every facility and every environment, tried."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.machine import Abilities
from pytest_envguard.model.plan import Strength
from pytest_envguard.planning.identity import FOR_EXACT_OWNERSHIP
from pytest_envguard.prepare import check_fidelity, plans_for, prove
from pytest_envguard.profiles import Catalogue
from pytest_envguard.survey import survey_abilities


def examine(catalogue: Catalogue) -> tuple[str, bool]:
    """Return what was found, as text, and whether every environment can be enforced here."""
    lines = [f"Linux {os.uname().release}, Python {sys.version.split()[0]}, uid {os.getuid()}"]
    if sys.platform != "linux":
        return f"{sys.platform}: environments are enforced by the Linux kernel; run in a Linux virtual machine", False
    abilities = survey_abilities()
    lines += ["", "kernel facilities", *_facilities(abilities)]
    lines += ["", "environments"]
    healthy = True
    for name in catalogue.names():
        line, works = _environment(catalogue, name, abilities)
        healthy = healthy and works
        lines.append(line)
    mends = dict.fromkeys(ability.mend for ability in abilities.facilities.values() if ability.mend)
    lines += ["", *(f"to mend: {mend}" for mend in mends)] if mends else []
    return "\n".join(lines), healthy


def _facilities(abilities: Abilities) -> list[str]:
    found = []
    for name, ability in abilities.facilities.items():
        if name == facility.CGROUP and not ability.works:
            found.append(f"  ~   {name}: {ability.answer}; a watchdog guards memory limits instead")
        else:
            found.append(
                f"  {'ok' if ability.works else 'NO':<3} {name}" + (f": {ability.answer}" if ability.answer else "")
            )
    ownership = "exact (root becomes the profile's uid)" if abilities.privileged else _ownership(abilities)
    return [
        *found,
        f"  {'ok' if abilities.privileged or abilities.subordinate else '~':<3} ownership of files: {ownership}",
    ]


def _ownership(abilities: Abilities) -> str:
    if abilities.subordinate:
        return "exact (newuidmap with your subordinate ids)"
    return f"approximated: your files look like the process's own; for exact ownership {FOR_EXACT_OWNERSHIP}"


def _environment(catalogue: Catalogue, name: str, abilities: Abilities) -> tuple[str, bool]:
    """Enter one environment; a folder of its own stands for the project, so that the answer is about the machine."""
    with tempfile.TemporaryDirectory(prefix="envguard-doctor-") as folder:
        Path(folder).chmod(0o755)
        try:
            plans = plans_for([catalogue.one(name)], folder, {}, abilities=abilities)
            for plan in plans:
                check_fidelity(plan, Strength.EXACT)
            prove(plans)
        except EnvguardError as error:
            return f"  NO  {name}: " + " ".join(error.message.split("\n")), False
    weaker = [item for plan in plans for item in plan.enforcements if item.strength is Strength.APPROXIMATE]
    said = "; approximated: " + ", ".join(item.dimension for item in weaker) if weaker else ""
    return f"  ok  {name}{said}", True
