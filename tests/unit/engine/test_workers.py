"""Workers: their specifications, as execnet itself reads them, and what they are told."""

from __future__ import annotations

import json
import shlex
import sys
from types import SimpleNamespace

import execnet
import pytest

from pytest_envguard import launcher
from pytest_envguard.engine.inside import PROC
from pytest_envguard.engine.workers import Workers, environment, instruct, specification
from pytest_envguard.matrix.activation import in_cell, search_path
from pytest_envguard.model.cell import Cell, Ready
from pytest_envguard.model.plan import Plan
from tests.unit.surroundings import plan, script

HOST = Plan("host", "")


def test_a_worker_in_an_environment() -> None:
    """execnet finds the name, the environment, and a launcher with its script in front of the interpreter."""
    made = plan(network="none", env={"URL": "https://example.org//a b", "QUOTES": "'\"$`"})
    spec = execnet.XSpec(specification(made, "mine-2"))
    assert (spec.popen, spec.id, spec.envguard) == (True, "mine-2", "mine")
    python, isolated, no_site, program, word, interpreter = shlex.split(spec.python)
    assert (python, isolated, no_site, interpreter) == (sys.executable, "-I", "-S", sys.executable)
    assert program == launcher.__file__
    read = launcher.decode(word)
    held = ("hold", {"variable": PROC})
    assert held in read["steps"]
    read["steps"].remove(held)
    assert {key: value for key, value in read.items() if key != "environ"} == json.loads(
        json.dumps({key: value for key, value in made.script.items() if key != "environ"})
    )
    variables = script(made, "environ")["set"]
    assert variables.items() <= read["environ"]["set"].items()


def test_a_worker_on_the_host() -> None:
    """The host needs no launcher."""
    assert specification(HOST, "host") == "popen//id=host//envguard=host"


@pytest.mark.parametrize("name", ["lambda", "lambda+offline", "lambda:memory=1G:tmp_size=2G", "lambda:hidden=/a//b"])
def test_names_survive_in_a_specification(name: str) -> None:
    """Whatever a user may select comes out of the specification as it went in."""
    spec = execnet.XSpec(specification(Plan(name, ""), name))
    assert spec.python is None
    assert environment(SimpleNamespace(gateway=SimpleNamespace(spec=spec))) == name


@pytest.mark.parametrize(
    ("arguments", "ids", "restarts"),
    [
        ([], ["host", "mine"], "8"),
        (["-n2"], ["host", "host-2", "mine", "mine-2"], "16"),
        (["-n0"], ["host", "mine"], "8"),
        (["-n4", "--maxprocesses=2"], ["host", "host-2", "mine", "mine-2"], "16"),
        (["--max-worker-restart=3"], ["host", "mine"], "3"),
    ],
)
def test_n_workers_for_each_environment(
    pytester: pytest.Pytester, arguments: list[str], ids: list[str], restarts: str
) -> None:
    """`-n` counts the workers of each environment; xdist gets them as specifications, with a limit of restarts."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfig("-p", "no:asyncio", *arguments)
    Workers(config, [HOST, plan(network="none")], "load", None)
    assert [execnet.XSpec(text).id for text in config.option.tx] == ids
    assert (config.option.numprocesses, config.option.dist, config.option.maxworkerrestart) == (None, "load", restarts)


def test_environments_begin_in_order_and_only_as_many_at_once_as_there_is_room(pytester: pytest.Pytester) -> None:
    """The first ones are xdist's; each further one has its specifications when it begins."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfig("-p", "no:asyncio", "-n2")
    plans = [Plan(name, "") for name in ("a", "b", "c")]
    workers = Workers(config, plans, "load", 2)
    assert [execnet.XSpec(text).id for text in config.option.tx] == ["a", "a-2", "b", "b-2"]
    assert (workers.environments, workers.waiting) == (["a", "b", "c"], ["c"])
    assert [execnet.XSpec(text).id for text in workers.begin()] == ["c", "c-2"]
    assert workers.waiting == []


CELL = Ready(
    Cell((("six", "1.16.0"),)),
    "/cells/a b",
    "/cells/a b/bin/python",
    "/usr",
    ("/usr/lib/python3", "/cells/a b/lib"),
    "3.11.7",
    {},
    "",
)


def test_a_worker_in_a_cell_on_the_host_is_activated() -> None:
    """It's the cell's interpreter, its programs come first, and a nested pytest begins no matrix of its own."""
    made = in_cell(HOST, CELL, "six1.16.0")
    spec = execnet.XSpec(specification(made, "six1.16.0"))
    assert shlex.split(spec.python) == ["/cells/a b/bin/python"]
    assert spec.env["PATH"].startswith("/cells/a b/bin:")
    assert (spec.env["VIRTUAL_ENV"], spec.env["PYTEST_ENVGUARD"]) == ("/cells/a b", "host")


def test_a_worker_in_a_cell_in_an_environment_is_activated_by_the_launcher() -> None:
    """The launcher is the running interpreter's; what it becomes is the cell's."""
    made = in_cell(plan(network="none"), CELL, "mine-six1.16.0")
    spec = execnet.XSpec(specification(made, "mine-six1.16.0"))
    *_, word, interpreter = shlex.split(spec.python)
    read = launcher.decode(word)
    assert (interpreter, read["name"], spec.env) == ("/cells/a b/bin/python", "mine-six1.16.0", {})
    assert read["environ"]["set"]["PATH"].startswith("/cells/a b/bin:")
    assert read["environ"]["set"]["PYTEST_ENVGUARD"] == "mine"


def test_a_cell_is_not_shadowed_by_what_the_running_environment_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pytest's own path only the working folder holds, and what PYTHONPATH names."""
    monkeypatch.setenv("PYTHONPATH", "/given")
    assert search_path(["", "/venv/site-packages", "/checkout/litellm"], CELL) == ["", "/given", *CELL.path]
    assert search_path(["/venv/bin", "/venv/site-packages"], CELL) == ["/given", *CELL.path]


def test_instructions() -> None:
    """A worker is told its environment and every promise, as text that execnet can carry."""
    made = plan(network="none", cpus=1)
    node = SimpleNamespace(workerinput={})
    instruct(node, made)
    assert node.workerinput["envguard"] == "mine"
    assert json.loads(node.workerinput["envguard_promises"]) == made.promises
