"""A plan of two mechanisms, which a fork can't join."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.item.runner import ForkedAttempt
from pytest_envguard.linux import abilities as facility
from tests.unit.surroundings import abilities, plan, profile


def test_a_fork_does_not_join_what_is_answered_inside_of_namespaces() -> None:
    """Nobody in there would answer: the test is an error that names the way out, not one in half an environment."""
    mixed = plan(abilities(facility.NETWORK, answers=True), root="read-only", network="none")
    item: Any = SimpleNamespace(config=None)
    request: Any = None
    with pytest.raises(EnvguardError, match="which no fork can join") as caught:
        ForkedAttempt(item, request, profile(), mixed)._run(crash_log=-1)
    assert "`fresh=True`" in caught.value.hint
