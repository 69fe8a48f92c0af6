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
from pytest_envguard.engine.workers import configure, environment, instruct, specification
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
    configure(config, [HOST, plan(network="none")], "load")
    assert [execnet.XSpec(text).id for text in config.option.tx] == ids
    assert (config.option.numprocesses, config.option.dist, config.option.maxworkerrestart) == (None, "load", restarts)


def test_instructions() -> None:
    """A worker is told its environment and every promise, as text that execnet can carry."""
    made = plan(network="none", cpus=1)
    node = SimpleNamespace(workerinput={})
    instruct(node, made)
    assert node.workerinput["envguard"] == "mine"
    assert json.loads(node.workerinput["envguard_promises"]) == made.promises
