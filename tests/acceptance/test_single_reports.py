"""What comes back from a test's own process is what pytest would have shown without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Run, write

EVERYTHING = """
import logging, unittest, warnings
pytestmark = MARK

def test_fails(record_property, caplog):
    record_property("key", (1, "two"))
    print("to standard output")
    print("to standard error", file=sys.stderr)
    logging.getLogger("app").warning("logged")
    warnings.warn("careful")
    left, right = [1, 2, 3], [1, 2, 4]
    assert left == right

def test_skips():
    pytest.skip("because")

@pytest.mark.skipif(True, reason="never")
def test_is_skipped():
    assert 0

@pytest.mark.xfail(reason="known")
def test_xfails():
    assert 0

@pytest.mark.xfail(strict=True)
def test_xpasses():
    pass

def test_chained():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("not there") from error

@pytest.fixture
def broken():
    yield
    raise RuntimeError("at the end")

def test_error_at_the_end(broken):
    pass

class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ready = True

    def setUp(self):
        assert self.ready

    def test_method(self):
        self.assertEqual(1, 2)

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()
"""


def test_all_that_pytest_shows_of_a_test_is_as_without_the_marker(project: Path, run: Run) -> None:
    write(project, EVERYTHING.replace("MARK", "[]"))
    plain = run("-rA", "--junitxml=out.xml", "-l")
    plain_xml = (project / "out.xml").read_text()
    write(project, EVERYTHING.replace("MARK", "pytest.mark.envguard(hostname='other')"))
    marked = run("-rA", "--junitxml=out.xml", "-l")
    assert "  test_it.py::test_fails: host:hostname=other" in marked.out
    assert _without_places(marked.out) == _without_places(plain.out)
    assert marked.code == plain.code == 1
    assert _without_places((project / "out.xml").read_text()) == _without_places(plain_xml)


def _without_places(text: str) -> str:
    """Take out what differs between any two runs, and our own section."""
    text = re.sub(r"=+ envguard =+\nfailed in an environment of its own:\n(  .*\n)+", "", text)
    text = re.sub(r"(in |time=\"|timestamp=\"|hostname=\"|at 0x)[-0-9a-fTZ:.+]+", r"\1_", text)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def test_subtests_come_back_as_they_are(project: Path, run: Run) -> None:
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests")
    source = """
pytestmark = MARK
def test_it(subtests):
    for n in range(3):
        with subtests.test("step", n=n):
            assert n != 1
"""
    write(project, source.replace("MARK", "[]"))
    plain = run("-v")
    write(project, source.replace("MARK", "pytest.mark.envguard('offline')"))
    marked = run("-v")
    assert _without_places(marked.out) == _without_places(plain.out)


def test_subtests_of_unittest_come_back(project: Path, run: Run) -> None:
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests")
    write(
        project,
        """
import unittest

@pytest.mark.envguard("offline")
class TestCase(unittest.TestCase):
    def test_method(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)
""",
    )
    result = run()
    assert result.code == 1
    assert "TestCase.test_method (n=1)" in result.out and "AssertionError: 1 == 1" in result.out


def test_methods_of_unittest_run_once_in_each_of_several_environments(project: Path, run: Run) -> None:
    write(
        project,
        """
import unittest

class TestCase(unittest.TestCase):
    @pytest.mark.envguard("lambda", "offline")
    def test_method(self):
        assert ("HOME" in os.environ) == (len(socket.if_nameindex()) == 1)

    def test_other(self):
        pass
""",
    )
    result = run("-v")
    assert result.code == 0, result
    assert (
        "TestCase::test_method[lambda] PASSED" in result.out and "TestCase::test_method[offline] PASSED" in result.out
    )
    assert "TestCase::test_other PASSED" in result.out
    assert run("test_it.py::TestCase::test_method[offline]").out.count("1 passed") == 1


def test_asynchronous_tests_work(project: Path, run: Run) -> None:
    pytest.importorskip("pytest_asyncio")
    write(
        project,
        """
import asyncio

@pytest.mark.asyncio
async def test_plain():
    await asyncio.sleep(0)

@pytest.mark.envguard("lambda")
@pytest.mark.asyncio
async def test_asyncio():
    await asyncio.sleep(0)
    assert "HOME" not in os.environ

@pytest.mark.asyncio
async def test_after():
    await asyncio.sleep(0)
""",
    )
    assert run("-W", "ignore").code == 0
    if "anyio" in run("--version", "--version").err + run("--version", "--version").out:
        write(
            project,
            """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.envguard("lambda")
@pytest.mark.anyio
async def test_anyio():
    assert "HOME" not in os.environ
""",
        )
        assert run("-W", "ignore").code == 0


def test_a_value_that_cannot_come_back_is_named_with_its_test(project: Path, run: Run) -> None:
    write(
        project,
        """
@pytest.mark.envguard("lambda")
def test_it(record_property):
    record_property("key", lambda: 1)

@pytest.mark.envguard("lambda")
def test_warns():
    class Local(UserWarning):
        pass
    import warnings
    warnings.warn(Local("careful"))
""",
    )
    result = run()
    assert result.code == 1
    assert "a value in the report's `user_properties` cannot come back from the test's own process" in result.out
    assert "UserWarning: Local: careful" in result.out
    assert "1 passed" in result.out  # the second test
