"""What ends a run before its first test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_envguard import options
from pytest_envguard.engine import start


def _interrupted(_config: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("given", "said"), [(["a.json"], ", no report was written\n"), ([], "\n")])
def test_ctrl_c_while_environments_are_built_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    """pytest's own answer to it begins later."""
    config: Any = SimpleNamespace()
    monkeypatch.setattr(start, "_distribution", _interrupted)
    monkeypatch.setattr(options, "values", lambda *_: given)
    assert start.start(config, "host", (), None) == pytest.ExitCode.INTERRUPTED
    assert capsys.readouterr().err == f"envguard: interrupted while the environments were prepared{said}"
