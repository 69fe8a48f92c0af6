"""All that a failure leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard import evidence
from pytest_envguard.evidence import evidence_of
from pytest_envguard.model.evidence import Evidence

from .failing import Load, caught


class Report:
    """What pytest's reports have."""

    failed = True
    sections = (("Captured stdout call", "out"),)


class Call:
    """What pytest's `CallInfo` has."""

    def __init__(self, error: BaseException) -> None:
        self.excinfo = pytest.ExceptionInfo.from_exception(error)


def test_a_report_carries_it() -> None:
    """As lists; of a failure that nothing was raised for there is none."""
    report, empty = Report(), Report()
    evidence.leave(report, Call(caught(lambda: os.stat("/nonexistent/x"))), "")
    found = Evidence.read(report.envguard_evidence)  # type: ignore[attr-defined]
    assert (found.raised[0].error, found.raised[0].path, found.output) == ("ENOENT", "/nonexistent/x", "out")
    evidence.leave(empty, None, "")
    assert not hasattr(empty, "envguard_evidence")


def test_an_error_on_the_way_breaks_nothing() -> None:
    """Whoever made the exception may have made anything of it."""
    report, error = Report(), caught(lambda: os.stat("/nonexistent/x"))
    report.sections = None  # type: ignore[assignment]
    evidence.leave(report, Call(error), "")
    assert not hasattr(report, "envguard_evidence")


def test_the_folders_that_are_promised_to_forbid_execution() -> None:
    """By the names that the plan has for them."""
    assert evidence.promised_noexec({"tmp": {"exec": False}, "shm": {"exec": True}}) == ("/tmp",)
    assert evidence.promised_noexec({}) == ()


def test_the_source_may_be_gone(load: Load, tmp_path: Path) -> None:
    """Then nothing is known of it, and the rest is."""
    test = load("test_it", "import json\ndef test_a():\n    json.loads('')\n")
    (tmp_path / "test_it.py").unlink()
    found = evidence_of(caught(test.test_a), (), str(tmp_path))
    assert found.mentions == ()
    assert found.raised[0].kind == "json.decoder.JSONDecodeError"


def test_no_text_tells_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value of a variable whose name looks secret is hidden wherever it stands; a folder is none."""
    monkeypatch.setenv("SERVICE_TOKEN", "s3cr3t-value")
    monkeypatch.setenv("KEYS", "/usr/lib")
    error = OSError("sent s3cr3t-value to /usr/lib")
    found = evidence_of(error, [("Captured stdout call", "again s3cr3t-value")], "")
    assert found.raised[0].message == "sent *** to /usr/lib"
    assert found.output == "again ***"
    assert "s3cr3t-value" not in json.dumps(found.sendable())


LATE = """
import resource, sys
import pytest
from pytest_envguard import evidence
evidence.begin()
room = "pytest_envguard.evidence."
early = {name.removeprefix(room) for name in sys.modules if name.startswith(room)}
print(sorted({"facts", "mentions", "variables"} & early))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
try:
    while True:
        kept.append(open("/dev/null"))
except OSError as error:
    failure = error
sections = [("Captured stdout call", "out")]
full = evidence.evidence_of(failure, sections, "")
kept.clear()
free = evidence.evidence_of(failure, sections, "")
print([one.error for one in full.raised], full.output, full.raised == free.raised, len(full.variables), len(free.variables))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of open files is the kernel's")
def test_what_only_a_failure_needs_is_imported_by_the_first_one() -> None:
    """And where no file can be opened any more, by a later one: what was raised and printed is told all the same."""
    environ = {"HOME": "/x", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.splitlines() == ["[]", "['EMFILE'] out True 0 1"]
