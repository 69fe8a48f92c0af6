"""What Jenkins' xUnit plugin accepts of a junit file, by hand: the rules of its junit-10.xsd (version 10, MIT licensed).

Which elements may stand in which, with which attributes; some attributes must be there, and a suite's time has a form.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

_RERUNS = {"rerunFailure", "rerunError", "flakyFailure", "flakyError"}
_RERUN = ({"stackTrace", "system-out", "system-err"}, {"message", "type"}, {"type"})
_ENDING = (set(), {"type", "message"}, set())
_TEXT: tuple[set[str], set[str], set[str]] = (set(), set(), set())
_COUNTS = {"tests", "failures", "errors"}
_ABOUT_SUITES = {"skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"}
_RULES = {
    "testsuites": ({"testsuite"}, {"name", "time", *_COUNTS}, set()),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        {"name", "group", "time", *_COUNTS, *_ABOUT_SUITES},
        {"name", *_COUNTS},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, {"name", "value"}),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err", *_RERUNS},
        {"name", "time", "classname", "group"},
        {"name"},
    ),
    **dict.fromkeys(("failure", "error", "skipped"), _ENDING),
    **dict.fromkeys(("system-out", "system-err", "stackTrace"), _TEXT),
    **dict.fromkeys(_RERUNS, _RERUN),
}
"""Element to the elements in it, its attributes, and those that it must have."""

_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")


def broken(file: Path) -> list[str]:
    """Return what is wrong with a file."""
    return list(_broken(ET.parse(file).getroot(), "/"))


def _broken(element: ET.Element, place: str) -> Iterator[str]:
    children, attributes, needed = _RULES[element.tag]
    place = f"{place}{element.tag}"
    yield from (f"{place} has no {name}" for name in needed - set(element.attrib))
    yield from (f"{place} may have no {name}" for name in set(element.attrib) - attributes)
    if element.tag in ("testsuites", "testsuite") and not _TIME.fullmatch(element.get("time", "")):
        yield f"{place} has a time that is none: {element.get('time')}"
    for child in element:
        if child.tag in children:
            yield from _broken(child, f"{place}/")
        else:
            yield f"{place} may have no {child.tag} in it"
