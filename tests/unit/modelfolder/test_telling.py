"""A report as text and as JSON."""

from __future__ import annotations

import json

import pytest

from pytest_envguard.model.modelfolder import ERROR, NOTE, Contents, FolderFinding
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.modelfolder import ModelFolderFailed, Report
from pytest_envguard.modelfolder.loading import Loading
from pytest_envguard.modelfolder.measured import Measured, Trip
from pytest_envguard.modelfolder.semantic import Change
from pytest_envguard.modelfolder.telling import document, text

BAD = FolderFinding("broken", ERROR, "a\x1b[31m.json", "it is\x07 broken", "it matters", "mend it")
NOTED = FolderFinding("noted", NOTE, "", "something")


def report(*findings: FolderFinding) -> Report:
    refusal = Refusal("open", "/x\x1b", "EROFS", "lib", "lib.py:1")
    measured = Measured(done=True, trips=(Trip("English", 3, decoded="x"), Trip("Thai", failed="no")))
    loading = Loading("lambda", seconds=1.5, peak_memory=3 << 20, refusals=(refusal,), measured=measured)
    return Report("m\n", "lambda", Contents("/m", 2, 3000), loading, (Change("English", "exact"),), findings)


def test_the_text_says_all_and_controls_nothing() -> None:
    """Names from the folder are escaped."""
    shown = text(report(BAD, NOTED))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert shown.splitlines()[0] == "m\\n in lambda"
    assert "all together 1.50 s, peak memory 3 MiB" in shown
    assert "refused: open /x\\x1b: EROFS (lib, lib.py:1)" in shown
    assert "2 were encoded and decoded: came back 1 as they were" in shown
    assert "error    a\\x1b[31m.json: it is\\x07 broken [broken]\n  why    it matters\n  do     mend it" in shown
    assert shown.endswith("1 error, 1 note")


def test_colours_are_only_there_when_asked_for() -> None:
    """Around the severity alone."""
    assert "\x1b[31merror    \x1b[0m" in text(report(BAD), colour=True)


def test_without_findings_it_says_so() -> None:
    """In one line at the end."""
    assert text(report()).endswith("nothing was found")


def test_the_document_is_json() -> None:
    """With findings, figures and each text."""
    found = json.loads(document(report(BAD)))
    assert found["good"] is False
    assert found["findings"][0]["kind"] == "broken"
    assert found["loading"]["peak_memory"] == 3 << 20
    assert found["files"]["size"] == 3000
    assert [(one["name"], one.get("kind"), one["failed"]) for one in found["texts"]] == [
        ("English", "exact", ""),
        ("Thai", None, "no"),
    ]


def test_check_fails_with_the_text_unless_the_kind_is_allowed() -> None:
    """Notes don't fail."""
    with pytest.raises(ModelFolderFailed, match=r"\[broken\]"):
        report(BAD).check()
    assert report(BAD).check(allowed=("broken",)).findings == (BAD,)
    assert report(NOTED).check().good
    assert repr(report(BAD)) == "<ModelFolder 'm\\n' in lambda: broken>"
