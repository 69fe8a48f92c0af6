"""What an audit says of itself: never that something is clean that nobody looked at."""

from __future__ import annotations

import pytest

from pytest_envguard.model.finding import Audited, Ignored, NotAudited, Vulnerability

FOUND = Vulnerability("idna", "3.6", "PYSEC-2024-60", ("CVE-2024-3651", "GHSA-x"), ("3.7", "4.0"), "Slow")
OTHER = Vulnerability("idna", "3.6", "PYSEC-2024-61")
CHECKED = {"idna": "3.6", "six": "1.16.0"}
CLEAN = "no known vulnerabilities"


def audited(*found: Vulnerability, unknown: int = 0, kept_back: int = 0, ignored: tuple[Ignored, ...] = ()) -> Audited:
    """Return what a service said about idna, six and some that it doesn't know."""
    return Audited(
        "PyPI",
        found,
        CHECKED,
        {f"u{number}": "not found" for number in range(unknown)},
        {f"k{number}": "a folder" for number in range(kept_back)},
        ignored,
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (audited(), "no known vulnerabilities in 2 packages"),
        (audited(FOUND), "1 vulnerability in 1 package"),
        (audited(FOUND, OTHER), "2 vulnerabilities in 1 package"),
        (audited(unknown=17), "audited 2 of 19 packages, nothing found in these; 17 were not known to the service"),
        (audited(kept_back=1), "audited 2 of 3 packages, nothing found in these; 1 was not sent"),
        (
            audited(FOUND, unknown=1, kept_back=2),
            "1 vulnerability in 1 package; audited 2 of 5 packages; 1 was not known to the service; 2 were not sent",
        ),
        (audited(ignored=(Ignored(FOUND, "x"),)), "audited 2 of 2 packages, nothing found but 1 ignored"),
        (audited(OTHER, ignored=(Ignored(FOUND, "x"),)), "1 vulnerability in 1 package; 1 ignored"),
        (NotAudited("PyPI could not be reached: timed out"), "not audited: PyPI could not be reached: timed out"),
    ],
)
def test_what_an_audit_says(answer: Audited | NotAudited, said: str) -> None:
    """How much of the cell was audited is left out only if that's all of it."""
    assert str(answer) == said


@pytest.mark.parametrize("unknown", [0, 1])
@pytest.mark.parametrize("kept_back", [0, 1])
@pytest.mark.parametrize("found", [(), (FOUND,)])
@pytest.mark.parametrize("ignored", [(), (Ignored(OTHER, "x"),)])
def test_only_a_cell_of_which_all_was_audited_is_called_clean(
    unknown: int, kept_back: int, found: tuple[Vulnerability, ...], ignored: tuple[Ignored, ...]
) -> None:
    said = str(audited(*found, unknown=unknown, kept_back=kept_back, ignored=ignored))
    assert (CLEAN in said) is not (unknown or kept_back or found or ignored)


def test_a_vulnerability_on_a_line() -> None:
    """Its name, the first of its other names, the fix, and what it's about."""
    assert str(FOUND) == "idna 3.6: PYSEC-2024-60 (CVE-2024-3651), fixed in 3.7, 4.0: Slow"
    assert str(OTHER) == "idna 3.6: PYSEC-2024-61, no fixed version"


def test_an_ignored_one_on_a_line() -> None:
    assert (
        str(Ignored(OTHER, "not reached", "2027-01-01"))
        == "idna 3.6: PYSEC-2024-61 ignored until 2027-01-01: not reached"
    )
    assert str(Ignored(OTHER, "not reached")) == "idna 3.6: PYSEC-2024-61 ignored: not reached"
