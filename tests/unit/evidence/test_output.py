"""What was printed before something failed."""

from __future__ import annotations

import subprocess

from pytest_envguard.evidence.output import output_of

from .failing import caught


def test_the_end_of_the_output_is_kept() -> None:
    """Of what was captured, and of what a program that failed had printed; not of other sections."""
    sections = [("Captured stdout call", "out"), ("Captured log call", "log"), ("Other", "no")]
    assert output_of([], sections) == "out\nlog"
    failed = caught(lambda: subprocess.run(["sh", "-c", "echo why >&2; exit 3"], check=True, capture_output=True))
    assert output_of([failed], sections) == "why\n\nout\nlog"
    assert output_of([], [("Captured stdout call", "a" * 9000 + "b")]) == "a" * 3999 + "b"
