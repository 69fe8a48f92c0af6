"""What becomes of reports that can't be written any more, and of the run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_envguard.engine.reports import Written, write
from pytest_envguard.report import files
from pytest_envguard.report.summary import summarise

NOTHING = summarise([], [], {})


def asked(folder: Path, *names: str, verbosity: int = 0) -> Any:
    """Return pytest's configuration, as far as it's looked at."""
    return SimpleNamespace(
        invocation_params=SimpleNamespace(dir=folder),
        rootpath=folder,
        getoption=lambda _name: list(names),
        get_verbosity=lambda: verbosity,
    )


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def test_a_report_that_is_lost_fails_the_run_and_costs_no_other(tmp_path: Path) -> None:
    """A former one may be in its place, and whoever reads it would take it for this run's."""
    written = write(asked(tmp_path, "gone/a.json", "b.json"), NOTHING)
    assert written.lost == ("gone/a.json could not be written: No such file or directory",)
    assert written.told == (f"report written to {tmp_path}/b.json",) and (tmp_path / "b.json").exists()
    assert [written.status(before) for before in (0, 1, 2, 5)] == [1, 1, 2, 1]
    assert [Written().status(before) for before in (0, 1, 5)] == [0, 1, 5]


def test_ctrl_c_ends_the_writing_and_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback; what is there already is told."""

    def text(_summary: object, kind: str) -> str:
        if kind == ".md":
            raise KeyboardInterrupt
        return "text"

    monkeypatch.setattr(files, "text", text)
    written = write(asked(tmp_path, "a.json", "b.md", "c.json"), NOTHING)
    assert written.lost == ("b.md was not written: interrupted", "c.json was not written: interrupted")
    assert written.told == (f"report written to {tmp_path}/a.json",)
    assert [written.status(before) for before in (0, 1)] == [2, 2]


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells leave it in `--envguard-report=~/a.json`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert write(asked(Path("/"), "~/a.json", verbosity=-2), NOTHING) == Written()
    assert (tmp_path / "a.json").exists()
