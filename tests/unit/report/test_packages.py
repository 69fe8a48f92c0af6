"""What is said about the packages of cells."""

from __future__ import annotations

from pytest_envguard.model.finding import MISSING, TOO_BIG, Audited, Finding, Ignored, NotAudited, Vulnerability
from pytest_envguard.model.matrix import Matrix
from pytest_envguard.report import packages
from pytest_envguard.report.groups import Places
from tests.unit.report.pages import CONTAINER, LAMBDA, PASSED, Happened, matrix_run

BOTH = {"litellm": ("1.53.9", "1.60.8"), "tiktoken": ("0.7.0", "0.9.0")}
CELLS = [f"litellm{old}-tiktoken{new}" for old in BOTH["litellm"] for new in BOTH["tiktoken"]]
RCE = Vulnerability("litellm", "1.53.9", "GHSA-1", ("CVE-2024-1",), ("1.60.0",), "Code is executed")
OPEN = Vulnerability("httpx", "0.27.2", "PYSEC-1")


def two_profiles() -> Matrix:
    """Return cells that are all there, each in two profiles: what's said of packages is said once."""
    return matrix_run(BOTH, lambda *_: {"t": PASSED}, (LAMBDA, CONTAINER)).matrix


def audited(litellm: str, *found: Vulnerability, httpx: str = "", ignored: tuple[Ignored, ...] = ()) -> Audited:
    """Return an audit of a cell."""
    return Audited("PyPI", found, {"litellm": litellm, **({"httpx": httpx} if httpx else {})}, ignored=ignored)


def test_lost_cells_with_the_same_reason_are_told_together() -> None:
    """By the versions they have in common, once for all profiles."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        if versions["tiktoken"] == "0.9.0":
            return "nobody has it"
        return "a conflict" if versions["litellm"] == "1.53.9" else {"t": PASSED}

    matrix = matrix_run(BOTH, happened, (LAMBDA, CONTAINER)).matrix
    assert packages.lost(matrix, Places(matrix)) == [
        packages.Lost("litellm 1.53.9 with tiktoken 0.7.0", "not resolvable", "a conflict", (CELLS[0],)),
        packages.Lost("tiktoken 0.9.0", "not resolvable", "nobody has it", (CELLS[1], CELLS[3])),
    ]


def test_a_matrix_without_any_cell() -> None:
    """Where everything is lost for the same reason, nothing is said of where."""
    matrix = matrix_run(BOTH, lambda *_: "offline").matrix
    (lost,) = packages.lost(matrix, Places(matrix))
    assert (lost.where, lost.reason, len(lost.cells)) == ("", "offline", 4)


def test_notes_about_how_cells_were_made() -> None:
    """Those of several cells once."""
    matrix = two_profiles()
    compiled = {
        name: cell._replace(notes=("tiktoken 0.7.0 was compiled",)) if "0.7.0" in name else cell  # type: ignore[call-arg]
        for name, cell in matrix.cells.items()
    }
    (note,) = packages.notes(matrix._replace(cells=compiled), Places(matrix))
    assert note.line == "tiktoken 0.7.0 was compiled"
    assert note.cells == (CELLS[0], CELLS[2])


def test_findings() -> None:
    """Each once, with the cells that have it, the profile whose limit it is and its details."""
    missing = Finding(MISSING, "boto3", "asked for: boto3, not installed")
    big = Finding(TOO_BIG, "", "312 MiB unzipped, at most 250 MiB", "", "lambda", ("torch 200 MiB", "litellm 40 MiB"))
    matrix = two_profiles()._replace(findings={CELLS[2]: [missing, big], CELLS[3]: [missing], "unknown": [missing]})
    first, second = packages.findings(matrix, Places(matrix))
    assert first.line == "litellm 1.60.8: asked for: boto3, not installed"
    assert first.cells == (CELLS[2], CELLS[3])
    assert second.line == "litellm 1.60.8 with tiktoken 0.7.0: lambda: 312 MiB unzipped, at most 250 MiB"
    assert second.details == big.details


def test_an_advisory_says_which_cells_have_the_fix() -> None:
    """A newer version that the service answered about, and found nothing in."""
    audits = {name: audited("1.53.9", RCE) if "1.53.9" in name else audited("1.60.8") for name in CELLS}
    matrix = two_profiles()._replace(audits=audits)
    told = packages.advisories(matrix, Places(matrix))
    (found,) = told.found
    assert found.line == "litellm 1.53.9: GHSA-1 (CVE-2024-1), fixed in 1.60.0: Code is executed"
    assert found.details == ("fixed in litellm 1.60.8",)
    assert (told.ignored, told.not_audited) == ([], [])


def test_an_advisory_that_no_cell_escapes() -> None:
    """It's said whether there is a fix at all; a cell without the package has no fix of it, one that ignores it neither."""
    ignored = (Ignored(RCE, "not reachable"),)
    matrix = two_profiles()._replace(
        audits={
            CELLS[0]: audited("1.53.9", RCE, OPEN, httpx="0.27.2"),
            CELLS[1]: audited("1.53.9", RCE),
            CELLS[2]: audited("1.53.8", ignored=ignored),
            CELLS[3]: Audited("PyPI", (), {"requests": "2.32"}),
        }
    )
    told = packages.advisories(matrix, Places(matrix))
    assert [(item.cells, item.details) for item in told.found] == [
        (tuple(CELLS[:2]), ("no cell of this matrix has the fix",)),
        ((CELLS[0],), ()),
    ]
    assert [item.line for item in told.ignored] == [
        "litellm 1.60.8 with tiktoken 0.7.0: litellm 1.53.9: GHSA-1 ignored: not reachable"
    ]


def test_an_older_version_is_not_a_fix() -> None:
    """It may never have had the defect."""
    audits = {CELLS[0]: audited("1.10"), CELLS[1]: audited("1.53.9", RCE), CELLS[2]: audited("1.60.8")}
    matrix = two_profiles()._replace(audits=audits)
    (found,) = packages.advisories(matrix, Places(matrix)).found
    assert found.details == (
        "not affected: litellm 1.10: litellm 1.53.9 with tiktoken 0.7.0",
        "fixed in litellm 1.60.8 with tiktoken 0.7.0",
    )


def test_not_audited_is_never_called_clean() -> None:
    """The reason stands with the cells; what an audit covers is in its own words."""
    nobody = NotAudited("the service could not be reached", "name another one")
    matrix = two_profiles()._replace(
        audits={CELLS[0]: nobody, CELLS[1]: audited("1.53.9"), CELLS[2]: nobody, CELLS[3]: audited("1.60.8", RCE)}
    )
    told = packages.advisories(matrix, Places(matrix))
    (item,) = told.not_audited
    assert (item.line, item.details) == (
        "tiktoken 0.7.0: not audited: the service could not be reached",
        ("name another one",),
    )
    assert [item.line for item in told.scope] == [
        "litellm 1.53.9 with tiktoken 0.9.0: no known vulnerabilities in 1 package (PyPI)",
        "litellm 1.60.8 with tiktoken 0.9.0: audited 1 of 1 package (PyPI)",
    ]
