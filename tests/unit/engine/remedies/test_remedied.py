"""Plans with remedies: what wins, what is promised, and what an interpreter on the host gets."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import execnet
import pytest

from pytest_envguard import launcher
from pytest_envguard.engine import workers
from pytest_envguard.engine.remedies.remedied import compatible, on_host, specification, with_remedies
from pytest_envguard.matrix.activation import in_cell
from pytest_envguard.model.cell import Cell, Ready
from pytest_envguard.model.diagnosis import Remedy, Seed
from pytest_envguard.model.dimensions import Value
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.planning.hooked import plan_by_hook
from tests.unit.surroundings import plan, script

HOST = Plan("host", "")
CELL = Ready(Cell((("six", "1.16.0"),)), "/cells/1", "/cells/1/bin/python", "/usr", ("/cells/1/lib",), "3.11.7", {}, "")
VALUES: dict[str, Value] = {"root": "read-only", "tmp": "private", "env": {"A": "profile's", "B": "profile's"}}
UNSET: dict[str, Value] = {"env_unset": ("C", "AWS_*"), "home": "unset"}
HOOKED = plan_by_hook(Profile("mine", "", {**VALUES, **UNSET}), "/p", "/tmp", (3, 11), "asked for")
PLANS = {
    "namespaces": plan(**VALUES, **UNSET),
    "a cell": in_cell(plan(**VALUES, **UNSET), CELL, "mine-six1.16.0"),
    "audit hook": HOOKED,
}
CHANGES = [Remedy(set={"A": "ours", "C": "ours", "HOME": "/tmp", "AWS_REGION": "ours"}), Remedy(unset=("B", "D"))]


def _environ(made: Plan) -> dict[str, object]:
    return script(made, "hook")["environ"] if made.hooked else script(made, "environ")


@pytest.mark.parametrize("made", PLANS.values(), ids=PLANS)
def test_variables_win_over_those_of_the_profile(made: Plan) -> None:
    """What the profile removes can be set, and what it sets be changed and removed; nothing else of it changes."""
    changed = with_remedies(made, CHANGES)

    environ = launcher.changed_variables({"environ": _environ(changed)})
    assert {name: environ.get(name) for name in ("A", "B", "C", "D", "HOME", "AWS_REGION")} == {
        "A": "ours",
        "B": None,
        "C": "ours",
        "D": None,
        "HOME": "/tmp",
        "AWS_REGION": "ours",
    }
    promised = changed.promises["environ"]
    assert promised["set"].items() >= {"A": "ours", "C": "ours", "HOME": "/tmp"}.items()  # type: ignore[index]
    assert set(promised["unset"]) == {"AWS_*", "B", "D"}  # type: ignore[index]
    assert changed._replace(script=made.script, promises=made.promises) == made
    assert _environ(made) != _environ(changed), "the plan itself is as before"


def test_a_cell_stays_activated() -> None:
    """Its PATH and VIRTUAL_ENV are still set."""
    environ = _environ(with_remedies(PLANS["a cell"], CHANGES))
    assert environ["set"]["VIRTUAL_ENV"] == "/cells/1"  # type: ignore[index]


def test_the_variable_of_a_seed_is_its_folder() -> None:
    """Together with what the remedy sets besides."""
    remedy = Remedy(seed=Seed("HF_HOME"), set={"HF_HUB_OFFLINE": "1"})
    environ = _environ(with_remedies(plan(**VALUES), [remedy], {"HF_HOME": "/var/tmp/x"}))
    assert environ["set"].items() >= {"HF_HOME": "/var/tmp/x", "HF_HUB_OFFLINE": "1"}.items()  # type: ignore[attr-defined,index]


def test_no_remedy_is_the_same_plan() -> None:
    """Nothing is made anew."""
    made = plan(**VALUES)
    assert with_remedies(made, []) is made
    assert with_remedies(made, [Remedy(says="advice")]) is made


def test_an_interpreter_on_the_host_gets_and_loses_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it starts, whatever is in the values; a plan without any needs no words before it."""
    monkeypatch.setenv("GONE", "1")
    changed = with_remedies(HOST, [Remedy(set={"URL": "https://x//y 'a\" $b\n"}, unset=("GONE", "NEVER"))])
    code = "import json,os;print(json.dumps([os.environ['URL'],'GONE' in os.environ]))"
    out = subprocess.run(
        [*on_host(changed), sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert json.loads(out) == ["https://x//y 'a\" $b\n", False]
    assert changed.is_host
    assert on_host(HOST) == []


def test_a_specification_on_the_host_begins_with_these_words() -> None:
    """execnet reads it as before; without variables it's left alone, and in an environment the launcher sees to it."""
    changed = with_remedies(HOST, [Remedy(set={"URL": "https://x//y"})])
    spec = execnet.XSpec(specification(changed, workers.specification(changed, "host")))
    assert shlex.split(spec.python) == [*on_host(changed), sys.executable]
    assert (spec.popen, spec.id, spec.envguard) == (True, "host", "host")

    cell = with_remedies(HOST._replace(cell=CELL), [Remedy(set={"A": "1"})])
    assert shlex.split(execnet.XSpec(specification(cell, workers.specification(cell, "x"))).python)[-1] == CELL.python
    for made in (HOST, with_remedies(plan(**VALUES), CHANGES)):
        assert specification(made, "popen//id=x") == "popen//id=x"


@pytest.mark.parametrize(
    ("remedies", "together"),
    [
        ([Remedy(set={"A": "1"}), Remedy(set={"A": "1", "B": "2"})], True),
        ([Remedy(set={"A": "1"}), Remedy(set={"A": "2"})], False),
        ([Remedy(set={"A": "1"}), Remedy(unset=("A",))], False),
        ([Remedy(set={"A": "1"}), Remedy(seed=Seed("A"))], False),
        ([Remedy(seed=Seed("A", ("x",))), Remedy(seed=Seed("A", ("y",)))], False),
        ([], True),
    ],
)
def test_remedies_that_contradict_each_other_are_not_applied_together(remedies: list[Remedy], together: bool) -> None:
    """One variable has one value."""
    assert compatible(remedies) is together
