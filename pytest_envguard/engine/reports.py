"""The run's reports: files that the user asked for, and what GitHub Actions shows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_envguard import options
from pytest_envguard.errors import EnvguardError
from pytest_envguard.report.summary import Summary

_KINDS = (".json",)


def check(config: pytest.Config) -> None:
    """Look before the first test whether the reports can be written.

    Raises:
        EnvguardError: Another kind of file, or a folder that isn't there.
    """
    for path in _paths(config):
        if path.suffix not in _KINDS:
            raise EnvguardError(
                f"`{options.REPORT.flag}={path}`: expected a file whose name ends in {' or '.join(_KINDS)}",
                f"for example `{options.REPORT.flag}=envguard.json`",
            )
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else f"the folder {path.parent} does not exist"
            raise EnvguardError(f"`{options.REPORT.flag}={path}`: {what}", "name a file in a folder that exists")


def _paths(config: pytest.Config) -> list[Path]:
    return [Path(config.invocation_params.dir, name) for name in options.values(config, options.REPORT)]


def write(config: pytest.Config, summary: Summary) -> list[str]:
    """Write what was asked for; returns lines for the terminal.

    A report that can't be written any more (a full disk) costs itself, and says so; the run goes on.
    """
    told = []
    for path in _paths(config):
        from pytest_envguard.report.document import dumps

        try:
            path.write_text(dumps(summary), encoding="utf-8")
        except OSError as error:
            told.append(f"{path} could not be written: {error.strerror}")
        else:
            told.append(f"report written to {path}")
    return told + _for_github(summary, os.environ)


def _for_github(summary: Summary, environ: Mapping[str, str]) -> list[str]:
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
    return told + annotation_lines(summary)
