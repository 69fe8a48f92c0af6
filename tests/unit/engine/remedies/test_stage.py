"""Which folders of an environment are the machine's own."""

from __future__ import annotations

import pytest

from pytest_envguard.engine.remedies.stage import is_shared
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.dimensions import Value
from pytest_envguard.model.plan import Plan
from pytest_envguard.planning import make_plan
from tests.unit.surroundings import abilities, plan, profile, surroundings

PRIVATE: dict[str, Value] = {"tmp": "private", "shm": "private", "writable": ("/var/tmp",)}
ANSWERED = make_plan(profile(**PRIVATE), abilities(*facility.NAMES, answers=True), surroundings())


@pytest.mark.parametrize("top", ["/tmp", "/dev/shm", "/var/tmp"])
def test_a_folder_is_shared_unless_namespaces_make_one(top: str) -> None:
    """On the host, where the profile leaves it alone, and where system calls are answered."""
    assert not is_shared(plan(**PRIVATE), top)
    assert is_shared(plan(root="read-only"), top)
    assert is_shared(ANSWERED, top)
    assert is_shared(Plan("host", ""), top)
