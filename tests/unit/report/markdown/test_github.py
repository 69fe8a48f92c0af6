"""The job summary of GitHub Actions: Markdown that stays Markdown, and below its limit."""

from __future__ import annotations

import pytest

from pytest_envguard.model.finding import Finding, NotAudited
from pytest_envguard.model.verdict import Broken, Outcome
from pytest_envguard.report.markdown.annotations import annotation_lines
from pytest_envguard.report.markdown.github import job_summary
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.pages import CONTAINER, EROFS, HOST, LAMBDA, PASSED, Happened, matrix_run, run
from tests.unit.report.terminal.test_closing import page


def test_a_run_without_versions() -> None:
    """A headline, the groups with their details, what was refused and how it was enforced."""
    here = run("lambda", test_a=EROFS, test_b=PASSED)
    here.refused("tests/test_b.py::test_b", [["open", "/x_y", "EROFS", "lib", "lib.py:3", 1, "call", ""]])
    summary = summarise([LAMBDA, HOST], [here, run("host", test_a=PASSED, test_b=PASSED)], run("host", test_a=PASSED))
    assert job_summary(summary) == page(
        """
        ## envguard: 1 of 2 tests fails in at least one of 2 environments, where the host passes


        | test | lambda | host |
        | --- | --- | --- |
        | `tests/test_a.py::test_a` | **FAILS** | passes |


        <details><summary><b>fails only in lambda</b>: 1 test</summary>

        - `tests/test_a.py::test_a`
          - lambda: `OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'`

        </details>

        <details><summary><b>passes, but was refused something</b>: 1 test</summary>

        - lambda: `open /x_y: EROFS (lib, lib.py:3)`: `tests/test_b.py::test_b`

        </details>

        <details><summary><b>Environments</b>: 2</summary>


        | environment | enforced by | tests | failed | only here | passed with refusals | time | memory | /tmp |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | lambda | kernel | 2 | 1 | 1 | 1 | 1.5 s | - | - |
        | host | unrestricted | 2 | 0 | - | 0 | 1.5 s | - | - |


        </details>

        <details><summary><b>How the environments are enforced</b></summary>


        | environment | by | restriction | how strongly |
        | --- | --- | --- | --- |
        | lambda | namespaces | read-only root | kernel |
        | lambda | namespaces | /tmp 512 MiB | kernel |
        | host | unrestricted |  |  |

        - lambda: the project (/tmp/p) was put back, read-only

        </details>
        """
    )


def happened(profile: str, versions: dict[str, str]) -> Happened:
    """Fail in lambda with one version; another can't be had."""
    if versions["six"] == "1.17.0":
        return "Because `six`\n  is old."
    failed = profile == "lambda" and versions["six"] == "1.15.0"
    return {"test_a": Outcome("failed", "x < `y` | z") if failed else PASSED}


def versions() -> Summary:
    """Return a run with versions."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0", "1.17.0")}, happened, (LAMBDA, CONTAINER))
    sample.runs[-1].broken = Broken(("root: / is *writable*",))
    return sample.summary(
        findings={"six1.15.0": [Finding("missing", "a_b", "six needs a_b, not installed", details=("*so*",))]},
        audits={"six1.16.0": NotAudited("no <network>")},
    )


def test_a_run_with_versions() -> None:
    """The table comes first; what a message has of Markdown is shown, not obeyed."""
    text = job_summary(versions())
    assert text.partition("<details><summary><b>Environments")[0] == page(
        r"""
        ## envguard: 1 of 1 test fails in at least one of 4 environments, where the host passes; 1 stopped; 1 cell could not be had

        - **container-six1.16.0** was stopped: root: / is \*writable\*

        | six | lambda | container |
        | --- | --- | --- |
        | 1.15.0 | **1 FAIL** | passes |
        | 1.16.0 | passes | **stopped** |
        | 1.17.0 | **not resolvable** | **not resolvable** |


        | test | lambda, six 1.15.0 | lambda, six 1.16.0 | container |
        | --- | --- | --- | --- |
        | `tests/test_a.py::test_a` | **FAILS** | passes | passes |


        <details><summary><b>fails with six 1.15.0 in lambda</b>: 1 test</summary>

        - `tests/test_a.py::test_a`
          - `` x < `y` | z ``

        </details>

        ### Cells that could not be had

        - **six 1.17.0**: not resolvable: `` Because `six` is old. ``

        ### Packages

        - six 1.15.0: six needs a\_b, not installed
          - \*so\*

        ### Advisories

        - not audited: no &lt;network&gt;

        """
    )
    assert text.count("| lambda | namespaces | read-only root | kernel |") == 1


def test_everything_passes() -> None:
    """The headline says it, and what it's true of."""
    assert job_summary(summarise([LAMBDA], [run("lambda", test_a=PASSED)], None)).startswith(
        "## envguard: 1 test in lambda: none fails\n"
    )
    assert job_summary(summarise([LAMBDA], [run("lambda")], None)).startswith("## envguard: no test ran in lambda\n")


def large() -> Summary:
    """Return a run with tests that fail for thousands of long reasons, in more than one group."""

    def much(profile: str, versions: dict[str, str]) -> Happened:
        both = {f"both_{n}": Outcome("failed", f"ü{n} " * 200) for n in range(400)}
        old = {f"old_{n}": Outcome("failed", f"ß{n} " * 200) for n in range(400)} if versions["six"] == "1.15.0" else {}
        return {**old, **both, "new": EROFS if versions["six"] == "1.16.0" else PASSED} if profile != "host" else {}

    return matrix_run({"six": ("1.15.0", "1.16.0")}, much, (LAMBDA,)).summary(audits={"six1.15.0": NotAudited("why")})


@pytest.mark.parametrize("limit", [1_048_576, 700_000, 100_000, 20_000])
def test_it_is_never_larger_than_allowed(limit: int) -> None:
    """Details are left out, and it says which; the table, the groups' names and the advisories stay."""
    text = job_summary(large(), limit)
    assert len(text.encode()) <= limit
    assert "| six | result |" in text
    assert "fails in every cell" in text
    assert "not audited: why" in text
    assert ("_Not told in full, because" in text) is (limit < 1_048_576)


def test_of_tests_that_have_no_room_some_are_told() -> None:
    """The first ones, and how many more there are; never a half of one."""
    text = job_summary(large(), 100_000)
    assert "\n- _and 390 more tests_\n" in text
    assert text.count("<details>") == text.count("</details>")
    assert "\n_Not told in full, because a job summary has a limit of size: tests of “fails " in text


def test_little_room_is_the_headline_s() -> None:
    """What earlier steps left is enough for what matters most."""
    assert job_summary(large(), 300).splitlines()[0].startswith("## envguard: 801 of 801 tests fail in at least one")


@pytest.mark.parametrize("limit", [-5, 0, 10, 300, 9_000])
def test_hardly_any_room(limit: int) -> None:
    """What an earlier step left may be next to nothing: whole lines, and no more than that."""
    text = job_summary(large(), limit)
    assert len(text.encode()) <= max(limit, 0)


def test_a_name_that_no_encoding_has_can_be_written() -> None:
    """A file name's odd byte is a lone surrogate in Python."""
    odd = Outcome("failed", "no file 'caf\udce9'")
    summary = summarise([LAMBDA], [run("lambda", test_a=odd)], None)
    assert r"caf\xe9" in job_summary(summary).encode("utf-8").decode()
    assert all(line.encode("utf-8") for line in annotation_lines(summary))
