"""The pool of environments for single tests, as the program that it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_envguard import launcher
from pytest_envguard.errors import EnvguardError
from pytest_envguard.item.environments import Environments
from pytest_envguard.model.plan import Plan
from pytest_envguard.prepare import plans_for
from pytest_envguard.profiles import load_catalogue

CATALOGUE = load_catalogue(None, sys.version_info[:2])


def planned(selection: str) -> Plan:
    """Return the plan of an environment on this machine."""
    (plan,) = plans_for([CATALOGUE.one(selection)], str(Path.cwd()), {})
    return plan


@pytest.fixture
def environments() -> Iterator[Environments]:
    """A pool, ended after the test."""
    made = Environments()
    yield made
    made.close()


def test_an_environment_that_was_made_in_vain_and_could_not_be_made_does_no_harm(environments: Environments) -> None:
    """Environments are ordered ahead; one whose making fails is dropped like any other when its kind isn't asked for."""
    works = planned("host:root=read-only:tmp=private")
    fails = works._replace(
        script={**works.script, "steps": [("private", {}), ("change", {"path": "/no/such/folder", "readonly": True})]}
    )
    with pytest.raises(EnvguardError, match="could not be entered: change"):
        environments.take(fails)
    environments._order_ahead(launcher.encode(fails.script))
    for name in ("host:tmp=private", "host:shm=absent"):
        environments.take(planned(name))
    init = environments.take(works)
    assert init is not None
    os.kill(init, 0)
