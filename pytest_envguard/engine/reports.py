"""The run's reports: files that the user asked for, and what GitHub Actions shows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    here = config.invocation_params.dir
    return {name: Path(here, os.path.expanduser(name)) for name in options.values(config, options.REPORT)}  # noqa: PTH111


class Written(NamedTuple):
    """What became of the reports.

    Attributes:
        told: Lines for the terminal.
        lost: What could not be written, likewise. A former file may still be there, so this fails the run.
        interrupted: Whether the user wanted the end while they were written.
    """

    told: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    interrupted: bool = False

    def status(self, before: int) -> int:
        """Return pytest's exit code, which was ``before`` without reports."""
        if self.interrupted:
            return pytest.ExitCode.INTERRUPTED
        failed = self.lost and before in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        return pytest.ExitCode.TESTS_FAILED if failed else before


def write(config: pytest.Config, summary: Summary) -> Written:
    """Write what was asked for.

    A report that can't be written any more (a full disk) costs itself, and says so; the others are written.
    """
    told: list[str] = []
    lost: list[str] = []
    paths = _paths(config)
    try:
        for given, path in list(paths.items()):
            try:
                files.replace(path, files.text(summary, path.suffix))
            except OSError as error:
                lost.append(f"{given} could not be written: {error.strerror}")
            else:
                told += [f"report written to {path}"] if config.get_verbosity() > -2 else []
            del paths[given]
        told += _for_github(summary, os.environ, config.rootpath)
    except KeyboardInterrupt:
        lost += [f"{given} was not written: interrupted" for given in paths]
        return Written(tuple(told), tuple(lost), interrupted=True)
    return Written(tuple(told), tuple(lost))


def _for_github(summary: Summary, environ: Mapping[str, str], root: Path) -> Sequence[str]:
    """In GitHub Actions: append to the job's summary; returns annotations, which the runner reads from the output."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return []
    from pytest_envguard.report.markdown.annotations import annotation_lines
    from pytest_envguard.report.markdown.fitting import LIMIT
    from pytest_envguard.report.markdown.github import job_summary

    told: list[str] = []
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        try:
            taken = Path(path).stat().st_size if Path(path).exists() else 0
            text = job_summary(summary, LIMIT - taken - 2)
            with Path(path).open("a", encoding="utf-8") as file:
                # What stands there may have no end of its last line, or be HTML, which only an empty line ends.
                file.write(f"\n\n{text}" if taken and text else text)
        except OSError as error:
            told.append(f"the job's summary could not be written: {path}: {error.strerror}")
    return [*told, *annotation_lines(summary, _folder(root, environ.get("GITHUB_WORKSPACE", "")))]


def _folder(root: Path, repository: str) -> str:
    """Return where pytest's root is in the repository, as annotations name files; "" where it isn't in it."""
    root, around = root.resolve(), Path(repository).resolve()
    return root.relative_to(around).as_posix() if repository and root.is_relative_to(around) else ""
