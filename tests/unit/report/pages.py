"""Hand-made plans and runs, and paper to print reports on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pytest_envguard.model.cell import Cell, NotReady, Ready
from pytest_envguard.model.host import Machine
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.verdict import Outcome, Resources, Run
from pytest_envguard.report.summary import Summary, summarise

ROOT = Enforcement("root", "read-only root", Strength.KERNEL, "namespaces")
TMP = Enforcement("tmp", "/tmp 512 MiB", Strength.KERNEL, "namespaces")
OWNERSHIP = Enforcement(
    "ownership", "your files look like its own", Strength.APPROXIMATE, "uid map", "no second uid", "x"
)
NETWORK = Enforcement("network", "no network", Strength.NONE, "none", "network namespace: Operation not permitted", "y")

HOST = Plan("host", "this machine, nothing changed")
LAMBDA = Plan("lambda", "AWS Lambda, zip function", (ROOT, TMP), ("the project (/tmp/p) was put back, read-only",))
CONTAINER = Plan("container", "hardened Docker container", (ROOT, OWNERSHIP))
OFFLINE = Plan("offline", "", (NETWORK,))

PASSED = Outcome("passed")
EROFS = Outcome("failed", "OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'")
UNREACHABLE = Outcome("failed", "OSError: [Errno 101] Network is unreachable")
NO_MODULE = Outcome("error", "ModuleNotFoundError: No module named 'nothing'")


class Paper:
    """Stands where pytest's terminal reporter does: 80 columns, no colours."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_sep(self, character: str, title: str) -> None:
        """Write a title between two rules, as pytest does."""
        self.lines.append(f" {title} ".center(80, character))

    def write_line(self, line: str, **_colours: bool) -> None:
        """Write one line."""
        self.lines.append(line)

    @property
    def text(self) -> str:
        """All that was written."""
        return "\n".join(self.lines) + "\n" if self.lines else ""


def run(environment: str, seconds: float = 1.5, memory: int = 0, tmp: int = 0, **outcomes: Outcome) -> Run:
    """Return a run; the keyword ``test_a`` stands for the node id ``tests/test_a.py::test_a``."""
    named = {f"tests/{name}.py::{name}": outcome for name, outcome in outcomes.items()}
    return Run(environment, named, Resources(seconds, memory, tmp))


class Sample(NamedTuple):
    """A run with version axes, made by `matrix_run`."""

    plans: list[Plan]
    runs: list[Run]
    matrix: Matrix
    baselines: dict[str, Run] | None

    def summary(self, machines: Mapping[str, str] | None = None, **more: Any) -> Summary:
        """Return its summary; ``machines`` are those of environments, keywords replace fields of the matrix."""
        there = {name: Machine(machine) for name, machine in (machines or {}).items()}
        plans = [plan._replace(machine=there.get(plan.name)) for plan in self.plans]
        return summarise(plans, self.runs, self.baselines, self.matrix._replace(**more))


Happened = dict[str, Outcome] | str


def matrix_run(
    axes: dict[str, tuple[str, ...]],
    happened: Callable[[str, dict[str, str]], Happened],
    profiles: tuple[Plan, ...] = (),
    compared: bool = True,
) -> Sample:
    """Return a run in every combination.

    What ``happened`` in a profile ("" without any, "host" for the comparison) with some versions is outcomes of tests, or
    uv's reason why there is no such cell.
    """
    plans, runs, cells = [], [], {}
    baselines: dict[str, Run] = {}
    coordinates: dict[str, tuple[str, ...]] = {}
    for plan in profiles or (HOST,):
        profile = plan.name if profiles else ""
        for values in itertools.product(*axes.values()):
            versions = dict(zip(axes, values, strict=True))
            cell = Cell(tuple(versions.items()))
            name = "-".join(filter(None, (profile, cell.name)))
            coordinates[name] = (profile, *values) if profiles else values
            outcomes = happened(profile, versions)
            if isinstance(outcomes, str):
                cells[name] = NotReady(cell, "not resolvable", outcomes)
                continue
            cells[name] = ready(cell)
            plans.append(plan._replace(name=name))
            runs.append(run(name, 1.0 + len(runs), **outcomes))
            on_host = happened("host", versions)
            assert not isinstance(on_host, str)
            failed = [test for test, outcome in outcomes.items() if outcome.bad]
            baselines[name] = run("host", **{test: on_host[test] for test in failed if test in on_host})
    names = ("environment", *axes) if profiles else tuple(axes)
    return Sample(plans, runs, Matrix(names, coordinates, cells), baselines if compared and profiles else None)


def ready(cell: Cell, **packages: str) -> Ready:
    """Return a cell that can be used."""
    folder = f"/cache/cells/{cell.name}"
    return Ready(
        cell,
        folder,
        f"{folder}/bin/python",
        "/usr",
        (),
        "3.11.7",
        packages or {axis: version for axis, version in cell.versions if axis != "python"},
        "2026-11-20T10:00:00Z",
    )
