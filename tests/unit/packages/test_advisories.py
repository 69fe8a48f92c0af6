"""What follows from advisories."""

from __future__ import annotations

import datetime

import pytest

from pytest_envguard.model.finding import Audited, NotAudited, Vulnerability
from pytest_envguard.packages.advisories import (
    Elsewhere,
    Ignore,
    Service,
    decide,
    expired,
    fixed_elsewhere,
    ignoring,
    service_of,
)

TODAY = datetime.date(2026, 7, 1)
DAY = datetime.timedelta(days=1)
FIXED = Vulnerability("idna", "3.6", "PYSEC-2024-60", ("CVE-2024-3651",), ("3.7",))
UNFIXED = Vulnerability("six", "1.15.0", "PYSEC-2020-1")
OFFLINE = NotAudited("PyPI could not be reached: no route")


def audited(*found: Vulnerability, unknown: tuple[str, ...] = (), **checked: str) -> Audited:
    """Return an answer about ``checked`` and the packages of what was found."""
    versions = {**{one.package: one.version for one in found}, **checked}
    return Audited("PyPI", found, versions, dict.fromkeys(unknown, "not found"))


# -- ignoring ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PYSEC-2024-60", "CVE-2024-3651", "cve-2024-3651"])
def test_an_entry_names_an_advisory_by_any_of_its_names(name: str) -> None:
    found = ignoring(audited(FIXED, UNFIXED), [Ignore(name, None, "not reached")], TODAY)
    assert found.vulnerabilities == (UNFIXED,)
    assert [(one.vulnerability, one.reason, one.until) for one in found.ignored] == [(FIXED, "not reached", "")]


@pytest.mark.parametrize(("until", "ignored"), [(TODAY - DAY, False), (TODAY, True), (TODAY + DAY, True)])
def test_an_entry_ignores_until_its_last_day_is_over(until: datetime.date, ignored: bool) -> None:
    """From then on it is itself a warning."""
    ignore = Ignore("PYSEC-2024-60", until, "not reached")
    found = ignoring(audited(FIXED), [ignore], TODAY)
    assert (len(found.ignored), len(found.vulnerabilities)) == ((1, 0) if ignored else (0, 1))
    said = expired([ignore, Ignore("x", None, "y")], TODAY)
    assert said == (() if ignored else ("PYSEC-2024-60 is no longer ignored since 2026-06-30: not reached",))


def test_an_entry_that_holds_counts_beside_one_that_is_over() -> None:
    ignores = [Ignore("PYSEC-2024-60", TODAY - DAY, "old"), Ignore("CVE-2024-3651", TODAY, "new")]
    assert [one.reason for one in ignoring(audited(FIXED), ignores, TODAY).ignored] == ["new"]


# -- across cells ------------------------------------------------------------------------------------------------------


def test_a_cell_with_another_version_and_without_the_advisory_has_the_fix() -> None:
    audits = {"old": audited(FIXED), "new": audited(idna="3.7"), "newer": audited(idna="3.10")}
    assert fixed_elsewhere(audits)["old"] == {FIXED: (Elsewhere("new", "3.7"), Elsewhere("newer", "3.10"))}
    assert str(fixed_elsewhere(audits)["old"][FIXED][0]) == "3.7 in new"


@pytest.mark.parametrize(
    "other",
    [
        OFFLINE,
        audited(six="1.16.0"),
        audited(unknown=("idna",)),
        audited(FIXED),
        audited(FIXED._replace(version="3.5")),
        audited(FIXED._replace(version="3.5", id="GHSA-x", aliases=("CVE-2024-3651",))),
        ignoring(audited(FIXED._replace(version="3.5")), [Ignore("PYSEC-2024-60", None, "x")], TODAY),
    ],
    ids=["not audited", "not installed", "unknown", "same version", "has it too", "by another name", "has it, ignored"],
)
def test_a_cell_that_does_not_have_the_fix(other: Audited | NotAudited) -> None:
    assert fixed_elsewhere({"old": audited(FIXED), "other": other})["old"] == {FIXED: ()}


def test_what_is_ignored_may_be_fixed_elsewhere() -> None:
    old = ignoring(audited(FIXED), [Ignore("PYSEC-2024-60", None, "x")], TODAY)
    assert fixed_elsewhere({"old": old, "new": audited(idna="3.7")})["old"] == {FIXED: (Elsewhere("new", "3.7"),)}


# -- whether the run fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "never", "fixable", "any_"),
    [
        (audited(idna="3.7"), False, False, False),
        (audited(FIXED), False, True, True),
        (audited(UNFIXED), False, False, True),
        (OFFLINE, False, False, True),
        (audited(unknown=("mine",), idna="3.7"), False, False, False),
        (ignoring(audited(FIXED), [Ignore("PYSEC-2024-60", None, "x")], TODAY), False, False, False),
        (ignoring(audited(FIXED), [Ignore("PYSEC-2024-60", TODAY - DAY, "x")], TODAY), False, True, True),
    ],
    ids=["clean", "fixable", "unfixed", "not audited", "one unknown", "ignored", "no longer ignored"],
)
def test_whether_the_run_fails(answer: Audited | NotAudited, never: bool, fixable: bool, any_: bool) -> None:
    """A cell that could not be audited can't be called clean: with "any" it fails."""
    assert [decide({"c": answer}, fail).fails for fail in ("never", "fixable", "any")] == [never, fixable, any_]


@pytest.mark.parametrize("fail", ["never", "fixable", "any"])
def test_everything_is_told_once_with_its_cells(fail: str) -> None:
    """As a reason or as a warning."""
    audits = {"a": audited(FIXED, unknown=("mine",)), "b": audited(FIXED, UNFIXED, unknown=("mine",)), "c": OFFLINE}
    found = decide(audits, fail)
    assert sorted((*found.reasons, *found.warnings)) == [
        f"{FIXED} (in 2 cells: a, b)",
        "mine is not known to the service and was not audited (in 2 cells: a, b)",
        "not audited: PyPI could not be reached: no route (in c)",
        f"{UNFIXED} (in b)",
    ]
    assert len(found.reasons) == {"never": 0, "fixable": 1, "any": 3}[fail]


# -- the service -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "url", "asked", "said"),
    [
        ("pypi", "", "", "PyPI"),
        ("osv", "", "", "OSV"),
        ("osv", "http://h:8077", "http://h:8077/v1/query", "OSV at http://h:8077/v1/query"),
        ("osv", "http://h/", "http://h/v1/query", "OSV at http://h/v1/query"),
        ("osv", "https://h/osv/q", "https://h/osv/q", "OSV at https://h/osv/q"),
        ("osv", "https://me:secret@h/q", "https://me:secret@h/q", "OSV at https://h/q"),
    ],
)
def test_a_service(name: str, url: str, asked: str, said: str) -> None:
    """A host alone gets OSV's own path; a password isn't shown."""
    found = service_of(name, url)
    assert found == Service(name, asked) and str(found) == said
