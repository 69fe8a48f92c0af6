"""What is planned for an audit hook."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.planning import hooked as hooked_planning
from pytest_envguard.planning.hooked import plan_by_hook
from pytest_envguard.profiles import load_catalogue
from tests.unit.surroundings import enforced, profile

CATALOGUE = load_catalogue(None, (3, 12))


# They give a folder of its own and variables, and forbid nothing that an audit hook would have to enforce.
UNRESTRICTING = ("cloudrun",)


def hooked(**values: object) -> Plan:
    """Return the plan for a project in /home/me, on a machine whose temporary files lie in /var/folders/T."""
    return plan_by_hook(profile(**values), "/home/me/project", "/var/folders/T", (3, 12), "this is darwin, not Linux")


def rules(made: Plan) -> dict[str, Any]:
    """Return what the hook is told."""
    hook: Any = made.script["hook"]
    found: dict[str, Any] = hook["rules"]
    return found


def test_what_python_can_be_refused() -> None:
    """A read-only root and a cut network hold for Python code only, and say why nothing stronger does."""
    made = hooked(root="read-only", network="none", tmp="private", tmp_exec=False)
    found = enforced(made)
    assert (found["root"].strength, found["network"].strength) == (Strength.PYTHON, Strength.PYTHON)
    assert found["root"].reason == "this is darwin, not Linux"
    assert found["tmp"].strength is Strength.APPROXIMATE
    assert ["/", True, False, None] in rules(made)["mounts"]
    assert ["/tmp", False, True, None] in rules(made)["mounts"]
    assert ["/var/folders/T", False, True, None] in rules(made)["mounts"]
    assert rules(made)["network"] == "none"


def test_what_it_can_not_change_is_said() -> None:
    """Identity, limits and the host name are not enforced; nobody who accepts less than the kernel is told otherwise."""
    made = hooked(uid=993, open_files=1024, hostname="box", memory="1G")
    assert {item.strength for item in made.enforcements} == {Strength.NONE}
    assert {item.dimension for item in made.enforcements} == {"uid", "open_files", "hostname", "memory"}
    assert made.weaker_than(Strength.EXACT) == list(made.enforcements)
    assert made.weaker_than(Strength.PYTHON) == []


def test_variables_are_the_processs_own() -> None:
    """HOME, the time zone and variables are set and removed as under every mechanism."""
    made = hooked(home="unset", timezone="UTC", env={"A": "1"}, env_unset=["B", "C_*"])
    hook: Any = made.script["hook"]
    assert hook["environ"]["set"] == {"A": "1", "TZ": "UTC", "PYTEST_ENVGUARD": "mine"}
    assert hook["environ"]["unset"] == ["B", "C_*", "HOME"]
    assert {enforced(made)[name].strength for name in ("home", "timezone", "env")} == {Strength.KERNEL}


def test_parts_of_other_dimensions_are_dimensions() -> None:
    """What is told with another dimension, and so not on its own, is spelt as it is everywhere."""
    assert DIMENSIONS.keys() >= hooked_planning._PART_OF_OTHERS


@pytest.mark.parametrize("name", [name for name in CATALOGUE.names() if name != "host"])
def test_every_shipped_environment_has_a_plan(name: str) -> None:
    """Each is accepted to the fidelity `python`, and mentions every dimension that it changes."""
    chosen = CATALOGUE.one(name)
    made = plan_by_hook(chosen, "/home/me/project", "/tmp", (3, 12), "it was asked for")
    assert made.weaker_than(Strength.PYTHON) == []
    assert bool(made.weaker_than(Strength.EXACT)) is (name not in UNRESTRICTING)
    parts = {"tmp_exec", "tmp_mode", "tmp_size", "tmp_in_memory", "shm_size", "shm_exec", "user_home", "env_unset"}
    changed = {key for key, value in chosen.values.items() if value not in ("host", "open", "project")}
    assert changed - parts - {"open_files_hard", "runtime"} <= enforced(made).keys()
