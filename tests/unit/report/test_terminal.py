"""The run in the terminal: whole texts, as a user sees them in 80 columns."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run
from pytest_envguard.report.summary import summarise
from pytest_envguard.report.terminal import plan_lines, write
from tests.unit.report.pages import (
    CONTAINER,
    EROFS,
    HOST,
    LAMBDA,
    NO_MODULE,
    OFFLINE,
    PASSED,
    UNREACHABLE,
    Paper,
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
