"""The fixture's value, where there is no environment."""

from __future__ import annotations

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.origin import VARIABLE
from pytest_envguard.origins.client import connected


@pytest.mark.parametrize("hosts", [None, "", "a.org"])
def test_without_a_server(monkeypatch: pytest.MonkeyPatch, hosts: str | None) -> None:
    """One sentence, also where the variable was inherited from an environment that is not around any more."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if hosts is not None:
        monkeypatch.setenv(VARIABLE, hosts)
    with pytest.raises(EnvguardError, match="needs an environment with `origins`"), connected():
        pass
