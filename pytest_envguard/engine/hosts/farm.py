"""Other machines that run environments: each is looked at, and plans and builds for itself; see `remote` for its part."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import execnet
import pytest

import pytest_envguard
from pytest_envguard import options
from pytest_envguard.engine.hosts import remote
from pytest_envguard.engine.hosts.addresses import Address, asked_for, read
from pytest_envguard.engine.hosts.connections import Host, connect
from pytest_envguard.engine.hosts.distant import Distant
from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.activation import interpreter
from pytest_envguard.model.cell import Cell, NotReady, Ready
from pytest_envguard.model.host import Machine
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.packages.installed import Distribution
from pytest_envguard.prepare import catalogue, visible, wanted_fidelity
from pytest_envguard.report.terminal.header import plan_lines

if TYPE_CHECKING:
    from pytest_envguard.engine.cells import Asked
    from pytest_envguard.matrix.build import Progress, Workshop
    from pytest_envguard.matrix.settings import Settings

    Made = Ready | NotReady

HERE = "this machine"
NO_MACHINE = "no machine"  # the kind of a cell whose machine can't be used
_BUILD = 3600.0  # seconds in which a build must tell something: some packages are compiled


def share(count: int, weights: Sequence[int]) -> list[int]:
    """Return for each of ``count`` environments, in order, which machine runs it: in turn, by their weights."""
    owed = [0] * len(weights)
    chosen = []
    for _ in range(count):
        owed = [debt + weight for debt, weight in zip(owed, weights, strict=True)]
        winner = max(range(len(weights)), key=lambda number: owed[number])
        owed[winner] -= sum(weights)
        chosen.append(winner)
    return chosen


# -- connections -------------------------------------------------------------------------------------------------------


class Farm:
    """The machines of a run.

    Attributes:
        machines: In the user's order, those included that can't be used; None is the one that pytest runs on.
        broken: Environment to why it can't run.
        distant: xdist's workers on them.
    """

    def __init__(self, config: pytest.Config, addresses: Sequence[Address]) -> None:
        """Connect to all of them at once, and look what is there."""
        self._config = config
        self._group = execnet.Group(execmodel="thread")
        config.add_cleanup(self._close)
        self._hosts: dict[str, Host] = {}
        self.distant = Distant(config, self._group)
        times = [address.times for address in addresses if not address.name]
        self._processors_here = (times[0] if times else 0) or remote.processors()
        self._proxies()
        # What is the same on every machine is found while they answer.
        with ThreadPoolExecutor(len(addresses) + 1) as pool:
            here = pool.submit(remote.checksums, str(config.rootpath))
            self.machines = list(pool.map(lambda address: self._reach(address, here.result), addresses))
        self.broken: dict[str, str] = {}
        self._cells: dict[str, Machine | None] = {}

    def _proxies(self) -> None:
        """Open xdist's ``--px`` gateways, which ``via=`` names; xdist itself must not open them once more."""
        for text in self._config.getoption("px", ()):
            try:
                self._group.makegateway(execnet.XSpec(text))
            except (OSError, EOFError, AssertionError, AttributeError, ValueError, execnet.HostNotFound) as error:
                raise EnvguardError(f"`--px {text}`: {type(error).__name__}: {error}") from None
        self._config.option.px = []

    def _reach(self, address: Address, here: Callable[[], dict[str, int]]) -> Machine | None:
        if not address.name:
            return None
        unknown = Machine(address.name)
        try:
            host = self._hosts[address.name] = Host(connect(self._group, address))
            host.machine = unknown
            machine = host.machine = self._looked(host, address)
            return machine if machine.lost else machine._replace(notes=_differences(here(), host.ask("digest")))
        except EnvguardError as error:
            hint = f"; {error.hint}" if error.hint else ""
            return unknown._replace(lost=f"{address.name} could not be reached: {error.message}{hint}")
        except OSError as error:
            words = self._hosts[address.name].last_words() if address.name in self._hosts else ""
            return unknown._replace(lost=f"{address.name} could not be reached: {words or error}")

    def _looked(self, host: Host, address: Address) -> Machine:
        """Go to the project there, and return what the machine is."""
        root, folder = self._config.rootpath, self._config.invocation_params.dir
        spec = address.spec
        project = str(spec.chdir or root)
        there = str(Path(project, folder.relative_to(root))) if folder.is_relative_to(root) else str(folder)
        ini = self._config.inipath
        found = host.ask(
            "look",
            project=project,
            folder=there,
            inifile=str(ini.relative_to(root)) if ini and ini.is_relative_to(root) else "",
            variables=spec.env,
            nice=int(spec.nice or 0),
            coverage=self._config.pluginmanager.hasplugin("_cov"),
        )
        machine = Machine(
            address.name,
            python=found["python"],
            launcher=found["launcher"],
            path=tuple(found["path"]),
            given=tuple(found["given"]),
            programs=found["programs"],
            project=project,
            folder=there,
            version=found["version"],
            system=found["system"],
            processors=address.times or found["processors"],
            user=found["user"],
            scratch=found["scratch"],
        )
        return machine._replace(lost=_unfit(machine, found))

    # -- planning ------------------------------------------------------------------------------------------------------

    def _shared(self, count: int) -> list[Machine | None]:
        """Return for each of ``count`` things, in order, which machine has it."""
        weights = [self._weight(machine) for machine in self.machines]
        # A machine that can't be used costs what one like the others would have run.
        middle = max(1, sum(weights) // max(1, sum(map(bool, weights))))
        return [self.machines[number] for number in share(count, [weight or middle for weight in weights])]

    def _weight(self, machine: Machine | None) -> int:
        """Return how many processors a machine has for this run, 0 if it can't be used."""
        if machine is None:
            return self._processors_here
        return 0 if machine.lost else machine.processors

    def names(self, wanted: str) -> list[Plan]:
        """Return the environments that ``wanted`` selects, none of them planned.

        Raises:
            EnvguardError: A mistake in the input.
        """
        return [Plan(profile.name, profile.summary) for profile in catalogue(self._config).select(wanted)]

    def plans(self, wanted: str, here: Callable[[], list[Plan]]) -> list[Plan]:
        """Return a plan for every environment, for the machine that runs it.

        Args:
            wanted: In the language of ``--envguard``.
            here: Makes the plans of all of them for the machine that pytest runs on.

        Raises:
            EnvguardError: A mistake in the input, or none of them can run.
        """
        names = [plan.name for plan in self.names(wanted)]
        places = dict(zip(names, self._shared(len(names)), strict=True))
        work = [
            _Work(machine, [name for name in names if places[name] is machine])
            for machine in dict.fromkeys(places.values())
            if machine
        ]
        return self._in_order(names, wanted, work, lambda: [plan for plan in here() if places[plan.name] is None])

    def _in_order(
        self, names: Sequence[str], wanted: str, work: Sequence[_Work], here: Callable[[], list[Plan]]
    ) -> list[Plan]:
        """Let all machines plan at the same time; return the plans in the order of ``names``."""
        with ThreadPoolExecutor(max(1, len(work))) as pool:
            made = pool.map(lambda one: self._planned(wanted, one), work)
            mine = here() if len(names) > sum(len(one.environments) for one in work) else []
            plans = {plan.name: plan for plan in (*mine, *(plan for group in made for plan in group))}
        if plans.keys() <= self.broken.keys():
            reasons = dict.fromkeys(self.broken.values())
            raise EnvguardError("no machine can run an environment:\n" + "\n".join(f"  {text}" for text in reasons))
        return [plans[name] for name in names]

    def _planned(self, wanted: str, work: _Work) -> list[Plan]:
        """Return the plans of environments on another machine; those that can't be had are noted as broken."""
        machine = work.machine
        version = interpreter(work.cells[0]) if work.cells else machine.version[:2] or sys.version_info[:2]
        profiles = catalogue(self._config, (version[0], version[1])).select(wanted)
        if work.cells:
            none = [
                Plan(name, profile.summary, cell=cell, profile=profile.name, machine=machine)
                for (cell, names) in zip(work.cells, _by(len(profiles), work.environments), strict=True)
                for profile, name in zip(profiles, names, strict=True)
            ]
        else:
            profiles = [profile for profile in profiles if profile.name in work.environments]
            none = [Plan(profile.name, profile.summary, machine=machine) for profile in profiles]
        if machine.lost:
            self.broken.update(dict.fromkeys(work.environments, machine.lost))
            return none
        try:
            answers = self._hosts[machine.name].ask(
                "plans",
                profiles=[_packed(profile) for profile in profiles],
                project=machine.folder,
                visible={self.there(path, machine): what for path, what in visible(self._config).items()},
                fidelity=wanted_fidelity(self._config).name,
                mechanism=options.value(self._config, options.MECHANISM),
                coverage=self._config.pluginmanager.hasplugin("_cov"),
                cells=list(zip(work.cells, map(list, _by(len(profiles), work.environments)), strict=False)),
            )
        except (OSError, EnvguardError) as error:
            self.broken.update(dict.fromkeys(work.environments, f"{machine.name}: {error}"))
            return none
        plans = []
        for plan, (told, value, hint) in zip(none, answers, strict=True):
            if told != "done":
                self.broken[plan.name] = f"{machine.name}: {value}" + (f"\n  {hint}" if hint else "")
            plans.append(_unpacked(value, plan) if told == "done" else plan)
        return plans

    # -- versions ------------------------------------------------------------------------------------------------------

    def build(self, cells: Sequence[Cell], settings: Settings, workshop: Workshop, progress: Progress) -> list[Made]:
        """Return what became of ``cells``, each on the machine that runs it.

        Args:
            cells: Chosen here, where the index was asked.
            settings: The project's.
            workshop: Builds cells on the machine that pytest runs on.
            progress: Told of every step.
        """
        progress.begin([cell.name for cell in cells])
        workshop.progress = _Begun(progress)
        places = dict(zip(cells, self._shared(len(cells)), strict=True))
        self._cells = {cell.name: machine for cell, machine in places.items()}
        groups = {machine: [cell for cell in cells if places[cell] is machine] for machine in places.values()}
        with ThreadPoolExecutor(max(1, len(groups))) as pool:
            made = pool.map(
                lambda machine: self._built(machine, groups[machine], settings, progress), filter(None, groups)
            )
            mine = workshop.build(groups[None]) if None in groups else []
            known = {cell.cell: cell for cell in (*mine, *(cell for group in made for cell in group))}
        return [known[cell] for cell in cells]

    def _built(self, machine: Machine, cells: Sequence[Cell], settings: Settings, progress: Progress) -> list[Made]:
        def failed(kind: str, reason: str) -> list[Made]:
            for cell in cells:
                progress.step(cell.name, kind, reason)
            return [NotReady(cell, kind, reason) for cell in cells]

        def tell(name: str, stage: str, detail: str) -> None:
            progress.step(name, stage, f"{detail} on {machine.name}" if detail else f"on {machine.name}")

        if machine.lost:
            return failed(NO_MACHINE, machine.lost)
        host = self._hosts[machine.name]
        try:
            answer = host.ask(
                "build",
                timeout=_BUILD,
                tell=tell,
                install=settings.install,
                where=settings.where,
                cells=cells,
                coverage=self._config.pluginmanager.hasplugin("_cov"),
            )
        except EnvguardError as error:
            return failed("not built", f"{machine.name}: {error}")
        except OSError:
            return failed(NO_MACHINE, host.lost())
        return [remote.unpacked(fields) for fields in answer]

    def plans_in(self, asked: Asked, wanted: str, here: Callable[[list[Ready]], list[Plan]]) -> list[Plan]:
        """Return a plan for every environment in every cell that is ready.

        Args:
            asked: All cells.
            wanted: In the language of ``--envguard``.
            here: Makes those in cells on the machine that pytest runs on.

        Raises:
            EnvguardError: A mistake in the input, or none of them can run.
        """
        work: dict[tuple[str, tuple[int, int]], _Work] = {}
        names = []
        mine = []
        for cell in asked.ready:
            machine = self._cells[cell.cell.name]
            environments = [asked.name(profile, cell.cell.name) for profile in asked.profiles]
            names += environments
            if machine is None:
                mine.append(cell)
                continue
            one = work.setdefault((machine.name, interpreter(cell)), _Work(machine, [], []))
            one.cells.append(cell)
            one.environments.extend(environments)
        return self._in_order(names, wanted, list(work.values()), lambda: here(mine))

    def installed(self, cells: Iterable[Ready], *, sizes: bool) -> dict[str, tuple[Distribution, ...]]:
        """Return what is installed in those cells that lie on other machines, by their names."""
        found: dict[str, tuple[Distribution, ...]] = {}
        there: dict[Machine, dict[str, tuple[str, ...]]] = {}
        for cell in cells:
            if machine := self._cells[cell.cell.name]:
                there.setdefault(machine, {})[cell.cell.name] = cell.path
        for machine, paths in there.items():
            try:
                answer = self._hosts[machine.name].ask("packages", cells=paths, sizes=sizes)
            except OSError:  # its environments will say so
                answer = dict.fromkeys(paths, ())
            for name, distributions in answer.items():
                found[name] = tuple(Distribution(*fields) for fields in distributions)
        return found

    def rooms(self, workers_each: int) -> dict[str, int]:
        """Return how many environments run side by side on each machine where versions multiply them."""
        return {
            machine.name if machine else "": max(1, self._weight(machine) // max(1, workers_each))
            for machine in self.machines
        }

    def there(self, path: str, machine: Machine) -> str:
        """Return where a path of this machine's lies on ``machine``: of the project in its folder, others the same."""
        root = str(self._config.rootpath)
        return machine.project + path[len(root) :] if path == root or path.startswith(f"{root}/") else path

    # -- what is shown -------------------------------------------------------------------------------------------------

    def header(self, plans: Iterable[Plan], verbose: bool) -> list[str]:
        """Return the lines of pytest's header: for each machine what it is, and how it enforces its environments."""
        lines = []
        plans = list(plans)
        shown: dict[tuple[str, ...], str] = {}
        for machine in self.machines:
            mine = [plan for plan in plans if (plan.machine and plan.machine.name) == (machine and machine.name)]
            names = ", ".join(plan.name for plan in mine) or "nothing"
            if machine is None:
                lines.append(f"envguard: on {HERE}: {names}")
            elif machine.lost:
                lines += [f"envguard: {machine.lost}", f"  not run: {names}"]
            else:
                lines.append(f"envguard: on {machine}: {names}")
                lines += [f"  note: {note}" for note in machine.notes]
            profiles = {plan.made_from: plan for plan in reversed(mine) if plan.name not in self.broken}
            for name, plan in reversed(profiles.items()):
                about = plan_lines(plan._replace(name=name), verbose)
                same = shown.setdefault(tuple(about), machine.name if machine else HERE)
                alike = same != (machine.name if machine else HERE)
                lines += [f"envguard: {name}: as on {same}"] if alike else about
        return lines

    def usable(self) -> list[Machine]:
        """Return those of the other machines that environments can run on."""
        return [machine for machine in self.machines if machine and not machine.lost]

    def is_lost(self, plan: Plan) -> bool:
        """Whether the machine of a plan can't be reached (any more)."""
        return plan.machine is not None and (bool(plan.machine.lost) or self._hosts[plan.machine.name].is_lost())

    def _close(self) -> None:
        """End connections that xdist has not taken over: on a way out before the first worker."""
        self._group.terminate(1.0)


def reach(config: pytest.Config, single: str) -> Farm | None:
    """Return the machines that were asked for; None for this one alone.

    Args:
        config: pytest's.
        single: The option that needs one process on this machine, if one was given.

    Raises:
        EnvguardError: A mistake in a specification, or something that does not go together.
    """
    addresses = read(asked_for(config))
    if not addresses:
        return None
    if single:
        raise EnvguardError(
            f"`{single}` runs on this machine, and `{options.HOSTS.flag}` names others",
            f"leave out one of them (`{options.HOSTS.flag}={options.OFF}` undoes the ini key)",
        )
    return Farm(config, addresses)


class _Begun:
    """Progress that has begun for the cells of all machines."""

    def __init__(self, progress: Progress) -> None:
        self.step = progress.step

    def begin(self, names: Sequence[str]) -> None:
        """Do nothing."""


class _Work(NamedTuple):
    """What a machine has to plan.

    Attributes:
        machine: Which.
        environments: Their names; with cells, those of one cell after the other, in the order of the profiles.
        cells: Those that it has built, all of one interpreter.
    """

    machine: Machine
    environments: list[str]
    cells: list[Ready] = []  # noqa: RUF012  # never changed where it's the default


def _by(count: int, names: Sequence[str]) -> list[Sequence[str]]:
    """Return ``names`` in groups of ``count``."""
    return [names[start : start + count] for start in range(0, len(names), count)]


def _unfit(machine: Machine, found: Mapping[str, Any]) -> str:
    """Return why environments can't run there, "" if they can."""
    where = f"{machine.name} ({machine.python})"
    version = found["pytest-envguard"]
    if not version:
        return f"{where} has no pytest-envguard; install it there, or name its interpreter with `//python=`"
    if version != pytest_envguard.__version__:
        return f"{where} has pytest-envguard {version}, and here it is {pytest_envguard.__version__}"
    if found["missing"]:
        (missing,) = found["missing"]
        return f"{machine.name} has no {missing}; name the project's folder there with `//chdir=`"
    return ""


def _differences(here: Mapping[str, int], there: Mapping[str, int]) -> tuple[str, ...]:
    """Return a note about files of the project that aren't the same on both machines."""
    other = [name for name in here if name in there and here[name] != there[name]]
    missing = [f"{name} (missing there)" for name in here if name not in there]
    further = [f"{name} (missing here)" for name in there if name not in here]
    found = [*other, *missing, *further]
    if not (found and here and there):
        return ()
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return (f"{len(found)} file{'s' * (len(found) != 1)} of the project not as here: {shown}",)


def _packed(profile: Profile) -> dict[str, Any]:
    fields: dict[str, Any] = remote.plain({**profile._asdict(), "budgets": {}})  # planning needs none
    return fields


def _unpacked(fields: Sequence[Any], plan: Plan) -> Plan:
    """Return ``plan`` as it was made on its machine."""
    _, _, enforcements, notes, script, promises, *_ = fields
    return plan._replace(
        enforcements=tuple(Enforcement(item[0], item[1], Strength(item[2]), *item[3:]) for item in enforcements),
        notes=tuple(notes),
        script=script,
        promises=promises,
    )
