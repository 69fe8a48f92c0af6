"""From the options to plans: profiles, abilities, surroundings, fidelity; and a trial of a plan."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard import launcher, options
from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import probe
from pytest_envguard.linux.abilities import Probing
from pytest_envguard.model.machine import Abilities
from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.planning import make_plan
from pytest_envguard.profiles import Catalogue, load_catalogue
from pytest_envguard.survey import survey_abilities, survey_surroundings


def prepare(config: pytest.Config, wanted: str, probing: Probing | None = None) -> list[Plan]:
    """Return a plan for every environment that ``wanted`` selects.

    Raises:
        EnvguardError: A mistake in the input, or something this machine can't do to the asked fidelity.
    """
    profiles = catalogue(config).select(wanted)
    fidelity = Strength[options.value(config, options.FIDELITY).upper()]
    coverage = config.pluginmanager.hasplugin("_cov")  # pytest-cov's name for itself while it measures
    abilities = survey_abilities(probing) if probing else None
    project = str(config.invocation_params.dir)
    plans = plans_for(profiles, project, _further(config), coverage=coverage, abilities=abilities)
    for plan in plans:
        check_fidelity(plan, fidelity)
    return plans


def catalogue(config: pytest.Config) -> Catalogue:
    """Return the profiles known to this run: shipped, plugins', the project's."""
    added = [
        profile for profiles in config.hook.pytest_envguard_profiles(config=config) for profile in profiles.items()
    ]
    return load_catalogue(config.rootpath / "pyproject.toml", sys.version_info[:2], added)


def _further(config: pytest.Config) -> dict[str, str]:
    """What must stay visible besides the usual: the root folder, the tests named on the command line, the user's."""
    further = {str(config.rootpath): "the project"}
    for argument in config.args:
        path = Path(config.invocation_params.dir, argument.split("::")[0])
        if path.exists():
            further[str(path if path.is_dir() else path.parent)] = "the tests"
    for kept in config.getini(options.KEEP.name):
        path = Path(config.rootpath, kept)
        if not path.exists():
            raise EnvguardError(f"`{options.KEEP.name}` in {config.inipath}: {path} does not exist")
        further[str(path)] = "what envguard_keep names"
    return further


def plans_for(
    profiles: Iterable[Profile],
    project: str,
    further: Mapping[str, str],
    *,
    coverage: bool = False,
    abilities: Abilities | None = None,
) -> list[Plan]:
    """Return the plans of ``profiles`` on this machine, before any of them was tried.

    Its ``abilities`` are surveyed here where nobody has done so before.
    """
    profiles = list(profiles)
    if all(profile.is_host for profile in profiles):
        return [Plan(profile.name, profile.summary) for profile in profiles]
    if sys.platform != "linux":
        raise EnvguardError(
            f"environments are enforced by the Linux kernel, and this is {sys.platform}",
            "run in a Linux virtual machine, or in a container started with `--privileged`",
        )
    locales = {str(profile.values["locale"]) for profile in profiles if "locale" in profile.values}
    abilities = abilities or survey_abilities()
    surroundings = survey_surroundings(project, further, locales=locales, coverage=coverage)
    return [
        Plan(profile.name, profile.summary) if profile.is_host else make_plan(profile, abilities, surroundings)
        for profile in profiles
    ]


def check_fidelity(plan: Plan, wanted: Strength) -> None:
    """Refuse a plan that enforces something more weakly than asked.

    Raises:
        EnvguardError: Names each dimension, the kernel's own answer and what would mend it.
    """
    weak = plan.weaker_than(wanted)
    if not weak:
        return
    lines = [f"  {item.dimension} ({item.shown}): {item.reason}" for item in weak]
    mends = dict.fromkeys(item.mend for item in weak if item.mend)
    raise EnvguardError(
        f"`{plan.name}` cannot be enforced here to the fidelity `{wanted.name.lower()}`:\n" + "\n".join(lines),
        " or ".join(mends) or "see `envguard doctor`",
    )


def prove(plans: Iterable[Plan]) -> None:
    """Enter every plan once and let a probe inside look for broken promises, all at the same time.

    Raises:
        EnvguardError: An environment that can't be entered, or isn't what its plan promised.
    """
    trials = [
        (plan, subprocess.Popen(_trial(plan), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        for plan in plans
        if not plan.is_host
    ]
    for plan, trial in trials:
        out, err = trial.communicate()
        _judge(plan, trial.returncode, out.decode(errors="replace"), err.decode(errors="replace").strip())


def _trial(plan: Plan) -> list[str]:
    words = [sys.executable, "-I", "-S", str(probe.__file__), json.dumps(plan.promises)]
    return launcher.command_line(plan.script) + words


def _judge(plan: Plan, code: int, out: str, err: str) -> None:
    if code == launcher.CANNOT_ENTER and err:
        raise EnvguardError(err.removeprefix("envguard: "), "see `envguard doctor` for what this machine can do")
    try:
        broken: list[Any] = json.loads(out) if code == 0 else [err or f"the probe ended with {code}"]
    except ValueError:
        broken = [f"the probe printed {out!r}", err]
    if broken:
        raise EnvguardError(
            f"`{plan.name}` is not what was promised on this machine:\n" + "\n".join(f"  {line}" for line in broken),
            "see `envguard doctor`; if it finds nothing, please report this with its output",
        )
