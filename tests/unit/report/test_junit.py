"""Each environment with a suite of its own in a junit file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_envguard.model.verdict import Broken
from pytest_envguard.report.junit import Suite, reshape, suites
from pytest_envguard.report.summary import Invocation, summarise
from tests import junit_rules
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, OFFLINE, PASSED, Happened, matrix_run, run

KNOWN = [Suite("lambda", (("envguard", "lambda"),), "build1", 2.5), Suite("six1.0", (("envguard", "six1.0"),))]


def written(*cases: str, properties: str = "") -> ET.Element:
    """Return what pytest writes."""
    text = "".join(cases)
    return ET.fromstring(
        '<testsuites name="pytest tests"><testsuite name="pytest" errors="7" failures="7" skipped="7" tests="7" '
        f'time="4.1" hostname="vm" timestamp="2026-11-21T04:24:46">{properties}{text}</testsuite></testsuites>'
    )


def case(
    environment: str, *properties: tuple[str, str], inside: str = "", name: str = "test_a", time: str = "0.5"
) -> str:
    """Return a case as pytest writes it, labelled already."""
    told = [("envguard", environment), *properties]
    listed = "".join(f'<property name="{key}" value="{value}"/>' for key, value in told if value)
    around = f"<properties>{listed}</properties>" if listed else ""
    classname = f"{environment}.test_it" if environment else "test_it"
    return f'<testcase classname="{classname}" name="{name}" time="{time}">{around}{inside}</testcase>'


def shaped(root: ET.Element, known: list[Suite] = KNOWN, *, strict: bool = True) -> list[ET.Element]:
    """Return the suites afterwards."""
    reshape(root, known, strict=strict)
    return list(root)


def properties(element: ET.Element | None) -> list[tuple[str | None, str | None]]:
    """Return those of an element."""
    assert element is not None
    return [(one.get("name"), one.get("value")) for one in element.iterfind("properties/property")]


def test_each_environment_is_a_suite_with_its_own_cases_counts_time_and_machine() -> None:
    """In the order of the environments, even where one of them has no case."""
    failed, skipped = '<failure message="x"/>', '<skipped message="y"/>'
    root = written(case("six1.0", inside=failed), case("lambda"), case("six1.0", inside=skipped, time="1.25"))
    first, second = shaped(root)
    assert first.attrib == {
        "name": "pytest lambda",
        "errors": "0",
        "failures": "0",
        "skipped": "0",
        "tests": "1",
        "time": "2.500",
        "hostname": "build1",
        "timestamp": "2026-11-21T04:24:46",
    }
    assert [second.get(name) for name in ("name", "tests", "failures", "skipped", "errors", "time", "hostname")] == [
        "pytest six1.0",
        "2",
        "1",
        "1",
        "0",
        "1.750",
        "vm",
    ]


def test_what_is_known_of_a_case_stands_in_its_output_behind_what_it_printed() -> None:
    """Where a case may have no properties; those of the test's own stay, since the user asked for them."""
    facts = [
        ("mine", "1"),
        ("envguard", "lambda"),
        ("envguard_enforced", "kernel"),
        ("envguard_refused", "open /x: EROFS"),
        ("envguard_measured", "load_seconds 1 s"),
    ]
    first, _ = shaped(written(case("lambda", *facts, inside="<system-out>printed\n</system-out>")))
    told = first.find("testcase")
    assert properties(told) == [("mine", "1")]
    assert first.findtext("testcase/system-out") == (
        "printed\nenvguard: refused: open /x: EROFS\nenvguard: measured: load_seconds 1 s\n"
    )
    assert properties(first) == [("envguard", "lambda")]


def test_in_the_older_form_a_case_keeps_its_properties_each_once() -> None:
    """`junit_family=xunit1`."""
    facts = [("envguard", "lambda"), ("envguard_refused", "open /x: EROFS"), ("envguard_refused", "open /y: EROFS")]
    first, _ = shaped(written(case("lambda", *facts)), strict=False)
    told = first.find("testcase")
    assert properties(told) == [("envguard", "lambda"), *facts[1:]]
    assert told is not None and told.find("system-out") is None


def test_the_second_case_of_a_test_is_its_environment_s_as_well() -> None:
    """Of a test that fails and whose teardown fails too, pytest names the second case by the labelled node id."""
    second = case("", name="test_a[x] @six1.0", inside='<error message="e"/>')
    _, suite = shaped(written(case("six1.0", name="test_a[x]", inside='<failure message="f"/>'), second))
    assert [(one.get("classname"), one.get("name")) for one in suite.iter("testcase")] == [
        ("six1.0.test_it", "test_a[x]")
    ] * 2
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")


def test_a_test_can_t_move_into_another_environment() -> None:
    """What it records itself comes behind what was recorded of it."""
    first, second = shaped(written(case("lambda", ("envguard", "six1.0"))))
    assert (first.get("tests"), second.get("tests")) == ("1", "0")


def test_what_belongs_to_no_environment_stays_in_pytest_s_own_suite() -> None:
    """Such as an error of pytest itself; the properties of the whole run stand in every suite."""
    whole = '<properties><property name="ci" value="7"/></properties>'
    internal = '<testcase classname="pytest" name="internal"><error message="e">x</error></testcase>'
    own, first, second = shaped(written(internal, case("lambda"), properties=whole))
    assert (own.get("name"), own.get("tests"), own.get("errors")) == ("pytest", "1", "1")
    assert [properties(suite)[0] for suite in (own, first, second)] == [("ci", "7")] * 3


def test_without_environments_the_suite_stays_and_figures_become_output() -> None:
    """A plain run of tests that have budgets."""
    (suite,) = shaped(written(case("", ("envguard_measured", "load_seconds 1 s"))), [])
    assert suite.get("name") == "pytest"
    assert suite.findtext("testcase/system-out") == "envguard: measured: load_seconds 1 s\n"


def test_an_environment_that_was_stopped_does_not_look_green() -> None:
    """It has an error; cells that contradict themselves are an answer, and skipped."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return "Because so." if versions["six"] == "1.17.0" else {"test_a": PASSED}

    sample = matrix_run({"six": ("1.16.0", "1.17.0")}, happened, (LAMBDA,))
    sample.runs[0].broken = Broken(("root: / is\x1b writable",))
    root = written(case("lambda-six1.16.0"))
    first, second = shaped(root, list(suites(sample.summary())))
    error = first.find("testcase[@name='environment']/error")
    assert error is not None and error.get("message") == r"did not run as a whole: root: / is\x1b writable"
    assert error.text == error.get("message")  # some readers show the one, some the other
    (told,) = first.findall("testcase[@name='environment']")
    assert told.get("classname") == "lambda-six1.16.0.envguard"  # Jenkins cuts at the last dot, which a version has
    assert (first.get("tests"), first.get("errors")) == ("2", "1")
    skipped = second.find("testcase/skipped")
    assert skipped is not None and skipped.get("message") == "did not run as a whole: not resolvable: Because so."
    assert (second.get("name"), second.get("errors"), second.get("skipped")) == ("pytest lambda-six1.17.0", "0", "1")


def test_a_cell_that_is_missing_for_another_reason_is_an_error() -> None:
    """It makes the run fail, too."""
    sample = matrix_run({"six": ("1.16.0",)}, lambda *_: "No index.")
    ((name, cell),) = sample.matrix.cells.items()
    summary = sample.summary(cells={name: cell._replace(kind="offline")})  # type: ignore[call-arg]
    (suite,) = shaped(written(), list(suites(summary)))
    assert suite.get("errors") == "1"


def test_an_environment_that_an_interruption_left_unfinished_does_not_look_green() -> None:
    """It has an error, as long as no test says already that the run failed."""
    plans, runs = [LAMBDA, CONTAINER, OFFLINE], [run("lambda", a=PASSED), run("container", a=PASSED), run("offline")]
    for one in runs[:2]:
        one.collected = ("tests/a.py::a", *(["tests/b.py::b"] if one is runs[1] else []))
    called = Invocation(interrupted="interrupted by Ctrl-C")
    whole, cut, none = suites(summarise(plans, runs, None)._replace(invocations=(called,)))
    assert (whole.trouble, cut.trouble, cut.wanted) == ("", "1 test did not run: interrupted by Ctrl-C", True)
    assert (none.trouble, none.wanted) == ("no test was collected: interrupted by Ctrl-C", True)
    runs[0] = run("lambda", a=EROFS)
    _, cut, _ = suites(summarise(plans, runs, None)._replace(invocations=(called,)))
    assert (bool(cut.trouble), cut.wanted) == (True, False)
    assert not any(suite.trouble for suite in suites(summarise(plans, runs, None)))


def test_a_test_that_did_not_come_to_its_end_is_no_case() -> None:
    """pytest writes one without a name, which is no error to any reader."""
    first, _ = shaped(written('<testcase time="0.1"/>', case("lambda")))
    assert [one.get("name") for one in first.iter("testcase")] == ["test_a"]


def test_reasons_to_fail_that_are_no_test_s_are_cases_of_their_own() -> None:
    """In a suite behind those of the environments, with names that stay the same from run to run."""
    root = written(case("lambda"), properties='<properties><property name="ci" value="7"/></properties>')
    reason = "six 1.15.0: PYSEC-1 (CVE-1), fixed in 1.16.0: Bad\x1b (in 2 cells: a, b)"
    reshape(root, KNOWN[:1], [reason, "not audited: no network (in a)"], strict=True)
    first, second = root
    assert (first.get("name"), second.get("name")) == ("pytest lambda", "pytest packages")
    assert (first.get("failures"), second.get("tests"), second.get("failures")) == ("0", "2", "2")
    assert [(one.get("classname"), one.get("name")) for one in second.iter("testcase")] == [
        ("envguard.packages", "six 1.15.0: PYSEC-1 (CVE-1)"),
        ("envguard.packages", "not audited: no network (in a)"),
    ]
    failure = second.find("testcase/failure")
    assert failure is not None and failure.get("message") == reason.replace("\x1b", r"\x1b") == failure.text


def test_a_suite_says_versions_packages_enforcement_machine_and_interruption() -> None:
    sample = matrix_run({"six": ("1.16.0",), "python": ("3.12",)}, lambda *_: {"test_a": PASSED}, (CONTAINER,))
    (name,) = sample.matrix.coordinates
    summary = sample.summary({name: "build1"})._replace(invocations=(Invocation(interrupted="interrupted by Ctrl-C"),))
    (suite,) = suites(summary)
    assert suite.host == "build1"
    assert dict(suite.properties) == {
        "envguard": name,
        "envguard_profile": name,
        "envguard_enforced": "kernel, parts approximated",
        "envguard_host": "build1",
        "envguard_versions": "six==1.16.0 python==3.12",
        "envguard_packages": "six==1.16.0",
        "envguard_interrupted": "interrupted by Ctrl-C",
    }


def test_the_result_is_what_jenkins_accepts(tmp_path: Path) -> None:
    """And the check of that finds what it doesn't accept: properties of a case, as they were before."""
    file = tmp_path / "out.xml"
    root = written(case("lambda", ("envguard_refused", "x"), inside='<failure message="m">t</failure>'))
    ET.ElementTree(root).write(file)
    assert junit_rules.broken(file) == ["/testsuites/testsuite/testcase may have no properties in it"]
    summary = summarise([LAMBDA], [run("lambda", test_a=PASSED)], None)
    shaped(root, list(suites(summary)))
    ET.ElementTree(root).write(file)
    assert junit_rules.broken(file) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('<testsuites><testsuite name="a" tests="1" failures="0"/></testsuites>', "has no errors"),
        ('<testsuites time="1.2345"/>', "has a time that is none: 1.2345"),
        ("<testsuites><testcase/></testsuites>", "may have no testcase in it"),
        ('<testsuites hostname="x"/>', "may have no hostname"),
    ],
)
def test_the_check_would_find_a_mistake(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "out.xml").write_text(text)
    (found,) = junit_rules.broken(tmp_path / "out.xml")
    assert found.endswith(wrong)
