"""A pytest plugin for `agreement`: writes down how each test ended, as one JSON line per report.

It works on both sides. In the process that runs a test it takes the exception itself apart, because the text of a report
has lost the errno and the chain of causes; the result travels as an attribute of the report. The process that the user
started writes down what arrives: it alone can write files, and only what arrives there is what a user sees.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Generator

import pytest

_LABEL = re.compile(r" @\S+$")  # envguard's mark of the environment, behind the node id


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare where the lines go."""
    parser.addoption("--truth-reports", metavar="FILE", help="write one JSON line per report to FILE")


def pytest_configure(config: pytest.Config) -> None:
    """Write, unless this process is inside of an environment, from where the file can't be reached."""
    place = config.getoption("--truth-reports")
    if place and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(place))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hang the exception's facts on the report of a test."""
    report = yield
    if call.excinfo is not None:
        report.truth = facts(call.excinfo.value)  # type: ignore[attr-defined]  # reports take any attribute along
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hang the exception's facts on the report of a file that could not be imported."""
    report = yield
    call = getattr(report, "call", None)
    if call is not None and call.excinfo is not None:
        report.truth = facts(call.excinfo.value)  # type: ignore[attr-defined]
    return report


class Writer:
    """Appends a line for everything that arrives, at once: a run that is stopped leaves what it had.

    Attributes:
        place: The file.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a test has begun: if nothing else is heard of it, it hangs."""
        self._write(nodeid, {"when": "start", "outcome": ""})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down a phase of a test."""
        self._report(report, report.when or "call")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write down a file that could not be imported."""
        if report.failed:
            self._report(report, "collect")

    def _report(self, report: pytest.TestReport | pytest.CollectReport, when: str) -> None:
        found = {"facts": getattr(report, "truth", {}), "text": report.longreprtext}
        self._write(report.nodeid, {"when": when, "outcome": report.outcome, **found})

    def _write(self, nodeid: str, line: dict[str, object]) -> None:
        with open(self.place, "a", encoding="utf-8") as file:
            file.write(json.dumps({"nodeid": _LABEL.sub("", nodeid), **line}) + "\n")


def facts(error: BaseException) -> dict[str, str]:
    """Return what the tokens of the ground truth are made of: class, errno (or exit status), path.

    An exception that has none of its own speaks through the first of its causes that has the kernel's answer.
    """
    kernel = None if _number(error) else _first_answer(error)
    return {
        "error": _name(error) + (f"<-{_name(kernel)}" if kernel else ""),
        "errno": _number(kernel or error),
        "path": _path(kernel or error),
        "text": str(error),
    }


def _first_answer(error: BaseException) -> BaseException | None:
    cause = _cause(error)
    while cause is not None and not _number(cause).startswith("E"):
        cause = _cause(cause)
    return cause


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _number(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and isinstance(number, int):
        return errno.errorcode.get(number, f"errno{number}")
    status = getattr(error, "returncode", None)
    return f"rc{status}" if isinstance(status, int) else ""


def _path(error: BaseException) -> str:
    path = getattr(error, "filename", None)
    return os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
