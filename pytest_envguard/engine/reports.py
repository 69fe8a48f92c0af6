"""The run's reports: files that the user asked for, and what GitHub Actions shows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_envguard import options
from pytest_envguard.report import files

if TYPE_CHECKING:
    from pytest_envguard.report.summary import Summary


def check(config: pytest.Config) -> None:
    """Look before the first test whether the reports can be written.

    Raises:
        EnvguardError: Another kind of file, one that can't be written, or the same file twice.
    """
    files.check(options.REPORT.flag, _paths(config))


def _paths(config: pytest.Config) -> dict[str, Path]:
    """Return what was given and the file that is meant, each once."""
    return {name: Path(config.invocation_params.dir, name) for name in options.values(config, options.REPORT)}


def write(config: pytest.Config, summary: Summary) -> list[str]:
    """Write what was asked for; returns lines for the terminal.

    A report that can't be written any more (a full disk) costs itself, and says so; the run goes on.
    """
    told = []
    for given, path in _paths(config).items():
        try:
            files.replace(path, files.text(summary, path.suffix))
        except OSError as error:
            told.append(f"{given} could not be written: {error.strerror}")
        else:
            if config.get_verbosity() > -2:
                told.append(f"report written to {path}")
    return [*told, *_for_github(summary, os.environ, config.rootpath)]


def _for_github(summary: Summary, environ: Mapping[str, str], root: Path) -> Sequence[str]:
    """In GitHub Actions: append to the job's summary; returns annotations, which the runner reads from the output."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return []
    from pytest_envguard.report import github
    from pytest_envguard.report.annotations import annotation_lines

    told: list[str] = []
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        try:
            taken = Path(path).stat().st_size if Path(path).exists() else 0
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(github.job_summary(summary, github.LIMIT - taken))
        except OSError as error:
            told.append(f"the job's summary could not be written: {path}: {error.strerror}")
    return [*told, *annotation_lines(summary, _folder(root, environ.get("GITHUB_WORKSPACE", "")))]


def _folder(root: Path, repository: str) -> str:
    """Return where pytest's root is in the repository, as annotations name files; "" where it isn't in it."""
    root, around = root.resolve(), Path(repository).resolve()
    return root.relative_to(around).as_posix() if repository and root.is_relative_to(around) else ""
