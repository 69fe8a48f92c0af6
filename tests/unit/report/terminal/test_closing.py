"""The run in the terminal: whole texts, as a user sees them in 80 columns."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from pytest_envguard.model.finding import Audited, Finding, NotAudited, Vulnerability
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run
from pytest_envguard.report.summary import summarise
from pytest_envguard.report.terminal.closing import write
from pytest_envguard.report.terminal.header import plan_lines
from tests.unit.report.pages import (
    CONTAINER,
    EROFS,
    HOST,
    LAMBDA,
    NO_MODULE,
    OFFLINE,
    PASSED,
    UNREACHABLE,
    Happened,
    Paper,
    Sample,
    matrix_run,
    run,
)

MIB = 1 << 20
SKIPPED, XFAILED, XPASSED = Outcome("skipped"), Outcome("xfailed"), Outcome("xpassed")
LONG = (
    "tests/integration/very/deep/folders/test_of_a_module_with_a_long_name.py::TestClassOfSomeLength::"
    "test_with_parameters[first-second]"
)


def printed(plans: list[Plan], runs: list[Run], baseline: Run | None = None, verbosity: int = 0) -> str:
    """Return the closing section."""
    paper = Paper()
    write(summarise(plans, runs, baseline), paper, verbosity)
    return paper.text


def page(text: str) -> str:
    """Return an expected text without its indentation."""
    return dedent(text).lstrip("\n")


def test_everything_passes() -> None:
    """Where nothing fails there is one line for each environment."""
    runs = [
        run("lambda", 12.34, 300 * MIB, 5 * MIB, test_a=PASSED, test_b=SKIPPED),
        run("host", 0.96, test_a=PASSED, test_b=SKIPPED),
    ]
    assert printed([LAMBDA, HOST], runs) == page(
        """
        =================================== envguard ===================================

        lambda  kernel, 2 tests, 12.3 s, peak memory 300 MiB, peak /tmp 5 MiB
        host    unrestricted, 2 tests, 1.0 s
        """
    )


def test_fails_only_in_one() -> None:
    """A failure that the host doesn't have is the environment's, and says why."""
    assert printed([LAMBDA], [run("lambda", test_a=PASSED, test_b=EROFS)], run("host", test_b=PASSED)) == page(
        """
        =================================== envguard ===================================

        fails only in lambda: 1 test
          tests/test_b.py::test_b
              OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'

        test                     lambda   host
        tests/test_b.py::test_b  FAILS    passes

        lambda  kernel, 2 tests, 1 failed (1 only here), 1.5 s
        """
    )


def test_fails_in_several() -> None:
    """Tests stand together by where they fail, environments by the message; the table has every outcome."""
    runs = [
        run("lambda", test_a=EROFS, test_b=PASSED, test_c=EROFS, test_d=EROFS),
        run("container", test_a=EROFS, test_b=UNREACHABLE, test_c=EROFS, test_d=SKIPPED),
        run("offline", test_a=PASSED, test_b=UNREACHABLE, test_c=UNREACHABLE),
    ]
    host = run("host", test_a=PASSED, test_b=XFAILED, test_c=PASSED, test_d=XPASSED)
    assert printed([LAMBDA, CONTAINER, OFFLINE], runs, host) == page(
        """
        =================================== envguard ===================================

        fails only in lambda and container: 1 test
          tests/test_a.py::test_a
              lambda, container: OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'

        fails only in container and offline: 1 test
          tests/test_b.py::test_b
              container, offline: OSError: [Errno 101] Network is unreachable

        fails only in lambda, container and offline: 1 test
          tests/test_c.py::test_c
              lambda, container: OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'
              offline: OSError: [Errno 101] Network is unreachable

        fails only in lambda: 1 test
          tests/test_d.py::test_d
              lambda: OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'

        test                     lambda   container  offline  host
        tests/test_a.py::test_a  FAILS    FAILS      passes   passes
        tests/test_b.py::test_b  passes   FAILS      FAILS    xfails
        tests/test_c.py::test_c  FAILS    FAILS      FAILS    passes
        tests/test_d.py::test_d  FAILS    skips      -        xpasses

        lambda     kernel, 4 tests, 3 failed (3 only here), 1.5 s
        container  kernel, parts approximated, 4 tests, 3 failed (3 only here), 1.5 s
        offline    parts not enforced, 3 tests, 2 failed (2 only here), 1.5 s
        """
    )


def test_fails_everywhere() -> None:
    """What fails on the host too is nobody's environment's; a host that was asked for has no second column."""
    runs = [run("lambda", test_a=NO_MODULE, test_b=PASSED), run("host", test_a=NO_MODULE, test_b=PASSED)]
    assert printed([LAMBDA, HOST], runs, runs[1]) == page(
        """
        =================================== envguard ===================================

        fails everywhere, on the host too: 1 test
          tests/test_a.py::test_a
              lambda, host: ModuleNotFoundError: No module named 'nothing'

        test                     lambda   host
        tests/test_a.py::test_a  ERROR    ERROR

        lambda  kernel, 2 tests, 1 failed (0 only here), 1.5 s
        host    unrestricted, 2 tests, 1 failed (0 only here), 1.5 s
        """
    )


def test_not_compared() -> None:
    """Without a baseline a failure is not called the environment's."""
    assert printed([LAMBDA], [run("lambda", test_a=EROFS, test_b=NO_MODULE)]) == page(
        """
        =================================== envguard ===================================

        fails, not compared with the host: 2 tests
          tests/test_a.py::test_a
              OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'
          tests/test_b.py::test_b
              ModuleNotFoundError: No module named 'nothing'

        test                     lambda
        tests/test_a.py::test_a  FAILS
        tests/test_b.py::test_b  ERROR

        lambda  kernel, 2 tests, 2 failed, 1.5 s
        """
    )


def test_a_broken_environment() -> None:
    """An environment that isn't what was promised comes first, with each broken promise."""
    broken = Run("lambda", {}, Resources(0.5), Broken(("root: / is writable", "uid: [0, 0], promised [993, 990]")))
    assert printed([LAMBDA, CONTAINER], [broken, run("container", test_a=PASSED)]) == page(
        """
        =================================== envguard ===================================
        lambda: stopped:
          root: / is writable
          uid: [0, 0], promised [993, 990]

        lambda     kernel, 0 tests, 0.5 s
        container  kernel, parts approximated, 1 test, 1.5 s
        """
    )


def test_long_names_and_messages() -> None:
    """The table keeps to 80 columns by the end of a node id, which the list has whole; messages and lines are folded."""
    failed = Outcome("failed", "OSError: it is '/a/long/" + "path/" * 14 + "file': " + "word " * 50)
    runs = [Run(name, {LONG: outcome}) for name, outcome in {"lambda": failed, "container": PASSED}.items()]
    assert printed([LAMBDA, CONTAINER], runs, Run("host", {LONG: PASSED})) == page(
        f"""
        =================================== envguard ===================================

        fails only in lambda: 1 test
          {LONG}
              lambda: OSError: it is
                '/a/long/{"path/" * 14}file': word
                {"word " * 17}word
                {"word " * 17}word
                {"word " * 4}wor...

        test                                                 lambda   container  host
        ...OfSomeLength::test_with_parameters[first-second]  FAILS    passes     passes

        lambda     kernel, 1 test, 1 failed (1 only here), 0.0 s
        container  kernel, parts approximated, 1 test, 0.0 s
        """
    )


def test_a_table_of_many_environments_has_80_columns() -> None:
    """With five environments and the host the table still fits."""
    names = ["lambda", "container", "kubernetes", "systemd", "offline"]
    runs = [Run(name, {LONG: EROFS}) for name in names]
    lines = printed(
        [Plan(name, "", LAMBDA.enforcements) for name in names], runs, Run("host", {LONG: PASSED})
    ).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("test "))
    assert lines[start].split() == ["test", *names, "host"]
    assert max(map(len, lines[start : start + 2])) <= 80


@pytest.mark.parametrize(("verbosity", "written"), [(-2, False), (-1, True), (0, True), (1, True)])
def test_quiet(verbosity: int, written: bool) -> None:
    """Only `-qq` leaves the section out."""
    assert bool(printed([LAMBDA], [run("lambda", test_a=PASSED)], verbosity=verbosity)) is written


BOTH = {"litellm": ("1.53.9", "1.60.8"), "tiktoken": ("0.7.0", "0.9.0")}


def cells_printed(sample: Sample, verbosity: int = 0, **more: Any) -> str:
    """Return the closing section of a run with version axes."""
    paper = Paper()
    write(sample.summary(**more), paper, verbosity)
    return paper.text


def in_cells(profile: str, versions: dict[str, str]) -> Happened:
    """Fail for several reasons in several places."""
    litellm, tiktoken = versions.values()
    if (litellm, tiktoken) == ("1.60.8", "0.9.0"):
        return "Because litellm==1.60.8 depends on tiktoken<0.9.0,\n  your requirements are unsatisfiable."
    wrong = Outcome("failed", "TypeError: wrong" if tiktoken == "0.9.0" else "ValueError: old")
    return {
        "test_ok": PASSED,
        "test_cache": EROFS if profile == "lambda" and tiktoken == "0.7.0" else PASSED,
        "test_home": EROFS if profile == "lambda" else PASSED,
        "test_tokens": wrong if litellm == "1.53.9" else PASSED,
    }


def test_versions() -> None:
    """Groups by what explains them, a table of versions and profiles, reasons of lost cells, a line for each profile."""
    sample = matrix_run(BOTH, in_cells, (LAMBDA, CONTAINER))
    sample.runs[0].refused(
        "tests/test_cache.py::test_cache", [["open", "/x", "EROFS", "tiktoken", "load.py:1", 1, "call", ""]]
    )
    for one in sample.runs[:3]:
        one.refused("tests/test_ok.py::test_ok", [["open", "/y", "EROFS", "tiktoken", "load.py:2", 1, "call", ""]])
    assert cells_printed(sample) == page(
        """
        =================================== envguard ===================================

        fails with tiktoken 0.7.0 in lambda, whatever litellm: 1 test
          tests/test_cache.py::test_cache
              OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'
              refused: open /x: EROFS (tiktoken, load.py:1)

        fails only in lambda: 1 test
          tests/test_home.py::test_home
              OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'

        fails with litellm 1.53.9, on the host too, whatever tiktoken: 1 test
          tests/test_tokens.py::test_tokens
              tiktoken 0.7.0: ValueError: old
              tiktoken 0.9.0: TypeError: wrong

        passes, but was refused something: 1 test
          open /y: EROFS (tiktoken, load.py:2) [lambda]
              tests/test_ok.py::test_ok

        litellm  tiktoken  lambda          container
        1.53.9   0.7.0     3 FAIL          1 FAIL
        1.53.9   0.9.0     2 FAIL          1 FAIL
        1.60.8   0.7.0     2 FAIL          passes
        1.60.8   0.9.0     not resolvable  not resolvable

        litellm 1.60.8 with tiktoken 0.9.0: not resolvable: Because litellm==1.60.8
          depends on tiktoken<0.9.0, your requirements are unsatisfiable.

        lambda     kernel, 3 cells, 12 tests, 7 failed (5 only here), 3 passed with
                   refusals, 3.0 s (slowest: litellm1.60.8-tiktoken0.7.0)
        container  kernel, parts approximated, 3 cells, 12 tests, 2 failed (0 only
                   here), 6.0 s (slowest: litellm1.60.8-tiktoken0.7.0)
        """
    )


def test_versions_without_profiles() -> None:
    """The table has one column, and nothing is said about a host that there is no other than."""
    sample = matrix_run({"litellm": ("1.53.9", "1.60.8")}, lambda *_: {"test_a": PASSED})
    assert cells_printed(sample) == page(
        """
        =================================== envguard ===================================

        litellm  result
        1.53.9   passes
        1.60.8   passes

        unrestricted, 2 cells, 2 tests, 2.0 s (slowest: litellm1.60.8)
        """
    )


def test_versions_with_a_line_for_each_environment() -> None:
    """-v shows each, with the machine that it ran on; without it a profile's machines."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"test_a": PASSED}, (LAMBDA,))
    hosts = {"lambda-six1.16.0": "build1"}
    assert cells_printed(sample, 1, machines=hosts).splitlines()[-2:] == [
        "lambda-six1.15.0  kernel, 1 test, 1.0 s",
        "lambda-six1.16.0  kernel, 1 test, 2.0 s, on build1",
    ]
    assert "(slowest: six1.16.0), on this machine and build1" in " ".join(cells_printed(sample, machines=hosts).split())


def test_cells_that_are_not_enforced_alike_say_all_of_it() -> None:
    """Such as those of merged runs of two machines."""
    whole = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"test_a": PASSED}, (LAMBDA,)).summary()
    weaker = Enforcement("tmp", "/tmp 512 MiB", Strength.APPROXIMATE, "calls", "it is the machine's own")
    first, second = whole.plans
    paper = Paper()
    write(whole._replace(plans=[first._replace(enforcements=(*first.enforcements, weaker)), second]), paper, 0)
    assert "lambda  kernel, parts approximated / kernel, 2 cells, 2 tests" in paper.text


def test_cells_that_were_stopped() -> None:
    """Those with the same broken promise are told together."""
    sample = matrix_run(BOTH, lambda *_: {"test_a": PASSED}, (LAMBDA, CONTAINER))
    for one in sample.runs:
        if "0.7.0" in one.environment:
            one.broken = Broken(("root: / is writable",))
    assert cells_printed(sample).splitlines()[1:3] == ["tiktoken 0.7.0: stopped:", "  root: / is writable"]
    for one in sample.runs:
        one.broken = Broken(("root: / is writable",))
    assert cells_printed(sample).splitlines()[1] == "every cell: stopped:"


def test_packages_and_advisories() -> None:
    """They stand below the table, each thing once."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"test_a": PASSED}, (LAMBDA,))
    found = Vulnerability(
        "urllib3", "1.26.0", "PYSEC-1", (), ("2.0",), "Something that takes a line of its own to be told"
    )
    text = cells_printed(
        sample,
        findings={"six1.15.0": [Finding("too big", "", "312 MiB unzipped", "", "lambda", ("torch 200 MiB",))]},
        audits={
            "six1.15.0": Audited("PyPI", (found,), {"urllib3": "1.26.0"}, {"mine": "not known"}),
            "six1.16.0": NotAudited("the service could not be reached"),
        },
    )
    assert text.partition("passes\n\n")[2] == page(
        """
        packages: 1 finding
          six 1.15.0: lambda: 312 MiB unzipped
              torch 200 MiB

        advisories: 1 found
          six 1.15.0: urllib3 1.26.0: PYSEC-1, fixed in 2.0: Something that takes a line
            of its own to be told
              no cell of this matrix has the fix
          six 1.15.0: audited 1 of 2 packages (PyPI)
          six 1.16.0: not audited: the service could not be reached

        lambda  kernel, 2 cells, 2 tests, 2.0 s (slowest: six1.16.0)
        """
    )


def test_nothing_found_is_not_said_where_nobody_looked() -> None:
    """No number of advisories stands above cells that were not audited."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: {"test_a": PASSED})
    text = cells_printed(sample, audits=dict.fromkeys(("six1.15.0", "six1.16.0"), NotAudited("no network")))
    assert "advisories:\n  not audited: no network\n" in text


MIXED = Plan(
    "edge",
    "edge",
    (
        Enforcement("tmp", "/tmp 512 MiB", Strength.KERNEL, "namespaces"),
        Enforcement("seccomp", "no io_uring", Strength.EXACT, "filter", "namespaces are forbidden"),
        Enforcement("root", "read-only root", Strength.KERNEL, "namespaces"),
        Enforcement("audit", "no network", Strength.PYTHON, "audit hook", "not Linux"),
        Enforcement("memory", "1 GiB of memory", Strength.APPROXIMATE, "watchdog", "looked at " + "now and then " * 6),
        Enforcement("network", "no network", Strength.NONE, "none", "network namespace: Operation not permitted"),
    ),
    ("the project (/tmp/p) lies under /tmp and was put back, read-only",),
)


@pytest.mark.parametrize(
    ("plan", "verbose", "text"),
    [
        (HOST, False, "envguard: host: nothing restricted\n"),
        (HOST, True, "envguard: host: nothing restricted\n"),
        (
            LAMBDA,
            False,
            """
            envguard: lambda (AWS Lambda, zip function)
              by the kernel: read-only root, /tmp 512 MiB
              note: the project (/tmp/p) was put back, read-only
            """,
        ),
        (
            LAMBDA,
            True,
            """
            envguard: lambda (AWS Lambda, zip function)
              root: read-only root (namespaces)
              tmp: /tmp 512 MiB (namespaces)
              note: the project (/tmp/p) was put back, read-only
            """,
        ),
        (
            MIXED,
            False,
            """
            envguard: edge
              by the kernel: /tmp 512 MiB, read-only root
              exactly, at the system call: no io_uring
                because namespaces are forbidden
              for Python code only: no network
                because not Linux
              approximated: memory: 1 GiB of memory: looked at now and then now and then now
                and then now and then now and then now and then
              not enforced: network: no network: network namespace: Operation not permitted
              note: the project (/tmp/p) lies under /tmp and was put back, read-only
            """,
        ),
    ],
)
def test_the_header(plan: Plan, verbose: bool, text: str) -> None:
    """What is enforced stands in a line for each mechanism, everything weaker in one of its own with its reason."""
    assert "\n".join(plan_lines(plan, verbose)) + "\n" == page(text)


def test_versions_of_which_none_could_be_had() -> None:
    """There is a table and its reasons, though nothing ran."""
    sample = matrix_run({"six": ("1.15.0", "1.16.0")}, lambda *_: "Because nobody has them.", (LAMBDA,))
    assert cells_printed(sample) == page(
        """
        =================================== envguard ===================================

        six     result
        1.15.0  not resolvable
        1.16.0  not resolvable

        every cell: not resolvable: Because nobody has them.

        """
    )
