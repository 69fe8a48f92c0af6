"""Environments in the junit file that pytest writes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_envguard.engine import junit
from pytest_envguard.engine.labels import label_report
from pytest_envguard.report.summary import summarise
from tests.unit.engine.test_labels import NODEID, report
from tests.unit.report.pages import LAMBDA, PASSED, run

SUMMARY = summarise([LAMBDA], [run("lambda", test_a=PASSED)], None)


@pytest.mark.parametrize(
    ("nodeid", "classname", "name"),
    [
        ("tests/test_a.py::test_c", "lambda.tests.test_a", "test_c"),
        (NODEID, "lambda.tests.test_a.TestB", "test_c[x::y]"),
        ("test_a.py::test_c[a/b.py]", "lambda.test_a", "test_c[a/b.py]"),
        ("test_a.py::test_c[x @lambda]", "lambda.test_a", "test_c[x @lambda]"),
        ("tests/test_a.py", "lambda.tests.test_a", "tests.test_a"),
    ],
)
def test_a_case_has_its_plain_name_and_the_environment_in_its_class_name_and_a_property(
    pytester: pytest.Pytester, nodeid: str, classname: str, name: str
) -> None:
    """In every phase the same, and the property once."""
    case = labelled(pytester, nodeid)
    assert (case.get("classname"), case.get("name")) == (classname, name)
    assert [one.attrib for one in case.iter("property")] == [{"name": "envguard", "value": "lambda"}]


def test_a_prefix_that_the_user_asked_for_stays(pytester: pytest.Pytester) -> None:
    """Behind the environment."""
    case = labelled(pytester, "test_a.py::test_c", "--junitprefix=py311")
    assert case.get("classname") == "lambda.py311.test_a"


def labelled(pytester: pytest.Pytester, nodeid: str, *options: str) -> ET.Element:
    """Return the case of a test whose reports came from an environment."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfigure("--junitxml=out.xml", "-p", "no:asyncio", *options)
    (writer,) = junit.writers(config)
    for when in ("setup", "call"):
        got = report(when, nodeid)
        label_report(got, "lambda")
        junit.label([writer], got, nodeid, "lambda")
    return ET.fromstring(ET.tostring(writer.node_reporter(got).to_xml()))


def test_a_test_that_only_began_has_no_case(pytester: pytest.Pytester) -> None:
    """An interruption may come while it runs, and a case without a failure would say that it passed."""
    pytester.makeini("[pytest]")
    (writer,) = junit.writers(pytester.parseconfigure("--junitxml=out.xml", "-p", "no:asyncio"))
    for when, failed, cases in (("setup", False, 0), ("setup", True, 1), ("call", False, 1)):
        writer.node_reporters_ordered.clear()
        writer.node_reporters.clear()
        got = report(when, "test_a.py::test_c")
        got.outcome = "failed" if failed else "passed"
        label_report(got, "lambda")
        junit.label([writer], got, "test_a.py::test_c", "lambda")
        assert len(writer.node_reporters_ordered) == cases


def test_a_file_that_is_no_xml_stays_as_it_was_and_that_is_said(pytester: pytest.Pytester) -> None:
    """Such as one with a control character in a file's name, which pytest writes as it is."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfigure("--junitxml=out.xml", "-p", "no:asyncio")
    file = Path("out.xml").absolute()
    file.write_text('<testsuites><testsuite name="a\x01"/></testsuites>')

    (line,) = junit.shape(config, SUMMARY)

    assert line.startswith(f"{file}: environments have no suites of their own in it: ")
    assert file.read_text() == '<testsuites><testsuite name="a\x01"/></testsuites>'
    assert [one.name for one in file.parent.glob("*out.xml*")] == ["out.xml"]


def test_a_link_to_a_file_stays_one(pytester: pytest.Pytester) -> None:
    """What it points to is replaced, whole."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfigure("--junitxml=out.xml", "-p", "no:asyncio")
    real = Path("real.xml").absolute()
    real.write_text('<testsuites><testsuite name="pytest"/></testsuites>')
    Path("out.xml").symlink_to(real)

    assert junit.shape(config, SUMMARY) == []

    assert Path("out.xml").is_symlink()
    assert [suite.get("name") for suite in ET.parse(real).iter("testsuite")] == ["pytest lambda"]


def test_what_is_no_file_is_left_alone(pytester: pytest.Pytester) -> None:
    """`--junitxml=/dev/stdout` has been read already."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfigure("--junitxml=/dev/null", "-p", "no:asyncio")
    assert junit.shape(config, SUMMARY) == []
    assert Path("/dev/null").is_char_device()
