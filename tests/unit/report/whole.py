"""Runs in which everything happened that a report can tell of."""

from __future__ import annotations

from pytest_envguard.model.budget import BYTES, OVER, SECONDS, WITHIN, Figure
from pytest_envguard.model.diagnosis import Cause, Cost, Diagnosis, Holding, Remedy, Seed, Trial
from pytest_envguard.model.finding import Audited, Finding, Ignored, NotAudited, Vulnerability
from pytest_envguard.model.host import Machine
from pytest_envguard.model.verdict import Broken, Outcome, Resources
from pytest_envguard.report.summary import Invocation, Summary, summarise
from tests.unit.report.pages import (
    CONTAINER,
    EROFS,
    LAMBDA,
    NO_MODULE,
    OFFLINE,
    PASSED,
    UNREACHABLE,
    Happened,
    matrix_run,
    run,
)

PLACED = EROFS._replace(place=("tests/test_a.py", 12))
OWN = Outcome("failed", "no", "no_network")
REFUSED = [
    ["open", "/x", "EROFS", "lib", "lib.py:3", 2, "call", "python -c"],
    ["mkdir", "/y", "EROFS", "", "a.py:1", 1, "import", ""],
]
HOME = Remedy("everything asks for it", {"HOME": "/tmp"}, ("XDG",), upgrade="thing>=2")
SEED = Remedy("it's only read", seed=Seed("HF_HOME", ("~/.cache",), "fill()", "hf download"), guess=True)
DIAGNOSIS = Diagnosis(
    "thing 1.0 writes",
    "thing",
    "1.0",
    "thing/cache",
    "root",
    certain=False,
    place="thing.py:3",
    target="/home/me",
    error="EROFS",
    remedies=(HOME,),
    sentence="thing {version} writes",
    alike="0123456789abcdef",
)
MACHINE = Machine(
    "build1",
    version=(3, 11, 7),
    system="Linux 6.1",
    processors=8,
    user="uid 7 (me)",
    notes=("other files",),
    lost="no answer",
)
CALLED = Invocation(
    "0.1.0",
    "shop",
    ("pytest", "--envguard=lambda"),
    "2026-11-21T04:21:00Z",
    12.5,
    "interrupted by Ctrl-C",
    "3.11.7",
    "9.2.0",
    "Linux 6.8",
    4,
    8 << 30,
    ("lambda",),
    ("not audited: no network (in py311)",),
)


def plain() -> Summary:
    """Return a run without versions: every kind of outcome, orders that differ, one environment stopped."""
    first = run(
        "lambda", 2.5, 1024, 512, a=PLACED, b=PASSED, c=Outcome("xfailed"), d=OWN, e=Outcome("failed", "crashed")
    )
    second = run("container", 1.5, c=Outcome("skipped"), f=NO_MODULE, a=PASSED, d=OWN, e=OWN, b=Outcome("xpassed"))
    third = run("offline", a=UNREACHABLE)
    first.refused("tests/a.py::a", REFUSED[:1])
    first.refused("tests/b.py::b", REFUSED)
    second.refused("tests", REFUSED)
    first.unwatched, first.deaths = "the kernel is too old", ["killed by SIGKILL"]
    first.collected = (*first.outcomes, "tests/z.py::z")
    first.seconds = {nodeid: 0.25 * number for number, nodeid in enumerate(first.outcomes)}
    second.seconds = dict.fromkeys(second.outcomes, 0.125)
    second.figures["tests/b.py::b"] = (
        Figure("encode_p99", SECONDS, 0.02, 0.015, OVER, 0.019, 0.021, "100 times"),
        Figure("peak_memory", BYTES, 4096, 8192, WITHIN),
    )
    third.broken, third.collected = Broken(("it could connect",)), ()
    plans = [LAMBDA._replace(lineage=("lambda", "base"), script={"trapped": True}), CONTAINER, OFFLINE]
    plans[1] = plans[1]._replace(machine=MACHINE)
    made = summarise(plans, [first, second, third], run("host", a=PASSED, d=OWN, e=PASSED, f=NO_MODULE))
    cause = Cause(
        DIAGNOSIS,
        {"lambda": ("tests/a.py::a",), "container": ("tests/f.py::f", "tests/d.py::d")},
        silent=True,
        trials=(
            Trial(
                "lambda",
                (HOME, SEED),
                ("tests/a.py::a",),
                {"tests/d.py::d": "still"},
                {"tests/b.py::b": "now"},
                1.5,
                "no time",
                "py311",
            ),
        ),
        costs=(Cost("lambda", "import thing", 1.0, 0.5, SEED),),
        remedies={"lambda": (HOME,), "container": (Remedy("advice"),)},
        holding={"lambda": Holding("lambda", "the root is read-only in {here}", "1.0")},
    )
    return made._replace(causes=(cause,), invocations=(CALLED,), notes=("a note",))


def crossed() -> Summary:
    """Return a run with versions: cells with findings, advisories and audits that failed, and one that can't be had."""

    def happened(profile: str, versions: dict[str, str]) -> Happened:
        if versions["six"] == "1.17.0":
            return "Because nobody has it."
        return {"a": PLACED if profile == "lambda" else PASSED, "b": UNREACHABLE}

    sample = matrix_run({"python": ("3.11",), "six": ("1.15.0", "1.16.0", "1.17.0")}, happened, (LAMBDA, CONTAINER))
    found = Vulnerability("six", "1.15.0", "PYSEC-1", ("CVE-1",), ("1.16.0",), "Bad")
    finding = Finding("too big", "six", "312 MiB", "torch", "lambda", ("torch 200 MiB",))
    audit = Audited(
        "PyPI",
        (found,),
        {"six": "1.15.0"},
        {"mine": "unknown"},
        {"own": "local"},
        (Ignored(found, "so", "2027-01-01"),),
        ("careful",),
        remembered=True,
        seconds=0.5,
    )
    cells = {
        name: cell._replace(
            cell=cell.cell._replace(as_of="2026-01-01", extra=("pytest>8",)),
            **({"notes": ("compiled",), "seconds": 2.5} if hasattr(cell, "notes") else {}),
        )
        for name, cell in sample.matrix.cells.items()
    }
    cells = {name: cells[name] for name in sample.matrix.cells}
    return sample.summary(
        cells=cells,
        findings={"py311-six1.15.0": (finding,), "py311-six1.16.0": ()},
        audits={"py311-six1.15.0": audit, "py311-six1.16.0": NotAudited("no network", "try later")},
    )


def quiet() -> Summary:
    """Return a run in which nothing happened."""
    one = run("lambda")
    one.resources = Resources()
    return summarise([LAMBDA], [one], None)


WHOLE = {"plain": plain, "crossed": crossed, "quiet": quiet}
