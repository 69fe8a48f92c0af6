"""The environment's name in what xdist passes on."""

from __future__ import annotations

import pytest

from pytest_envguard.engine.labels import (
    LAST_FAILED,
    label_report,
    labelled,
    plain_last_failed,
)
from pytest_envguard.model.verdict import Outcome, Run

NODEID = "tests/test_a.py::TestB::test_c[x::y]"


def report(when: str, nodeid: str = NODEID, name: str = "TestB.test_c[x::y]") -> pytest.TestReport:
    """Return pytest's report of one phase."""
    return pytest.TestReport(nodeid, ("tests/test_a.py", 7, name), {}, "passed", None, when)  # type: ignore[arg-type]


def test_the_plain_node_id_still_selects_the_test() -> None:
    """The part before the space is the node id."""
    assert labelled(NODEID, "lambda+offline").partition(" ") == (NODEID, " ", "@lambda+offline")


@pytest.mark.parametrize(("when", "properties"), [("setup", []), ("call", []), ("teardown", [("envguard", "lambda")])])
def test_a_report_of_a_phase(when: str, properties: list[tuple[str, str]]) -> None:
    """Node id and location have the name in every phase; junit's property comes once, with the last one."""
    got = report(when)
    label_report(got, "lambda")
    assert got.nodeid == f"{NODEID} @lambda"
    assert got.location == ("tests/test_a.py", 7, "TestB.test_c[x::y] @lambda")
    assert got.user_properties == properties


def test_a_report_of_a_crash() -> None:
    """Of a crashed test xdist knows only the file; its name is taken from the node id."""
    got = report("???", name="tests/test_a.py")
    label_report(got, "lambda")
    assert got.location == ("tests/test_a.py", 7, "TestB::test_c[x::y] @lambda")
    assert got.user_properties == [("envguard", "lambda")]


@pytest.mark.parametrize(
    ("longrepr", "labelled_longrepr"),
    [
        ("E  no module", "E  no module\n(collected in lambda)"),
        (("t.py", 1, "Skipped"), ("t.py", 1, "Skipped")),
        (None, None),
    ],
)
def test_a_report_of_a_collection(longrepr: object, labelled_longrepr: object) -> None:
    """The text of a collection error differs for each environment, or xdist would show it only once."""
    got = pytest.CollectReport("t.py", "failed", longrepr, [])  # type: ignore[arg-type]
    label_report(got, "lambda")
    assert (got.nodeid, got.longrepr) == ("t.py @lambda", labelled_longrepr)


@pytest.mark.parametrize(
    ("before", "outcomes", "after"),
    [
        ({}, [{"a": "passed"}], []),
        ({}, [{"a": "failed"}, {"a": "passed"}], ["a"]),
        ({"a": True}, [{"a": "passed"}, {"a": "passed"}], []),
        ({"a": True, "z": True}, [{"a": "passed", "b": "error"}], ["b", "z"]),
        ({"a": True}, [{"a": "skipped"}, {"a": "failed"}], ["a"]),
    ],
)
def test_last_failed(
    pytester: pytest.Pytester, before: dict[str, bool], outcomes: list[dict[str, str]], after: list[str]
) -> None:
    """The cache knows plain node ids: failed in any environment, or failed before and not run this time."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfigure("-p", "no:asyncio")
    runs = [
        Run(str(number), {nodeid: Outcome(word) for nodeid, word in run.items()}) for number, run in enumerate(outcomes)
    ]
    plain_last_failed(config, before, runs)
    assert config.cache is not None
    assert config.cache.get(LAST_FAILED, None) == dict.fromkeys(after, True)
