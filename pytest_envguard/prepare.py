"""From what was asked to plans: profiles, abilities, surroundings, fidelity; and a trial of a plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envguard import options
from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.dimensions import DIMENSIONS, Value, read
from pytest_envguard.model.exits import CANNOT_ENTER
from pytest_envguard.model.machine import Abilities, Ability
from pytest_envguard.model.plan import INSIDE, Plan, Strength
from pytest_envguard.model.profile import WITHOUT, Profile, combine
from pytest_envguard.profiles import Catalogue, changed_selection, load_catalogue

# What plans and tries is imported where it's used: `Planner.profile` serves on Windows too, where it can't be.
if TYPE_CHECKING:
    from pytest_envguard.linux.abilities import Probing
    from pytest_envguard.model.origin import Certificate


_CATALOGUES: pytest.StashKey[dict[tuple[int, int], Catalogue]] = pytest.StashKey()


def prepare(
    config: pytest.Config,
    wanted: str,
    probing: Probing | None = None,
    *,
    python: tuple[int, int] | None = None,
    further: Mapping[str, str] | None = None,
) -> list[Plan]:
    """Return a plan for every environment that ``wanted`` selects.

    Args:
        config: pytest's.
        wanted: In the language of ``--envguard``.
        probing: What the kernel is being asked already.
        python: Version of the interpreter that runs the tests; None for the running one.
        further: Path to what it is, beyond what every run needs to see.

    Raises:
        EnvguardError: A mistake in the input, or something this machine can't do to the asked fidelity.
    """
    known = catalogue(config, python)
    profiles = known.select(wanted)
    for profile in profiles:
        if profile.without:
            refuse_same(known.one(profile.name.removesuffix(f"{WITHOUT}{profile.without}")), profile.without)
    return prepare_profiles(config, profiles, probing, further)


def refuse_same(profile: Profile, variable: str) -> None:
    """Check that ``profile`` without ``variable`` would be another environment.

    Raises:
        EnvguardError: The variable isn't set in it.
    """
    if not profile.sets(variable, os.environ):
        raise EnvguardError(
            f"`{profile.name}` without {variable} would be the same: the variable isn't set there anyway",
            f'set it for the run, or in the profile (`env = {{ {variable} = "…" }}`)',
        )


def prepare_profiles(
    config: pytest.Config,
    profiles: list[Profile],
    probing: Probing | None = None,
    further: Mapping[str, str] | None = None,
) -> list[Plan]:
    """Return a plan for every one of ``profiles``; see `prepare`."""
    return plans_to(
        wanted_fidelity(config),
        options.value(config, options.MECHANISM),
        profiles,
        str(config.invocation_params.dir),
        {**visible(config), **(further or {})},
        coverage=config.pluginmanager.hasplugin("_cov"),  # pytest-cov's name for itself while it measures
        probing=probing,
        root=str(config.rootpath),
    )


def plans_to(  # as they are sent to another machine
    fidelity: Strength,
    mechanism: str,
    profiles: list[Profile],
    project: str,
    visible: Mapping[str, str],
    *,
    coverage: bool = False,
    probing: Probing | None = None,
    root: str = "",
) -> list[Plan]:
    """Return a plan for each of ``profiles`` on this machine, by ``mechanism`` and at least to ``fidelity``.

    Args:
        fidelity: The weakest enforcement that is accepted.
        mechanism: A choice of `options.MECHANISM`.
        profiles: What to plan.
        project: The folder the tests run in.
        visible: Path to what it is, beyond what every run needs to see.
        coverage: Whether coverage is measured.
        probing: What the kernel is being asked already.
        root: Where relative folders in a profile begin; "" for the project.

    Raises:
        EnvguardError: Something this machine can't do to the asked fidelity.
    """
    if mechanism == "python" or (sys.platform != "linux" and fidelity <= Strength.PYTHON):
        reason = "it was asked for" if mechanism == "python" else f"this is {sys.platform}, not Linux"
        plans = [_by_hook(profile, project, reason) for profile in profiles]
    else:
        restricting = sys.platform == "linux" and not all(profile.is_host for profile in profiles)
        abilities = _abilities(mechanism, probing) if restricting else None
        plans = plans_for(profiles, project, visible, coverage=coverage, abilities=abilities, root=root)
        if fidelity <= Strength.PYTHON:
            plans = [
                _by_hook(profile, project, weak[0].reason) if (weak := plan.weaker_than(fidelity)) else plan
                for profile, plan in zip(profiles, plans, strict=True)
            ]
    for plan in plans:
        check_fidelity(plan, fidelity)
    return [plan._replace(lineage=profile.lineage) for plan, profile in zip(plans, profiles, strict=True)]


def _abilities(mechanism: str, probing: Probing | None) -> Abilities:
    """Return what this machine allows, or what it would if it allowed no namespaces."""
    from pytest_envguard.linux import abilities as facility
    from pytest_envguard.survey import survey_abilities

    found = survey_abilities(probing, all_of_them=mechanism == "calls")
    if mechanism != "calls":
        return found
    refused = {name: Ability(name, "not used, because system calls were asked for") for name in facility.NAMES}
    return found._replace(facilities={**found.facilities, **refused})


def _by_hook(profile: Profile, project: str, reason: str) -> Plan:
    import tempfile

    from pytest_envguard.planning.hooked import plan_by_hook

    if profile.is_host:
        return Plan(profile.name, profile.summary)
    if "cwd" in profile.values:
        raise EnvguardError(
            f"`{profile.name}`: `cwd` can't be had here: nothing but a mount shows the project elsewhere, and only Python "
            f"code can be restricted, because {reason}",
            "see `envguard doctor`",
        )
    temporary = os.path.realpath(tempfile.gettempdir())
    return plan_by_hook(profile, project, temporary, sys.version_info[:2], reason)


def wanted_fidelity(config: pytest.Config) -> Strength:
    """Return the weakest enforcement that the user accepts."""
    return Strength[options.value(config, options.FIDELITY).upper()]


def catalogue(config: pytest.Config, python: tuple[int, int] | None = None) -> Catalogue:
    """Return the profiles known to this run, for an interpreter's version: shipped, plugins', the project's."""
    known = config.stash.setdefault(_CATALOGUES, {})
    version = python or sys.version_info[:2]
    if version not in known:
        hooked = config.hook.pytest_envguard_profiles(config=config)
        added = [profile for profiles in hooked for profile in profiles.items()]
        known[version] = load_catalogue(config.rootpath / "pyproject.toml", version, added)
    return known[version]


class Planner:
    """Plans for single tests and single programs; what it finds out about the machine holds for the whole process.

    Attributes:
        around: The environment that this process itself runs in: inside of it, the stricter of both holds.
    """

    def __init__(self, config: pytest.Config, around: Profile) -> None:
        self._config = config
        # A read-only root includes /proc; what is in there can't make it writable again.
        implied = {"proc": "read-only"} if around.values.get("root") == "read-only" else {}
        self.around = around._replace(values={**implied, **around.values})
        self._plans: dict[object, Plan] = {}

    @cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue(self._config)

    @cached_property
    def _abilities(self) -> Abilities:
        from pytest_envguard.survey import survey_abilities

        return survey_abilities()

    def profile(self, selection: str, changes: Mapping[str, object], where: str, without: str = "") -> Profile:
        """Return the profile that ``selection`` names (in the language of ``--envguard``), with some dimensions changed.

        Args:
            selection: Such as "lambda" or "lambda+offline".
            changes: Dimension to what the user wrote for it; variables in ``env`` are added to the profile's.
            where: What the user wrote them in, for messages.
            without: A variable that is to be missing; "" for none.

        Raises:
            EnvguardError: An unknown profile or dimension, a value that the dimension can't have, or a variable that's
                missing anyway.
        """
        try:
            profile = self._catalogue.one(selection)
        except EnvguardError as error:
            raise EnvguardError(f"{where}: {error.message}", error.hint) from None
        values = {name: _changed(profile, name, raw, where) for name, raw in changes.items()}
        if values:
            profile = profile.with_values(changed_selection(selection, changes), values)
        if profile.values.get("origins") != self.around.values.get("origins"):
            _rooted(profile, str(self._config.rootpath))
        if without and without != self.around.without:
            refuse_same(profile, without)
        return profile.lacking(without) if without else profile

    def each(self, selection: str) -> tuple[str, ...]:
        """Return the variables of which an environment of the selected profile is wanted without, "" for one with all."""
        try:
            return ("", *self._catalogue.one(selection).unset_each)
        except EnvguardError:
            return ("",)  # said elsewhere

    def inside(self, profile: Profile) -> Profile:
        """Return ``profile`` as it is from within the environment that this process runs in: the stricter of both."""
        if self.around.is_host or (
            profile.name == self.around.name and profile.values.items() <= self.around.values.items()
        ):
            return profile
        both = combine(self.around, profile)
        if "cwd" in profile.values:  # neither is stricter, and the project can be moved once more
            both = both._replace(values={**both.values, "cwd": profile.values["cwd"]})
        # "lambda:tmp_size=1M" inside of "lambda" says it all.
        changes_it = profile.name.startswith(f"{self.around.name}:")
        return both._replace(name=profile.name) if changes_it else both

    def plan(self, profile: Profile, further: Mapping[str, str] | None = None) -> Plan:
        """Return how ``profile`` is enforced from within this process, to the fidelity that the user accepts.

        Args:
            profile: What was asked for.
            further: Path to what it is, beyond what every run needs.

        Raises:
            EnvguardError: This machine can't, or not to the asked fidelity.
        """
        key = (repr(profile), repr(further))
        if key not in self._plans:
            project = str(self._config.invocation_params.dir)
            needed = {**visible(self._config), **(further or {})}
            abilities = self._abilities if sys.platform == "linux" else None
            root = str(self._config.rootpath)
            (plan,) = plans_for([profile], project, needed, abilities=abilities, around=self.around, root=root)
            check_fidelity(plan, wanted_fidelity(self._config))
            self._plans[key] = plan
        return self._plans[key]


def _changed(profile: Profile, name: str, raw: object, where: str) -> Value:
    if name not in DIMENSIONS:
        raise EnvguardError(f"{where}: no dimension is named `{name}`", nearest(name, DIMENSIONS))
    value = read(name, raw, where)
    inherited = profile.values.get(name)
    return {**inherited, **value} if isinstance(value, Mapping) and isinstance(inherited, Mapping) else value


_PLANNER = pytest.StashKey[Planner]()
_AROUND = pytest.StashKey[Profile]()


def planner(config: pytest.Config) -> Planner:
    """Return the planner of this process."""
    if _PLANNER not in config.stash:
        config.stash[_PLANNER] = Planner(config, config.stash.get(_AROUND, None) or _around(config))
    return config.stash[_PLANNER]


def _around(config: pytest.Config) -> Profile:
    """Return the environment that this process was started in, by the selection that it was made from."""
    selected = os.environ.get(INSIDE)
    try:
        return catalogue(config).one(selected) if selected else Profile("host")
    except EnvguardError:  # another project's profile: a pytest that a test has started
        return Profile("host")


def move_planner(config: pytest.Config, around: Profile) -> None:
    """Begin anew in a process that has just entered ``around``: what the machine allowed outside says nothing here."""
    config.stash[_AROUND] = around
    if _PLANNER in config.stash:
        del config.stash[_PLANNER]


def visible(config: pytest.Config) -> dict[str, str]:
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
    around: Profile | None = None,
    root: str = "",
) -> list[Plan]:
    """Return the plans of ``profiles`` on this machine, before any of them was tried.

    Its ``abilities`` are surveyed here where nobody has done so before. The environment ``around`` is what they already
    contain. Relative folders in a profile begin at ``root``, or at the project.
    """
    profiles = list(profiles)
    if all(profile.is_host for profile in profiles):
        return [Plan(profile.name, profile.summary) for profile in profiles]
    if sys.platform != "linux":
        raise EnvguardError(
            f"environments are enforced by the Linux kernel, and this is {sys.platform}",
            "run in a Linux virtual machine or container; or accept what Python code alone can be refused, with "
            "`--envguard-fidelity=python`",
        )
    from pytest_envguard.planning import make_plan
    from pytest_envguard.survey import survey_abilities, survey_surroundings

    locales = {str(profile.values["locale"]) for profile in profiles if "locale" in profile.values}
    abilities = abilities or survey_abilities()
    proc_style = str(around.values.get("proc", "")) if around else ""
    certificate = None
    if any("origins" in profile.values for profile in profiles):
        profiles, certificate = _with_origins(profiles, root or project, around)
    if any("cwd" in profile.values for profile in profiles):
        further = {root or project: "the project", **further, **_own_package(root or project)}
    surroundings = survey_surroundings(
        project, further, locales=locales, coverage=coverage, proc_style=proc_style, certificate=certificate
    )
    if around:
        surroundings = surroundings._replace(served=_served(around))
    if targets := {str(profile.values["cwd"]) for profile in profiles if "cwd" in profile.values}:
        from pytest_envguard.survey import with_project

        surroundings = with_project(surroundings, root or project, targets)
    return [
        Plan(profile.name, profile.summary) if profile.is_host else make_plan(profile, abilities, surroundings)
        for profile in profiles
    ]


def _own_package(root: str) -> dict[str, str]:
    """Return this package if it lies in the project: what enters an environment imports more of it in there."""
    package = str(Path(__file__).parent)
    return {package: "pytest-envguard itself"} if package.startswith(f"{root}/") else {}


def _served(profile: Profile) -> tuple[Mapping[str, str], str] | None:
    """Return what a profile serves and its network besides, None if it serves nothing."""
    served = profile.values.get("origins")
    mode = str(profile.values.get("network", "open"))
    return (served, "none" if mode == "open" else mode) if isinstance(served, Mapping) else None


def _with_origins(
    profiles: list[Profile], root: str, around: Profile | None
) -> tuple[list[Profile], Certificate | None]:
    """Return ``profiles`` with absolute folders, and a certificate for all their hosts.

    What an environment ``around`` serves is left as it is: nothing is made for it, and its folders can't be seen here.
    """
    from pytest_envguard.model.origin import origins_of, with_companions
    from pytest_envguard.origins.certificate import issue

    inherited = _served(around) if around else None
    own = ["origins" in profile.values and _served(profile) != inherited for profile in profiles]
    profiles = [_rooted(profile, root) if is_own else profile for profile, is_own in zip(profiles, own, strict=True)]
    hosts = {one.host for profile in profiles for one in with_companions(origins_of(profile.values))}
    return profiles, issue(tuple(sorted(hosts))) if any(own) else None


def _rooted(profile: Profile, root: str) -> Profile:
    """Return ``profile`` with absolute folders of the hosts that it serves.

    Raises:
        EnvguardError: One of them isn't there.
    """
    served = profile.values.get("origins")
    if not isinstance(served, Mapping):
        return profile
    from pytest_envguard.model.origin import origins_of, rooted

    values = {**profile.values, "origins": rooted(served, lambda folder: str(Path(root, Path(folder).expanduser())))}
    for origin in origins_of(values):
        if not Path(origin.folder).is_dir():
            what = "is no folder" if Path(origin.folder).exists() else "does not exist"
            raise EnvguardError(
                f"profile `{profile.name}`: `origins`: {origin.folder}, from which {origin.host} is to be served, {what}",
                f"relative folders begin at {root}",
            )
    return profile._replace(values=values)


def check_fidelity(plan: Plan, wanted: Strength) -> None:
    """Refuse a plan that enforces something more weakly than asked.

    Raises:
        EnvguardError: Names each dimension, the kernel's own answer and what would mend it.
    """
    weak = plan.weaker_than(wanted)
    if not weak:
        return
    reasons = dict.fromkeys(item.reason for item in weak)
    lines = [
        "  " + ", ".join(f"{item.dimension} ({item.shown})" for item in weak if item.reason == reason) + f": {reason}"
        for reason in reasons
    ]
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
    from pytest_envguard import launcher
    from pytest_envguard.linux import probe

    words = [sys.executable, "-I", "-S", str(probe.__file__), json.dumps(plan.promises)]
    return launcher.command_line(plan.script) + words


def _judge(plan: Plan, code: int, out: str, err: str) -> None:

    if code == CANNOT_ENTER and err:
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
