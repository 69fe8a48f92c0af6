"""Figures as ratios against a named peer: medians of several runs that alternate with the peer's, printed as a table.

``python tests/benchmarks/measure.py [NAME…]``; nothing is asserted, because figures are about machines as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_envguard import launcher
from pytest_envguard.linux import abilities
from pytest_envguard.model.machine import Ability
from pytest_envguard.planning import make_plan
from pytest_envguard.profiles import load_catalogue
from pytest_envguard.survey import survey_abilities, survey_surroundings

BWRAP = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-net", "true"]
TRIVIAL = "import pytest\n@pytest.mark.parametrize('n', range({count}))\ndef test_n(n):\n    pass\n"
Row = tuple[str, str, str, str]


def alternately(*actions: Callable[[], object], rounds: int) -> list[float]:
    """Return the median seconds of each action; they take turns, so that a busy moment meets all of them."""
    seconds: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, taken in zip(actions, seconds, strict=True):
            start = time.perf_counter()
            action()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def row(what: str, mine: float, peer: float, name: str, unit: str = "ms") -> Row:
    """Return one line of the table."""
    factor = {"ms": 1000, "s": 1}[unit]
    return what, f"{mine * factor:.2f} {unit}", f"{peer * factor:.2f} {unit} ({name})", f"{mine / peer:.3f}"


def _script() -> dict[str, object]:
    """The same restrictions as `BWRAP`: a read-only root, own /dev, /tmp and network; no process namespace."""
    catalogue = load_catalogue(None, sys.version_info[:2])
    profile = catalogue.one("host:root=read-only:tmp=private:shm=absent:network=none")
    found = survey_abilities()
    without = {**found.facilities, abilities.PROCESS: Ability(abilities.PROCESS, "left out, as bwrap leaves it out")}
    found = found._replace(facilities=without)
    return make_plan(profile, found, survey_surroundings(str(Path.cwd()))).script


def _enter(script: dict[str, object], entered: list[float]) -> None:
    """Fork, enter, end: what one test in an environment of its own costs on top of the test."""
    answer, tell = os.pipe()
    child = os.fork()
    if child == 0:
        start = time.perf_counter()
        launcher.leave_namespaces(script)
        for step, arguments in script["steps"]:  # type: ignore[attr-defined]
            launcher._STEPS[step](**arguments)
        os.write(tell, str(time.perf_counter() - start).encode())
        os._exit(0)
    os.close(tell)
    entered.append(float(os.read(answer, 100)))
    os.close(answer)
    assert os.waitpid(child, 0)[1] == 0


def entering() -> Iterator[Row]:
    """Entering an environment ÷ bwrap with the same restrictions."""
    if shutil.which("bwrap") is None:
        yield "entering an environment", "-", "bwrap is not installed", "-"
        return
    import socket  # noqa: F401  # a process that enters often has imported it once

    script = _script()
    whole = [*launcher.command_line(script), "true"]
    entered: list[float] = []
    mine, process, peer = alternately(
        lambda: _enter(script, entered),
        lambda: subprocess.run(whole, check=True),
        lambda: subprocess.run(BWRAP, check=True),
        rounds=200,
    )
    yield row("entering an environment", statistics.median(entered), peer, "bwrap … true")
    yield row("fork, enter, end", mine, peer, "bwrap … true")
    yield row("the launcher as a program, with its interpreter", process, peer, "bwrap … true")


def _suite(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_trivial.py").write_text(TRIVIAL.format(count=count))
    return folder


def _pytest(folder: Path, *arguments: str, before: tuple[str, ...] = (), fails: bool = False) -> Callable[[], object]:
    words = [*before, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}

    def run() -> None:
        done = subprocess.run(words, cwd=folder, env=environment, check=False, stdout=subprocess.DEVNULL)
        assert done.returncode in (0, int(fails)), words

    return run


def thousand(folder: Path) -> Iterator[Row]:
    """1,000 trivial tests in one environment ÷ the same in one plain worker of xdist."""
    suite = _suite(folder / "thousand", 1000)
    actions = [_pytest(suite, "--envguard=lambda"), _pytest(suite, "-n", "1")]
    if shutil.which("bwrap"):
        python = ("--bind", "/dev/shm", "/dev/shm")
        actions.append(_pytest(suite, "-p", "no:xdist", before=tuple(BWRAP[:-1]) + python + ("--chdir", str(suite))))
    mine, peer, *sandboxed = alternately(*actions, rounds=15)
    yield row("1,000 tests in lambda", mine, peer, "pytest -n 1", "s")
    for other in sandboxed:
        yield row("1,000 tests in lambda", mine, other, "bwrap … pytest, no workers", "s")


BARE_FORK = """
import os, pickle, pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    answer, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(tell, pickle.dumps(runtestprotocol(item, log=False)))
        os._exit(0)
    os.close(tell)
    for report in pickle.loads(os.read(answer, 1 << 20)):
        item.ihook.pytest_runtest_logreport(report=report)
    os.close(answer)
    os.waitpid(child, 0)
    item.session._setupstate.teardown_exact(nextitem)
    return True
"""
HEAP = "kept = [bytes([n % 256]) * 1000 for n in range(500_000)]\n"  # 500 MB in half a million objects


def single(folder: Path) -> Iterator[Row]:
    """1,000 trivial tests, each in a fresh environment ÷ pytest-forked, a bare fork, bwrap; the same with a large heap."""
    for heap, count, rounds in (("", 1000, 5), (HEAP, 100, 3)):
        names = f"{len(heap)}-{count}"
        plain = _suite(folder / f"plain-{names}", count)
        marked = _suite(folder / f"marked-{names}", count)
        bare = _suite(folder / f"bare-{names}", count)
        text = (marked / "test_trivial.py").read_text()
        (marked / "test_trivial.py").write_text(text.replace("@", "@pytest.mark.envguard('readonly_root')\n@", 1))
        for suite, source in ((plain, heap), (marked, heap), (bare, heap + BARE_FORK)):
            (suite / "conftest.py").write_text(source)
        without = ("-p", "no:envguard")
        mine, forked, fork, base = (
            seconds / count
            for seconds in alternately(
                _pytest(marked, "-p", "no:forked"),
                _pytest(plain, "--forked", *without),
                _pytest(bare, "-p", "no:forked", *without),
                _pytest(plain, "-p", "no:forked", *without),
                rounds=rounds,
            )
        )
        what = "a test in a fresh environment" + (", 500 MB heap" if heap else "")
        yield row(what, mine, forked, "pytest --forked")
        yield row(what, mine, fork, "os.fork() and nothing else")
        if not heap and shutil.which("bwrap"):
            (alone,) = alternately(lambda: subprocess.run(BWRAP, check=True), rounds=50)
            yield row("the same, without the test itself", mine - base, alone, "bwrap … true")


def beside(folder: Path) -> Iterator[Row]:
    """Plain tests in a suite that has a marked one as well ÷ without the plugin."""
    suite = _suite(folder / "beside", 1000)
    with (suite / "test_trivial.py").open("a") as file:
        file.write("@pytest.mark.envguard('readonly_root')\ndef test_marked():\n    pass\n")
    plain = "test_trivial.py::test_n"
    mine, peer = alternately(
        _pytest(suite, plain, "-W", "ignore"), _pytest(suite, plain, "-p", "no:envguard", "-W", "ignore"), rounds=30
    )
    yield row("1,000 plain tests", mine, peer, "-p no:envguard", "s")


def idle(folder: Path) -> Iterator[Row]:
    """Installed and unused ÷ not loaded, collecting 1,000 tests."""
    suite = _suite(folder / "thousand", 1000)
    mine, peer = alternately(
        _pytest(suite, "--collect-only"), _pytest(suite, "--collect-only", "-p", "no:envguard"), rounds=60
    )
    yield row("collecting 1,000 tests, plugin unused", mine, peer, "-p no:envguard")


def many(folder: Path) -> Iterator[Row]:
    """Cost per test at 20,000 × 3 environments ÷ at 1,000 × 3, and what a report costs the controller."""
    environments = "--envguard=lambda,container,offline"
    seconds, memory = {}, {}
    for count in (1000, 20_000):
        suite = _suite(folder / str(count), count)
        start = time.perf_counter()
        memory[count] = _peak_memory(suite, environments)
        seconds[count] = (time.perf_counter() - start) / count / 3
    yield row("a test of 20,000 × 3 environments", seconds[20_000], seconds[1000], "of 1,000 × 3")
    each = (memory[20_000] - memory[1000]) / (19_000 * 3)
    yield "controller's memory for each test and environment", f"{each / 1024:.2f} KiB", "-", "-"


def _peak_memory(suite: Path, environments: str) -> int:
    words = ["pytest", "-q", "-p", "no:cacheprovider", environments]
    source = f"import pytest, resource, sys; code = pytest.main({words[1:]!r}); "
    source += "print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    out = subprocess.run([sys.executable, "-c", source], cwd=suite, check=True, capture_output=True, text=True).stdout
    found = re.search(r"PEAK (\d+)", out)
    assert found, out
    return int(found[1]) * 1024


CALLS = """
import json, os, statistics, sys, time

def median(action, count=4000):
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)

path = f"/tmp/envguard-measured-{os.getpid()}"
with open(path, "w"):
    pass
zero = os.open("/dev/zero", os.O_RDONLY)

def refused():
    try:
        os.open("/usr/envguard", os.O_CREAT | os.O_WRONLY)
    except OSError:
        return
    os.unlink("/usr/envguard")

print(json.dumps({
    "open to write, allowed": median(lambda: os.close(os.open(path, os.O_WRONLY))),
    "open to write, refused": median(refused),
    "open to read": median(lambda: os.close(os.open(path, os.O_RDONLY))),
    "stat": median(lambda: os.stat(path)),
    "read": median(lambda: os.read(zero, 16)),
}))
os.unlink(path)
"""
JUDGED = ("open to write, allowed", "open to write, refused")


def answering(_folder: Path) -> Iterator[Row]:
    """A system call that is judged, and those that are not ÷ no filter (`host:root=read-only`, answered)."""
    found = survey_abilities(all_of_them=True)
    refused = {name: Ability(name, "left out, to measure what takes its place") for name in abilities.NAMES}
    profile = load_catalogue(None, sys.version_info[:2]).one("host:root=read-only:tmp=private")
    found = found._replace(facilities={**found.facilities, **refused})
    plan = make_plan(profile, found, survey_surroundings(str(Path.cwd())))
    command = [sys.executable, "-I", "-S", "-c", CALLS]
    under = [*launcher.command_line(plan.script), *command]
    seconds: dict[str, tuple[list[float], list[float]]] = {}
    for _ in range(7):
        for place, words in enumerate((under, command)):
            told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            for name, median in told.items():
                seconds.setdefault(name, ([], []))[place].append(median)
    for name, both in seconds.items():
        mine, peer = map(statistics.median, both)
        what = f"{name}{', judged' if name in JUDGED else ''}"
        yield what, f"{mine * 1e6:.1f} µs", f"{peer * 1e6:.1f} µs (no filter)", f"{mine / peer:.3f}"


FILES = """
import pytest
@pytest.mark.parametrize("n", range(100))
def test_files(n, tmp_path):
    for number in range(100):
        (tmp_path / str(number)).write_text("x")
"""


def ledger(folder: Path) -> Iterator[Row]:
    """The list of refusals ÷ none: the example, and a suite that writes 10,000 files to /tmp."""
    files = folder / "files"
    files.mkdir()
    (files / "pytest.ini").write_text("[pytest]\n")
    (files / "test_files.py").write_text(FILES)
    example = folder / "token-counter"
    shutil.copytree(Path(__file__).parents[2] / "examples" / "token-counter", example)
    for what, suite, rounds in (("10,000 files written to /tmp", files, 15), ("the example token-counter", example, 5)):
        environment = "--envguard=lambda"
        mine, peer = alternately(
            *(_pytest(suite, environment, f"--envguard-refusals={which}", fails=True) for which in ("own", "none")),
            rounds=rounds,
        )
        yield row(what, mine, peer, "--envguard-refusals=none", "s")


LITELLM, TIKTOKEN = ("1.53.9", "1.60.8", "1.67.6"), ("0.7.0", "0.9.0")
IN_CELLS = """
from importlib.metadata import version
import tiktoken

def test_it():
    assert version("litellm").startswith("1.") and tiktoken.Encoding
"""
TOX = """
[tox]
env_list = litellm{%s}-tiktoken{%s}
no_package = true
requires = tox>=4.20 %s
[testenv]
deps =
    pytest
    pytest-xdist
    %s
commands = pytest -q -p no:cacheprovider test_it.py
pass_env = *
"""


def _tox(folder: Path, name: str, plugin: str) -> tuple[Path, Path]:
    """Make a project for tox, and a tox of its own; returns both."""
    project = folder / name
    project.mkdir()
    (project / "test_it.py").write_text(IN_CELLS)
    (project / "pytest.ini").write_text("[pytest]\n")
    pins = [f"litellm{one}: litellm=={one}" for one in LITELLM] + [
        f"tiktoken{one}: tiktoken=={one}" for one in TIKTOKEN
    ]
    (project / "tox.ini").write_text(TOX % (",".join(LITELLM), ",".join(TIKTOKEN), "", "\n    ".join(pins)))
    home = folder / f"{name}-venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([home / "bin" / "pip", "install", "-q", "tox", *plugin.split()], check=True)
    return project, home / "bin" / "tox"


def matrix(folder: Path) -> Iterator[Row]:
    """Six cells of litellm × tiktoken ÷ tox with tox-uv, and with pip; packages are in the caches of uv and pip."""
    cells = folder / "cells"
    mine = folder / "mine"
    mine.mkdir()
    (mine / "test_it.py").write_text(IN_CELLS)
    (mine / "pyproject.toml").write_text("[tool.pytest.ini_options]\n[tool.envguard]\ninstall = []\n")
    axes = [f"--envguard-versions=litellm=={','.join(LITELLM)}", f"--envguard-versions=tiktoken=={','.join(TIKTOKEN)}"]
    environ = {**os.environ, "PYTEST_ENVGUARD_CACHE": str(cells)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)

    def run(*words: object, cwd: Path) -> Callable[[], object]:
        def action() -> None:
            subprocess.run(list(map(str, words)), cwd=cwd, env=environ, check=True, capture_output=True)

        return action

    ours = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *axes, cwd=mine)
    started = time.perf_counter()
    ours()
    yield (
        "six cells for the first time, packages not in uv's cache for some",
        f"{time.perf_counter() - started:.1f} s",
        "-",
        "-",
    )

    def anew() -> None:
        shutil.rmtree(cells)
        ours()

    for plugin, name, rounds in (("tox-uv", "tox with tox-uv", 3), ("", "tox with pip", 1)):
        project, tox = _tox(folder, f"tox{plugin}", plugin)
        first = run(tox, "run-parallel", "-p", "auto", "--parallel-no-spinner", "-r", cwd=project)
        again = run(tox, "run-parallel", "-p", "auto", "--parallel-no-spinner", cwd=project)
        first()  # fills its package cache
        yield row("six cells, kept from the run before", *alternately(ours, again, rounds=rounds), f"{name}, kept", "s")
        yield row("six cells, made anew", *alternately(anew, first, rounds=rounds), f"{name}, made anew", "s")
        kept, made = alternately(ours, first, rounds=rounds)
        yield row("six cells, kept (here), made anew (peer)", kept, made, name, "s")
    yield from _disk(cells)


def _disk(cells: Path) -> Iterator[Row]:
    """What a cell takes that is not in another one."""
    from pytest_envguard.matrix.store import measure

    folders = sorted((cells / "cells").iterdir())
    whole, first = measure(folders).used, measure(folders[:1]).used
    extra = (whole - first) / (len(folders) - 1)
    yield (
        "disk per extra cell",
        f"{extra / 1e6:.1f} MB",
        f"{first / 1e6:.1f} MB (the first cell)",
        f"{extra / first:.3f}",
    )


NEEDS = """
import os

def test_needs():
    if "PYTEST_ENVGUARD" in os.environ:
        assert os.environ.get("REMEDY")
"""
AGAIN = """
import json, os, pathlib, time
import pytest

if "PYTEST_XDIST_WORKER" not in os.environ:
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(session):
        result = yield
        from pytest_envguard.engine.remedies.remedied import with_remedies
        from pytest_envguard.engine.rerun import Wanted, rerun
        from pytest_envguard.model.diagnosis import Remedy

        own = session.config.pluginmanager.get_plugin("envguard-session")
        plan = with_remedies(own.plans["lambda"], [Remedy(set={"REMEDY": "1"})])
        taken = []
        for _ in range(9):
            start = time.perf_counter()
            (run,) = rerun(own._dsession, [Wanted(plan, ["test_needs.py::test_needs"])])
            taken.append(time.perf_counter() - start)
            assert run.outcomes["test_needs.py::test_needs"].word == "passed"
        pathlib.Path(__file__).with_name("taken.json").write_text(json.dumps(taken))
        return result
"""


def remedies(folder: Path) -> Iterator[Row]:
    """One retry of one test with a remedy ÷ the run of that test alone; in a suite of 1 and one of 200 files."""
    for beside in (0, 200):
        suite = folder / f"remedies-{beside}"
        suite.mkdir()
        (suite / "pytest.ini").write_text("[pytest]\n")
        (suite / "test_needs.py").write_text(NEEDS)
        for number in range(beside):
            (suite / f"test_beside_{number}.py").write_text(TRIVIAL.format(count=5))
        test = "test_needs.py::test_needs"
        options = ("--envguard=lambda", "--envguard-fix=off", "--envguard-baseline=never")
        (own,) = alternately(_pytest(suite, *options, test, fails=True), rounds=5)
        (suite / "conftest.py").write_text(AGAIN)
        _pytest(suite, *options, fails=True)()
        retry = statistics.median(json.loads((suite / "taken.json").read_text()))
        yield row(f"one retry of one test, {beside} files beside it", retry, own, f"pytest --envguard=lambda {test}")


BENCHMARKS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "entering": lambda _folder: entering(),
    "thousand": thousand,
    "idle": idle,
    "single": single,
    "beside": beside,
    "many": many,
    "answering": answering,
    "ledger": ledger,
    "matrix": matrix,
    "remedies": remedies,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
        Path(scratch).chmod(0o755)
        rows = [line for name in names or BENCHMARKS for line in BENCHMARKS[name](Path(scratch))]
    widths = [max(len(line[column]) for line in rows) for column in range(4)]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
