"""What comes out of a test, made fit for the way back from its process: reports, warnings, counts of subtests."""

from __future__ import annotations

import pickle
import warnings
from contextlib import suppress
from typing import Any

import pytest

from pytest_envguard.item.channel import Channel


def send_report(report: pytest.TestReport, channel: Channel) -> None:
    """Send a report as it is; if a value in it can't be sent, that is named, and the test fails for it."""
    try:
        channel.send("report", report)
    except Exception:  # noqa: BLE001  # a class's own __reduce__ may raise anything
        lost = _unsendable(report)
        reasons = [unable_to_return(f"the report's `{name}`", error) for name, error in lost.items()]
        # A test that's reported without what it has recorded would be believed.
        text = "\n\n".join([*([report.longreprtext] if report.failed else []), *reasons])
        for name in lost:
            value = getattr(report, name)
            setattr(report, name, type(value)() if isinstance(value, list | tuple | dict) else None)
        report.longrepr, report.outcome = text, "failed"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        channel.send("report", report)


def _unsendable(report: pytest.TestReport) -> dict[str, Exception]:
    """Return the attributes that can't be pickled, and why."""
    found = {}
    for name, value in vars(report).items():
        try:
            pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001  # see above
            found[name] = error
    return found


def unable_to_return(what: str, error: object) -> str:
    """Return a sentence about a value that stays behind, with what to do."""
    return (
        f"a value in {what} cannot come back from the test's own process: {error}\n"
        "hint: record text and numbers, or run the test without an environment of its own"
    )


def send_warning(message: warnings.WarningMessage, channel: Channel) -> None:
    """Send a warning; one whose own class can't be sent comes back as a `UserWarning` that names it."""
    place = (message.filename, message.lineno, message.line)
    try:
        channel.send("warning", (message.message, message.category, *place))
    except Exception:  # noqa: BLE001  # see above
        text = f"{message.category.__name__}: {message.message}"
        channel.send("warning", (UserWarning(text), UserWarning, *place))


def receive_warning(told: tuple[Any, type[Warning], str, int, str | None]) -> None:
    """Hand a warning to whoever records warnings here: pytest does, around every test."""
    message, category, filename, lineno, line = told
    warnings.showwarning(message, category, filename, lineno, line=line)


def failed_subtests(config: pytest.Config, report: pytest.TestReport) -> int:
    """Return how many subtests pytest has counted as failed, of the test whose call is reported."""
    with suppress(ImportError):  # pytest 9.0 and later
        from _pytest.subtests import failed_subtests_key

        counts: Any = config.stash.get(failed_subtests_key, None)
        if counts is not None and type(report) is pytest.TestReport and report.when == "call":
            return int(counts[getattr(report, "id", report.nodeid)])
    return 0


def set_failed_subtests(item: Any, count: int) -> None:
    """Let pytest know, where it judges the test as a whole, what `failed_subtests` returned in its process."""
    from _pytest.subtests import failed_subtests_key

    item.config.stash[failed_subtests_key][getattr(item, "id", item.nodeid)] = count
