"""`envguard doctor`: every facility and every environment, tried."""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
from pathlib import Path

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.machine import Abilities
from pytest_envguard.model.plan import Strength
from pytest_envguard.planning.identity import FOR_EXACT_OWNERSHIP
from pytest_envguard.prepare import check_fidelity, plans_for, prove
from pytest_envguard.profiles import Catalogue
from pytest_envguard.survey import survey_abilities

_INSTEAD = {
    facility.CGROUP: "a watchdog guards memory limits instead",
    facility.SECCOMP: "needed only where namespaces are forbidden, and to list what was refused",
    facility.USERS: "needed only where namespaces are forbidden",
}


def examine(catalogue: Catalogue) -> tuple[str, bool]:
    """Return what was found, as text, and whether every environment can be enforced here."""
    if sys.platform != "linux":
        return _elsewhere(), False
    lines = [f"Linux {os.uname().release}, Python {sys.version.split()[0]}, uid {os.getuid()}"]
    abilities = survey_abilities(all_of_them=True)
    lines += ["", "kernel facilities", *_facilities(abilities)]
    lines += ["", "environments"]
    healthy = True
    for name in catalogue.names():
        line, works = _environment(catalogue, name, abilities)
        healthy = healthy and works
        lines.append(line)
    mends = dict.fromkeys(ability.mend for ability in abilities.facilities.values() if ability.mend)
    purpose = "to let the kernel enforce all of them" if healthy else "to mend"
    lines += ["", *(f"{purpose}: {mend}" for mend in mends)] if mends else []
    lines += ["", "`envguard doctor --differences` says what each mechanism does not do as a deployment would"]
    return "\n".join(lines), healthy


def _elsewhere() -> str:
    return (
        f"{sys.platform}: environments are enforced by the Linux kernel; run in a Linux virtual machine or container.\n"
        "Here Python code alone can be refused something (`--envguard-fidelity=python`); "
        "`envguard doctor --differences` says what that leaves out."
    )


def differences() -> str:
    """Return what each mechanism does not do as a deployment would, as text."""
    from pytest_envguard.audit.blind_spots import BLIND_SPOTS
    from pytest_envguard.seccomp.differences import DIFFERENCES

    blocks = (
        ("namespaces (kernel): what a profile says under `not_simulated`; see `envguard profiles NAME`", ()),
        ("answered system calls (exact), beside that", DIFFERENCES),
        ("audit hook (python), beside that: only calls of Python's own, and of these not", BLIND_SPOTS),
    )
    lines = []
    for title, sentences in blocks:
        lines += [title, *(line for sentence in sentences for line in _item(sentence)), ""]
    return "\n".join(lines).rstrip()


def _item(sentence: str) -> list[str]:
    return textwrap.wrap(
        sentence, 100, initial_indent="  - ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _facilities(abilities: Abilities) -> list[str]:
    found = []
    for name, ability in abilities.facilities.items():
        instead = _INSTEAD.get(name)
        if instead and not ability.works:
            found.append(f"  ~   {name}: {ability.answer}; {instead}")
        else:
            found.append(
                f"  {'ok' if ability.works else 'NO':<3} {name}" + (f": {ability.answer}" if ability.answer else "")
            )
    ownership = "exact (root becomes the profile's uid)" if abilities.privileged else _ownership(abilities)
    exact = abilities.privileged or abilities.subordinate
    return [*found, f"  {'ok' if exact else '~':<3} ownership of files: {ownership}"]


def _ownership(abilities: Abilities) -> str:
    if not abilities.facilities[facility.USER].works:
        return "approximated, unless root may become the profile's uid" if abilities.may_become else "approximated"
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
    calls = any(item.strength is Strength.EXACT for plan in plans for item in plan.enforcements)
    weaker = [item for plan in plans for item in plan.enforcements if item.strength is Strength.APPROXIMATE]
    said = "; approximated: " + ", ".join(dict.fromkeys(item.dimension for item in weaker)) if weaker else ""
    return f"  ok  {name}" + (", at the system call" if calls else "") + said, True
