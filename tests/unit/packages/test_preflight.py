"""What can be known before the suite runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard.model.finding import CONFLICT, MISSING, PYTHON, TOO_OLD, UNREADABLE, Finding
from pytest_envguard.packages.installed import Distribution, installed
from pytest_envguard.packages.preflight import contradictions

PY = "3.11.7"


@pytest.mark.parametrize(
    ("requirement", "version", "kind"),
    [
        ("b>=1.0", "1.0", ""),
        ("b>=1.0", "0.9", TOO_OLD),
        ("b>=1.0,<2", "0.9", TOO_OLD),
        ("b~=1.4", "1.3", TOO_OLD),
        ("b>1.0", "1.0", TOO_OLD),
        ("b>=1.0,<2", "2.0", CONFLICT),
        ("b==1.0", "0.9", CONFLICT),
        ("b>=1,!=1.5", "1.5", CONFLICT),
        ("b>=1.0", "2.0rc1", ""),
        ("b>=2.0", "2.0rc1", TOO_OLD),
        ("b @ https://example.org/b.zip", "0.1", ""),
        ("b===1.0", "1.0+cpu", CONFLICT),
        ("b==1.0", "1.0+cpu", ""),
    ],
)
def test_a_version_that_is_required(requirement: str, version: str, kind: str) -> None:
    """Below what is required is too old; any other contradiction is a conflict."""
    found = contradictions([Distribution("a", "3", (requirement,)), Distribution("b", version)], PY)
    assert [one.kind for one in found] == ([kind] if kind else [])


def test_what_it_says() -> None:
    """Who needs what, as it was written, and what is there."""
    found = contradictions(
        [Distribution("litellm", "1.53.9", ("tokenizers>=0.13", "six<1,>=0.5")), Distribution("six", "1.16")], PY
    )
    assert found == (
        Finding(MISSING, "tokenizers", "litellm 1.53.9 needs tokenizers>=0.13, not installed", "litellm"),
        Finding(CONFLICT, "six", "litellm 1.53.9 needs six<1,>=0.5, installed is 1.16", "litellm"),
    )


def test_names_are_compared_normalised() -> None:
    assert contradictions([Distribution("a", "1", ("Some.Thing",)), Distribution("some-thing", "1")], PY) == ()


def test_what_the_user_asked_for() -> None:
    """A pin that isn't there, and one that is another version."""
    found = contradictions([Distribution("a", "1")], PY, ("a==2", "b"))
    assert [(one.kind, one.text) for one in found] == [
        (CONFLICT, "asked for: a==2, installed is 1"),
        (MISSING, "asked for: b, not installed"),
    ]


def test_an_interpreter_that_is_too_old() -> None:
    found = contradictions(
        [Distribution("a", "1", requires_python=">=3.12"), Distribution("b", "1", requires_python="<4")], PY
    )
    assert found == (Finding(PYTHON, "a", "a 1 needs Python >=3.12, this is 3.11.7"),)


def test_an_interpreters_limit_that_cannot_be_read_is_none() -> None:
    """As for pip and uv."""
    assert contradictions([Distribution("a", "1", requires_python=">=2.7.*")], PY) == ()


def test_metadata_that_cannot_be_judged_is_no_certain_finding() -> None:
    """It's said, and doesn't count as something wrong."""
    found = contradictions([Distribution("a", "1", ("b>>1", "c>=1")), Distribution("c", "2004d")], PY)
    assert [(one.kind, one.certain) for one in found] == [(UNREADABLE, False)] * 2
    assert [one.text for one in found] == [
        "a 1 needs 'b>>1', which is no requirement that can be read",
        "a 1 needs c>=1, and the installed version '2004d' can't be compared",
    ]


def test_a_real_environment_is_judged_as_uv_judges_it(site_packages: str, uv: str) -> None:
    """`uv pip check` finds the same packages."""
    found = contradictions(installed([site_packages]), ".".join(map(str, sys.version_info[:3])))
    assert {(one.kind, one.package, one.by) for one in found} == {
        (MISSING, "charset-normalizer", "requests"),
        (MISSING, "idna", "requests"),
        (MISSING, "certifi", "requests"),
        (TOO_OLD, "urllib3", "requests"),
    }
    python = Path(site_packages).parents[2] / "bin/python"
    check = subprocess.run([uv, "pip", "check", "--python", str(python)], capture_output=True, text=True)
    assert f"Found {len(found)} incompatibilities" in check.stderr
    assert all(one.package in check.stderr for one in found)
