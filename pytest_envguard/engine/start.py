"""From what was asked to a session: everything that must be said before the first test is said here."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_envguard import options
from pytest_envguard.engine import cells, reports, workers
from pytest_envguard.engine.invocation import invocation
from pytest_envguard.engine.session import HOST, EnvguardSession
from pytest_envguard.engine.solo import run_solo
from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.activation import interpreter, needed
from pytest_envguard.model.plan import Plan
from pytest_envguard.prepare import catalogue, prepare
from pytest_envguard.report.summary import summarise

if TYPE_CHECKING:
    from pytest_envguard.diagnosis.tables import Knowledge
    from pytest_envguard.engine.hosts.farm import Farm
    from pytest_envguard.engine.packages import Packages
    from pytest_envguard.linux.abilities import Probing

_DISTRIBUTIONS = ("load", "loadscope", "loadfile", "loadgroup", "worksteal")


def list_profiles(config: pytest.Config) -> int:
    """Print the environments by name and return the exit code."""
    from pytest_envguard.report.terminal.profiles import in_a_line

    try:
        known = catalogue(config)
        for name in known.names():
            print(f"{name:<18} {in_a_line(known.one(name))}")
    except EnvguardError as error:
        raise pytest.UsageError(str(error)) from None
    return 0


def start(
    config: pytest.Config, wanted: str, versions: Sequence[str], probing: Probing | None
) -> int | pytest.ExitCode | None:
    """Prepare the environments and versions that were asked for and take over.

    Args:
        config: pytest's.
        wanted: A selection of profiles; "" for the host.
        versions: Axes; empty for those that pytest itself runs with.
        probing: What the kernel is being asked already.

    Returns:
        An exit code where all is done already.

    Raises:
        pytest.UsageError: Anything that must be said before the first test (exit code 4).
    """
    try:
        distribution = _distribution(config)
        reports.check(config)
        knowledge = _knowledge(config)
        farm = _farm(config)
        selection = HOST if versions and not wanted else wanted
        plans = _plans(config, selection, probing, farm, bool(versions))
        names = [plan.name for plan in plans]
        asked = _make_cells(config, versions, names, named=bool(wanted), farm=farm) if versions else None
        if asked is not None:
            plans = _in_cells(config, wanted, asked, farm)
        packages = _look_at_packages(config, wanted, asked, farm)
        single = _single_process(config)
        if single:
            return run_solo(config, plans, single)
    except EnvguardError as error:
        raise pytest.UsageError(str(error)) from None
    except KeyboardInterrupt:  # this early pytest would show a traceback
        lost = ", no report was written" if options.values(config, options.REPORT) else ""
        print(f"envguard: interrupted while the environments were prepared{lost}", file=sys.stderr)
        return pytest.ExitCode.INTERRUPTED
    session = EnvguardSession(config, plans, asked, packages, knowledge)
    if farm:
        session.use(farm)
    if options.value(config, options.BASELINE) == "always":
        session.add_host()
    at_once = (farm.rooms(workers.count(config)) if farm else cells.most_at_once(config)) if asked else None
    able = [plan for plan in session.plans.values() if not session.runs[plan.name].broken]
    session.workers = workers.Workers(config, able, distribution, at_once)
    config.pluginmanager.register(session, "envguard-session")
    return None


def _knowledge(config: pytest.Config) -> Knowledge | None:
    """Return what is known about libraries, None if nobody wants to know; the project's own files are read at once.

    Raises:
        EnvguardError: One of them is broken.
    """
    if options.value(config, options.FIX) == options.OFF:
        return None
    from pytest_envguard.diagnosis.tables import hooked, load_knowledge

    added = hooked(config.hook.pytest_envguard_knowledge(config=config))
    return load_knowledge(config.rootpath / "pyproject.toml", added)


def _farm(config: pytest.Config) -> Farm | None:
    """Return the other machines that environments run on, if any were asked for."""
    if not (options.values(config, options.HOSTS) or config.known_args_namespace.tx):
        return None
    from pytest_envguard.engine.hosts.farm import reach

    return reach(config, _single_process(config))


def _only_others(config: pytest.Config) -> bool:
    """Whether `--tx` names nothing but other machines."""
    from pytest_envguard.engine.hosts.addresses import elsewhere

    return all(map(elsewhere, config.known_args_namespace.tx))


def _plans(
    config: pytest.Config, wanted: str, probing: Probing | None, farm: Farm | None, versions: bool
) -> list[Plan]:
    if farm and (moving := [one.name for one in catalogue(config).select(wanted) if "cwd" in one.values]):
        raise EnvguardError(
            f"`{moving[0]}`: `cwd` shows the project elsewhere on this machine only",
            f"leave out `{options.HOSTS.flag}` and `--tx`, or `cwd`",
        )
    if farm and versions:
        return farm.names(wanted)  # they're planned where their cells are
    return farm.plans(wanted, lambda: prepare(config, wanted, probing)) if farm else prepare(config, wanted, probing)


def _make_cells(
    config: pytest.Config, asked: Sequence[str], profiles: Iterable[str], *, named: bool, farm: Farm | None = None
) -> cells.Asked:
    """Resolve and build all cells that ``asked`` selects, each on its machine, with a display of their progress.

    Raises:
        EnvguardError: A mistake in the input.
    """
    from _pytest.config import create_terminal_writer

    from pytest_envguard.matrix.axes import read_asked
    from pytest_envguard.matrix.build import open_workshop
    from pytest_envguard.matrix.settings import read_settings
    from pytest_envguard.report.terminal.progress import showing

    settings = read_settings(config.rootpath / "pyproject.toml")
    wanted = read_asked(asked, settings.sets)
    coverage = config.pluginmanager.hasplugin("_cov")
    # By --color, PY_COLORS and all else that pytest looks at; its own writer isn't there yet.
    colour = create_terminal_writer(config, sys.stdout).hasmarkup
    with showing(sys.stdout, quiet=config.get_verbosity() < 0, colour=colour) as progress:
        workshop = open_workshop(settings, config.rootpath, coverage=coverage, progress=progress)
        chosen = workshop.choose(wanted)
        made = farm.build(chosen, settings, workshop, progress) if farm else workshop.build(chosen)
    axes = tuple(dict.fromkeys(axis for one in made for axis, _ in one.cell.versions))
    return cells.Asked(axes, workshop.contents.describe(), tuple(made), tuple(profiles), named, settings)


def _in_cells(config: pytest.Config, wanted: str, asked: cells.Asked, farm: Farm | None = None) -> list[Plan]:
    """Return a plan for every environment in every cell that can be had."""
    if not asked.ready:
        nothing = summarise([], [], {}, asked.matrix([]))
        written = reports.write(config, nothing._replace(invocations=(invocation(config, time.time(), ""),)))
        raise EnvguardError("\n".join([nothing_ready(asked), *written.lost, *written.told]))
    if farm:
        return farm.plans_in(
            asked, wanted or HOST, lambda mine: _in_cells(config, wanted, asked._replace(cells=tuple(mine)))
        )
    sites = (path for cell in asked.ready for path in cell.path if Path(path).is_dir())
    further = {**dict.fromkeys(sites, "what is imported"), **needed(asked.ready)}
    # What a profile is may depend on the interpreter: Lambda's newer runtimes have another C library.
    by_interpreter = {
        version: prepare(config, wanted or HOST, None, python=version, further=further)
        for version in dict.fromkeys(map(interpreter, asked.ready))
    }
    return [plan for cell in asked.ready for plan in asked.across(by_interpreter[interpreter(cell)], cell)]


def _look_at_packages(
    config: pytest.Config, wanted: str, asked: cells.Asked | None, farm: Farm | None
) -> Packages | None:
    """Return what is installed in the cells, compared with itself and with what the profiles take.

    Without versions the running environment is looked at, if it is to be audited.
    """
    if asked is None and not _audits(config):
        return None
    from pytest_envguard.engine.packages import Packages
    from pytest_envguard.matrix.settings import read_settings

    settings = asked.settings if asked else read_settings(config.rootpath / "pyproject.toml")
    ready = asked.ready if asked else [cells.running()]
    elsewhere = (lambda sizes: farm.installed(ready, sizes=sizes)) if asked and farm else None
    packages = Packages(config, settings, ready, elsewhere)
    versions = dict.fromkeys(map(interpreter, ready))
    selected = {version: catalogue(config, version).select(wanted or HOST) for version in versions}
    # One without a variable takes what the same with it takes.
    whole = {version: [one for one in profiles if not one.without] for version, profiles in selected.items()}
    packages.look({version: whole[version] or profiles for version, profiles in selected.items()})
    return packages


def _audits(config: pytest.Config) -> bool:
    """Whether somebody wants an audit; a project that does not say the word is not read for it."""
    if config.getoption(options.AUDIT.name) or config.getini(options.AUDIT.name):
        return True
    file = config.rootpath / "pyproject.toml"
    if not file.is_file() or "audit" not in file.read_text(encoding="utf-8", errors="replace"):
        return False
    from pytest_envguard.matrix.settings import read_settings

    return read_settings(file).audit


def nothing_ready(asked: cells.Asked) -> str:
    """Return the message for a matrix in which no test can run at all."""
    lines = [f"{cell.cell.name}: {cell.kind}: {cell.reason}" for cell in asked.not_ready]
    return "\n".join(["there is no environment in which the tests could run", *lines])


def _single_process(config: pytest.Config) -> str:
    """Return the option that needs one process with a terminal of its own, if one was given."""
    if config.getoption("usepdb"):
        return "--pdb"
    if config.getoption("trace", False):
        return "--trace"
    if config.getoption("capture") == "no":
        return "-s"
    return "--collect-only" if config.getoption("collectonly") else ""


def _distribution(config: pytest.Config) -> str:
    """Return how tests are spread over the workers of an environment, having checked what can't go together."""
    if config.getoption("dist", None) is None:  # xdist's option; the plugin has several names
        raise EnvguardError(
            "`--envguard` runs its environments through pytest-xdist, which is switched off",
            "leave out `-p no:xdist` (with PYTEST_DISABLE_PLUGIN_AUTOLOAD, add `-p xdist.plugin`)",
        )
    if config.getoption("tx") and not (config.getoption("numprocesses") or _only_others(config)):
        raise EnvguardError(
            "`--tx` and `--envguard` both say where tests run", "leave out one of them; use `-n` for more workers"
        )
    if config.getoption("looponfail", False):
        raise EnvguardError("`--looponfail` and `--envguard` do not go together", "leave out one of them")
    chosen = str(config.getoption("dist"))
    if chosen == "each":
        raise EnvguardError(
            "`--dist=each` runs every test in every worker; with `--envguard` it runs once in every environment already",
            f"leave it out, or use one of {', '.join(_DISTRIBUTIONS)}",
        )
    return "load" if chosen == "no" else chosen
