"""Workflow commands of GitHub Actions."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy
from pytest_envguard.model.finding import Audited, Finding, NotAudited, Vulnerability
from pytest_envguard.model.verdict import Broken, Outcome
from pytest_envguard.report.markdown.annotations import annotation_lines
from pytest_envguard.report.summary import Invocation, summarise
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, NO_MODULE, PASSED, Happened, matrix_run, run

PLACED = EROFS._replace(place=("tests/test_a.py", 12))


def test_tests_that_fail_for_the_same_cause_are_one_annotation() -> None:
    """It points to the first of them, and names the others."""
    here = run("lambda", test_a=PLACED, test_b=PASSED, test_c=EROFS, test_d=NO_MODULE)
    summary = summarise([LAMBDA], [here], run("host", test_a=PASSED, test_c=PASSED, test_d=PASSED))
    assert annotation_lines(summary) == [
        (
            "::error file=tests/test_a.py,line=12,title=fails only in lambda"
            "::OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'%0A"
            "tests/test_a.py::test_a%0Atests/test_c.py::test_c"
        ),
        "::error title=fails only in lambda::ModuleNotFoundError: No module named 'nothing'%0Atests/test_d.py::test_d",
    ]


def test_nothing_to_say() -> None:
    """A run in which everything passes has no annotations."""
    assert annotation_lines(summarise([LAMBDA], [run("lambda", test_a=PASSED)], None)) == []


def test_what_a_command_takes_for_itself_is_escaped() -> None:
    """Per cent signs everywhere, colons and commas in properties; ends of lines and escape sequences are none any more."""
    odd = Outcome("failed", "100% of 3,4: \r\n::error::\x1b[31m", "", ("tests/a,b:c%.py", 1))
    one, two = ("1.0", "2.0")
    sample = matrix_run({"six": (one, two)}, lambda _, versions: {"t": odd if versions["six"] == one else PASSED})
    (command,) = annotation_lines(sample.summary())
    assert command == (
        "::error file=tests/a%2Cb%3Ac%25.py,line=1,title=fails with six 1.0"
        r"::100%25 of 3,4: ::error::\x1b[31m%0Atests/t.py::t"
    )
    assert len(command.splitlines()) == 1


def test_reasons_of_several_cells() -> None:
    """Each with its versions."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return {"t": Outcome("failed", f"wrong in {versions['six']}")}

    (command,) = annotation_lines(matrix_run({"six": ("1.15.0", "1.16.0")}, happened).summary())
    assert command == (
        "::error title=fails in every cell::six 1.15.0: wrong in 1.15.0%0Asix 1.16.0: wrong in 1.16.0%0Atests/t.py::t"
    )


def test_ten_of_a_kind() -> None:
    """The last says how many more there are."""
    outcomes = {f"test_{n}": Outcome("failed", f"reason {n}") for n in range(25)}
    told = annotation_lines(summarise([LAMBDA], [run("lambda", **outcomes)], None))
    assert len(told) == 10
    assert told[-1] == "::error title=envguard::and 16 more: see the job summary"
    few = dict(list(outcomes.items())[:10])
    assert "more" not in annotation_lines(summarise([LAMBDA], [run("lambda", **few)], None))[-1]


def test_many_tests_of_one_cause() -> None:
    """Ten names are enough."""
    told = annotation_lines(summarise([LAMBDA], [run("lambda", **{f"test_{n}": EROFS for n in range(25)})], None))
    assert told[0].endswith("tests/test_9.py::test_9%0Aand 15 more tests")


def test_a_long_message_is_cut_and_its_tests_are_still_named() -> None:
    """The runner would cut after 4096 units of UTF-16, and take the names away."""
    long = {f"test_{n}_{'y' * 400}": Outcome("failed", "\N{PILE OF POO}" * 9000) for n in range(12)}
    (told,) = annotation_lines(summarise([LAMBDA], [run("lambda", **long)], None))
    message = unquote(told.partition("::error ")[2].partition("::")[2])
    assert len(message.encode("utf-16-le")) == 2 * 4096
    lines = message.splitlines()
    assert lines[0].endswith("\N{PILE OF POO}...")
    assert [line[:20] for line in lines[1:3]] == ["tests/test_0_yyyyyyy", "tests/test_1_yyyyyyy"]
    assert {len(line) for line in lines[1:11]} == {150}
    assert lines[11:] == ["and 2 more tests"]


def test_a_title_is_no_longer_than_github_takes() -> None:
    """Of 200 environments it has the first."""
    names = [f"environment{n}" for n in range(200)]
    plans = [LAMBDA._replace(name=name) for name in names]
    summary = summarise(plans, [run(name, t=EROFS) for name in names], run("host", t=PASSED))
    (told,) = annotation_lines(summary)
    title = unquote(told.partition("title=")[2].partition("::")[0])
    assert (len(title), title[:35], title[-3:]) == (255, "fails only in environment0, environ", "...")


def test_files_are_named_as_the_repository_does() -> None:
    """Where pytest's root is a folder of it, or the file lies beside that."""
    here = run("lambda", test_a=PLACED, test_b=NO_MODULE._replace(place=("../shared/test_b.py", 3)))
    summary = summarise([LAMBDA], [here], None)
    places = [line.partition("file=")[2].partition(",")[0] for line in annotation_lines(summary, "packages/one")]
    assert places == ["packages/one/tests/test_a.py", "packages/shared/test_b.py"]


def cause(*nodeids: str, silent: bool = False, **more: Any) -> Cause:
    """Return why some tests fail in lambda."""
    diagnosis = Diagnosis(
        "HOME is read-only", "thing", rule="thing/cache", remedies=(Remedy("a folder", {"HOME": "/tmp"}),)
    )
    return Cause(diagnosis, {"lambda": nodeids}, silent, **more)


def test_tests_with_the_same_cause_are_one_annotation_whatever_they_say() -> None:
    """It has the first one's message and place, how many others there are, why it is, and what may help."""
    other = Outcome("failed", "OSError: another path", "", ("tests/test_b.py", 7))
    here = run("lambda", test_a=EROFS, test_b=other, test_c=EROFS, test_d=EROFS)
    passed = run("host", test_a=PASSED, test_b=PASSED, test_c=PASSED, test_d=PASSED)
    names = [f"tests/test_{letter}.py::test_{letter}" for letter in "abc"]
    summary = summarise([LAMBDA], [here], passed)._replace(causes=(cause(*names), cause(names[0], silent=True)))
    first, second = annotation_lines(summary)
    assert first.replace("%0A", "\n").splitlines() == [
        f"::error file=tests/test_b.py,line=7,title=fails only in lambda::{EROFS.message}",
        "and 1 more message",
        "why: HOME is read-only",
        "may help: HOME=/tmp (a folder)",
        *names,
    ]
    assert second.endswith("%0Atests/test_d.py::test_d")


def test_environments_that_were_stopped_are_errors() -> None:
    """With the same reason once."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"t": PASSED}, (LAMBDA,))
    for one in sample.runs:
        one.broken = Broken(("root: / is writable",))
    assert annotation_lines(sample.summary()) == [
        "::error title=stopped%3A 2 environments::lambda-six1.15.0, lambda-six1.16.0: root: / is writable"
    ]


def test_what_is_no_failure_is_a_warning() -> None:
    """Cells that can't be had, packages, advisories, cells that were not audited, and refusals of tests that pass."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return "Because\n  so." if versions["six"] == "1.16.0" else {"t": PASSED}

    sample = matrix_run({"six": ("1.15.0", "1.16.0", "1.17.0")}, happened, (LAMBDA, CONTAINER))
    sample.runs[0].refused("tests/t.py::t", [["open", "/x", "EROFS", "lib", "lib.py:3", 1, "call", ""]])
    sample.runs[0].refused("", [["open", "/z", "EROFS", "lib", "lib.py:9", 1, "import", ""]])
    bad = Vulnerability("six", "1.15.0", "PYSEC-1", (), ("1.17.0",))
    summary = sample.summary(
        findings={"six1.15.0": [Finding("missing", "x", "six needs x, not installed")]},
        audits={"six1.15.0": Audited("PyPI", (bad,), {"six": "1.15.0"}), "six1.17.0": NotAudited("no network")},
    )
    refused = "::warning title=passes%2C but was refused something%3A lambda%2C six 1.15.0"
    assert annotation_lines(summary) == [
        "::warning title=not resolvable%3A six 1.16.0::Because so.",
        "::warning title=packages%3A 1 finding::six 1.15.0: six needs x, not installed",
        (
            "::warning title=advisories%3A 1 found"
            "::six 1.15.0: PYSEC-1, fixed in 1.17.0%0Ano cell of this matrix has the fix"
        ),
        "::warning title=some cells were not audited::six 1.17.0: not audited: no network",
        f"{refused}::open /x: EROFS (lib, lib.py:3)%0Atests/t.py::t",
        f"{refused}::open /z: EROFS (lib, lib.py:9)",
    ]


def test_no_cell_was_audited() -> None:
    """The title doesn't speak of some."""
    sample = matrix_run({"six": ("1.15.0",)}, lambda *_: {"t": PASSED})
    assert annotation_lines(sample.summary(audits={"six1.15.0": NotAudited("no network")})) == [
        "::warning title=not audited::not audited: no network"
    ]


def test_what_makes_a_run_fail_besides_tests_and_environments_is_an_error() -> None:
    """Nothing else would say why the job is red."""
    reasons = ("six 1.15.0: PYSEC-1, fixed in 1.16.0 (in a)", "not audited: no network (in b)")
    called = Invocation(failing=reasons, interrupted="interrupted by Ctrl-C")
    summary = summarise([LAMBDA], [run("lambda", a=PASSED)], None)._replace(invocations=(called,))
    assert annotation_lines(summary) == [
        "::error title=not the whole run::interrupted by Ctrl-C",
        (
            "::error title=packages make the run fail"
            "::six 1.15.0: PYSEC-1, fixed in 1.16.0 (in a)%0Anot audited: no network (in b)"
        ),
    ]
