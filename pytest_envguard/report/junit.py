"""A junit file in which environments stand apart: pytest's own, with a suite for each environment and what is known of it.

Its readers tell cases apart by the suite's name, class name and name (GitLab: lib/gitlab/ci/reports/test_case.rb; Jenkins;
dorny/test-reporter), older ones of them within a suite by name alone (mikepenz/action-junit-report, `check_retries`), and
some find no suites within suites. What Jenkins' xUnit plugin reads, it checks against its junit-10.xsd: there a suite has
properties, and a case has none. So what is known of a case stands in its output, as long as the user didn't ask
for the older form, in which a case may have properties (``junit_family=xunit1``).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.budget import PROPERTY as MEASURED
from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.enforcement import mechanism
from pytest_envguard.report.groups import count
from pytest_envguard.report.markdown.markup import visible
from pytest_envguard.report.printable import short
from pytest_envguard.report.summary import Summary

ENVIRONMENT = "envguard"  # what a case's property with the environment is called, and a suite's
REFUSED = "envguard_refused"
_SAID = {REFUSED: "refused", MEASURED: "measured"}
_OWN = (ENVIRONMENT, "envguard_enforced", "envguard_host", "envguard_versions", *_SAID)
_PACKAGES = "packages"  # what the suite and the class of reasons are called that no environment has
_LONGEST_NAME = 150


class Suite(NamedTuple):
    """What is known of an environment besides its cases.

    Attributes:
        environment: Its name.
        properties: Names and values.
        host: The machine that it was on; "" for pytest's own.
        seconds: What it took; 0 where nobody knows.
        trouble: Why it, or a part of it, didn't run; "" if it did.
        wanted: Whether that makes the run fail.
    """

    environment: str
    properties: tuple[tuple[str, str], ...]
    host: str = ""
    seconds: float = 0.0
    trouble: str = ""
    wanted: bool = True


def suites(summary: Summary) -> Iterator[Suite]:
    """Return what is known of each environment, of those that could not be had as well."""
    red = bool(summary.rows)
    for plan, run in zip(summary.plans, summary.runs, strict=True):
        trouble = "; ".join(run.broken.promises) if run.broken else _left(run, summary.interrupted)
        host = plan.machine.name if plan.machine else ""
        wanted = run.broken is not None or not red
        properties = tuple(_properties(plan, run, summary))
        yield Suite(run.environment, properties, host, run.resources.seconds, trouble, wanted)
    for environment, cell in summary.matrix.not_ready().items() if summary.matrix else ():
        properties = ((ENVIRONMENT, environment), ("envguard_versions", _versions(cell)))
        yield Suite(environment, properties, trouble=f"{cell.kind}: {cell.reason}", wanted=not cell.conflict)


def _left(run: Run, interrupted: str) -> str:
    """Return what is missing of an environment in a run that was interrupted, "" if nothing is."""
    missing = [nodeid for nodeid in run.collected or () if nodeid not in run.outcomes]
    if not interrupted or (run.collected is not None and not missing):
        return ""
    what = "no test was collected" if run.collected is None else f"{count(len(missing), 'test')} did not run"
    return f"{what}: {interrupted}"


def _properties(plan: Plan, run: Run, summary: Summary) -> Iterator[tuple[str, str]]:
    yield ENVIRONMENT, run.environment
    yield "envguard_profile", plan.made_from
    yield "envguard_enforced", mechanism(plan)
    if plan.machine:
        yield "envguard_host", plan.machine.name
    if cell := plan.cell or (summary.matrix and summary.matrix.cells.get(run.environment)):
        yield "envguard_versions", _versions(cell)
    if isinstance(cell, Ready):
        yield "envguard_packages", " ".join(f"{name}=={cell.packages[name]}" for name in sorted(cell.packages))
    if summary.interrupted:
        yield "envguard_interrupted", summary.interrupted


def _versions(cell: Ready | NotReady) -> str:
    return " ".join(f"{axis}=={version}" for axis, version in cell.cell.versions)


def reshape(root: ET.Element, known: Sequence[Suite], failing: Sequence[str] = (), *, strict: bool) -> None:
    """Give each environment a suite, behind pytest's own, which keeps what belongs to none.

    Args:
        root: The file's root, changed in place.
        known: The environments.
        failing: Why the run fails besides what happened in environments: a file of green cases would belie it.
        strict: Whether a case may have no properties.
    """
    named = {suite.environment: suite for suite in known}
    whole = root.find("testsuite")
    if whole is None:
        return
    cases: dict[str, list[ET.Element]] = {name: [] for name in named}
    for case in whole.findall("testcase"):
        if case.get("name") is None:  # pytest's trace of a test that an interruption kept from its end
            whole.remove(case)
            continue
        environment = _environment(case, named)
        _tidy(case, strict=strict)
        if environment:
            cases[environment].append(case)
            whole.remove(case)
    for name, suite in named.items():
        root.append(_suite(whole, suite, cases[name]))
    if failing:
        root.append(_suite(whole, Suite(_PACKAGES, ()), [_reason(text) for text in failing]))
    if named and whole.find("testcase") is None:
        root.remove(whole)
    else:
        _count(whole)


def _environment(case: ET.Element, known: Mapping[str, Suite]) -> str:
    """Return which environment a case is from, and give it its plain name: of a second case for a test pytest forgets it."""
    name, classname = case.get("name", ""), case.get("classname", "")
    labelled = next((one for one in known if name.endswith(f" @{one}")), "")
    if labelled:
        case.set("name", name.removesuffix(f" @{labelled}"))
        case.set("classname", f"{labelled}.{classname}")
        return labelled
    said = (one.get("value", "") for one in case.iterfind("properties/property") if one.get("name") == ENVIRONMENT)
    return next((one for one in said if one in known), "")


def _tidy(case: ET.Element, *, strict: bool) -> None:
    """Keep each property of ours once, or in its output what there is to say."""
    properties = case.find("properties")
    if properties is None:
        return
    own = [one for one in properties if one.get("name") in _OWN]
    seen = set()
    for one in own:
        said = (one.get("name", ""), one.get("value", ""))
        if strict or said in seen:
            properties.remove(one)
        seen.add(said)
    if strict:
        _say(case, [(one.get("name", ""), one.get("value", "")) for one in own])
    if not len(properties):
        case.remove(properties)


def _say(case: ET.Element, properties: Iterable[tuple[str, str]]) -> None:
    lines = [f"envguard: {_SAID[name]}: {visible(value)}" for name, value in properties if name in _SAID]
    if lines:
        said = case.find("system-out")
        if said is None:
            said = ET.SubElement(case, "system-out")
        before = (said.text or "").rstrip("\n")
        said.text = "\n".join([*([before] if before else []), *lines, ""])


def _suite(whole: ET.Element, suite: Suite, cases: Sequence[ET.Element]) -> ET.Element:
    """Return the suite of an environment: pytest's own attributes and properties, and its own."""
    made = ET.Element("testsuite", whole.attrib)
    made.set("name", visible(f"{whole.get('name', '')} {suite.environment}"))
    if suite.host:
        made.set("hostname", visible(suite.host))
    properties = ET.SubElement(made, "properties")
    properties.extend(whole.iterfind("properties/property"))
    for name, value in suite.properties:
        ET.SubElement(properties, "property", name=name, value=visible(value))
    made.extend(cases)
    if suite.trouble:
        made.append(_trouble(suite))
    seconds = suite.seconds or sum(float(case.get("time", 0)) for case in cases)
    made.set("time", f"{seconds:.3f}")
    _count(made)
    return made


def _trouble(suite: Suite) -> ET.Element:
    """Return a case for what didn't run: a suite without failures would look green."""
    case = ET.Element("testcase", classname=f"{visible(suite.environment)}.envguard", name="environment", time="0.000")
    said = f"did not run as a whole: {visible(suite.trouble)}"
    ET.SubElement(case, "error" if suite.wanted else "skipped", message=said).text = said
    return case


def _reason(text: str) -> ET.Element:
    """Return a case for a reason to fail, whose name stays the same while more becomes known of it."""
    name = visible(short(text.partition(",")[0], _LONGEST_NAME))
    case = ET.Element("testcase", classname=f"envguard.{_PACKAGES}", name=name, time="0.000")
    ET.SubElement(case, "failure", message=visible(text)).text = visible(text)
    return case


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(len(case.findall(tag)) for case in cases)))
