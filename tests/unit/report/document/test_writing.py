"""The run as JSON."""

from __future__ import annotations

import json
import math

import pytest_envguard
from pytest_envguard.model.budget import Figure
from pytest_envguard.model.finding import Audited, Finding, Ignored, NotAudited, Vulnerability
from pytest_envguard.model.verdict import Broken, Outcome
from pytest_envguard.report.document.writing import document, dumps
from pytest_envguard.report.summary import summarise
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, OFFLINE, PASSED, Happened, Sample, matrix_run, run

PLACED = EROFS._replace(place=("tests/test_a.py", 12))


def happened(profile: str, versions: dict[str, str]) -> Happened:
    """Fail in lambda with the first version; there is no second one."""
    if versions["six"] == "1.16.0":
        return "Because nobody has it."
    return {"test_a": PLACED if profile == "lambda" else PASSED, "test_b": PASSED}


def sample() -> Sample:
    """Return a run of two profiles and two versions, of which one can't be had."""
    return matrix_run({"python": ("3.11",), "six": ("1.15.0", "1.16.0")}, happened, (LAMBDA, CONTAINER))


LAMBDA_CELL = "lambda-py311-six1.15.0"
CONTAINER_CELL = "container-py311-six1.15.0"
NODEID = "tests/test_a.py::test_a"


def test_a_run_without_versions() -> None:
    """It has environments, tests, groups and what was refused; nothing of a matrix."""
    here = run("lambda", 2.5, 1024, 512, test_a=PLACED, test_b=PASSED)
    here.refused("tests/test_b.py::test_b", [["open", "/x", "EROFS", "lib", "lib.py:3", 2, "call", ""]])
    here.unwatched = "the kernel is too old"
    facts = document(summarise([LAMBDA], [here], run("host", test_a=PASSED)))
    refusal = {
        "operation": "open",
        "target": "/x",
        "error": "EROFS",
        "library": "lib",
        "place": "lib.py:3",
        "times": 2,
        "phase": "call",
        "process": "",
    }
    assert facts == {
        "schema": 1,
        "tool": {"name": "pytest-envguard", "version": pytest_envguard.__version__},
        "invocations": [],
        "notes": [],
        "environments": [
            {
                "name": "lambda",
                "summary": "AWS Lambda, zip function",
                "enforcement": [
                    {
                        "dimension": dimension,
                        "value": value,
                        "strength": "kernel",
                        "mechanism": "namespaces",
                        "reason": "",
                        "mend": "",
                    }
                    for dimension, value in (("root", "read-only root"), ("tmp", "/tmp 512 MiB"))
                ],
                "answers_system_calls": False,
                "made_from": "lambda",
                "lineage": [],
                "notes": ["the project (/tmp/p) was put back, read-only"],
                "seconds": 2.5,
                "peak_memory_bytes": 1024,
                "peak_tmp_bytes": 512,
                "tests": 2,
                "failed": 1,
                "stopped": [],
                "deaths": [],
                "refusals_not_listed": "the kernel is too old",
                "did_not_run": None,
                "order": None,
                "machine": "",
                "machine_facts": None,
            }
        ],
        "compared_with_host": True,
        "tests": [
            {
                "nodeid": NODEID,
                "outcomes": {"lambda": "failed"},
                "failures": {
                    "lambda": {
                        "message": EROFS.message,
                        "verdict": "fails only here",
                        "on_host": "passed",
                        "place": {"file": "tests/test_a.py", "line": 12},
                    }
                },
                "on_host": {"word": "passed", "message": "", "own_environment": "", "place": None},
            },
            {
                "nodeid": "tests/test_b.py::test_b",
                "outcomes": {"lambda": "passed"},
                "refusals": {"lambda": [refusal]},
            },
        ],
        "groups": [
            {
                "explanation": "fails only in lambda",
                "boxes": [],
                "tests": [
                    {
                        "nodeid": NODEID,
                        "reasons": [{"where": "", "message": EROFS.message, "environments": ["lambda"]}],
                    }
                ],
            }
        ],
        "refused_but_passed": [
            {"environments": ["lambda"], "refusal": refusal, "nodeids": ["tests/test_b.py::test_b"]}
        ],
        "causes": [],
    }


def test_every_environment_says_where_it_lies() -> None:
    """Profile, versions, cell and machine."""
    facts = document(sample().summary({CONTAINER_CELL: "build1"}))
    lies = [
        {key: one[key] for key in ("name", "profile", "versions", "cell", "machine")} for one in facts["environments"]
    ]
    versions = {"python": "3.11", "six": "1.15.0"}
    assert lies == [
        {"name": LAMBDA_CELL, "profile": "lambda", "versions": versions, "cell": "py311-six1.15.0", "machine": ""},
        {"name": CONTAINER_CELL, "profile": "container", "versions": versions, "cell": "py311-six1.15.0", "machine": "build1"},
    ]  # fmt: skip
    assert facts["axes"] == ["environment", "python", "six"]


def test_groups_have_their_explanation_as_data() -> None:
    """On each axis that matters the values."""
    (group,) = document(sample().summary())["groups"]
    assert (group["explanation"], group["boxes"]) == ("fails only in lambda", [{"environment": ["lambda"]}])


def test_every_cell_has_what_was_resolved_or_the_reason_why_not() -> None:
    """And what is known about its packages."""
    found = Vulnerability("six", "1.15.0", "PYSEC-1", ("CVE-1",), ("1.16.0",), "Bad")
    audit = Audited(
        "PyPI",
        (found,),
        {"six": "1.15.0"},
        {"mine": "unknown"},
        {"own": "local"},
        (Ignored(found, "so", "2027-01-01"),),
    )
    facts = document(
        sample().summary(
            findings={"py311-six1.15.0": [Finding("too big", "", "312 MiB", "", "lambda", ("torch 200 MiB",))]},
            audits={"py311-six1.15.0": audit},
        )
    )
    ready, lost = facts["cells"]
    assert lost == {
        "name": "py311-six1.16.0",
        "environments": ["lambda-py311-six1.16.0", "container-py311-six1.16.0"],
        "versions": {"python": "3.11", "six": "1.16.0"},
        "pinned": [["python", "3.11"], ["six", "1.16.0"]],
        "as_of": "",
        "extra": [],
        "requirements": ["six==1.16.0"],
        "state": "not resolvable",
        "reason": "Because nobody has it.",
    }
    advisory = {
        "package": "six",
        "version": "1.15.0",
        "id": "PYSEC-1",
        "aliases": ["CVE-1"],
        "fixed_in": ["1.16.0"],
        "summary": "Bad",
    }
    assert (ready["state"], ready["python"], ready["packages"]) == ("ready", "3.11.7", {"six": "1.15.0"})
    assert ready["resolved"] == "2026-11-20T10:00:00Z"
    assert ready["findings"] == [
        {
            "kind": "too big",
            "package": "",
            "text": "312 MiB",
            "by": "",
            "environment": "lambda",
            "details": ["torch 200 MiB"],
        }
    ]
    assert ready["audit"] == {
        "state": "audited",
        "service": "PyPI",
        "vulnerabilities": [advisory],
        "ignored": [{**advisory, "ignored_because": "so", "ignored_until": "2027-01-01"}],
        "checked": {"six": "1.15.0"},
        "unknown": {"mine": "unknown"},
        "not_sent": {"own": "local"},
        "notes": [],
        "asked_earlier_today": False,
        "seconds": 0.0,
    }


def test_a_cell_that_was_not_audited_says_so() -> None:
    """It's told from one that nobody wanted to audit."""
    (ready, _) = document(sample().summary(audits={"py311-six1.15.0": NotAudited("no network", "try later")}))["cells"]
    assert ready["audit"] == {"state": "not audited", "reason": "no network", "hint": "try later"}
    assert document(sample().summary())["cells"][0]["audit"] is None


def test_what_stopped_an_environment() -> None:
    """Broken promises and deaths of workers."""
    broken = run("offline")
    broken.broken, broken.deaths = Broken(("it could connect",)), ["killed by SIGKILL"]
    (facts,) = document(summarise([OFFLINE], [broken], None))["environments"]
    assert (facts["stopped"], facts["deaths"]) == (["it could connect"], ["killed by SIGKILL"])


def test_the_environment_that_a_test_asks_for_itself() -> None:
    """It stands with the test."""
    own = Outcome("passed", own_environment="no_network")
    (test,) = document(summarise([LAMBDA], [run("lambda", test_a=own)], None))["tests"]
    assert test == {"nodeid": NODEID, "outcomes": {"lambda": "passed"}, "own_environment": "no_network"}


def test_an_environment_that_not_all_runs_of_a_test_could_tell() -> None:
    """A worker that died didn't."""
    runs = [
        run("lambda", test_a=Outcome("failed", "died")),
        run("container", test_a=Outcome("passed", "", "no_network")),
    ]
    (test,) = document(summarise([LAMBDA, CONTAINER], runs, None))["tests"]
    assert test["own_environments"] == {"lambda": "", "container": "no_network"}


def test_numbers_that_json_lacks_are_null() -> None:
    """Bounds of figures can be infinite, which says nothing."""
    here = run("lambda", test_a=PASSED)
    here.figures[NODEID] = (Figure("peak", "B", 1.0, low=-math.inf, high=math.inf),)
    (test,) = json.loads(dumps(summarise([LAMBDA], [here], None)))["tests"]
    (figure,) = test["measured"]["lambda"]
    assert (figure["value"], figure["low"], figure["high"]) == (1.0, None, None)


def test_the_text_is_json_of_the_same() -> None:
    """In the order of the run, the same every time."""
    text = dumps(sample().summary())
    assert json.loads(text) == document(sample().summary())
    assert text == dumps(sample().summary())
    assert text.endswith("}\n")


def test_a_name_that_no_encoding_has_can_be_written() -> None:
    """A file name's odd byte is a lone surrogate in Python."""
    odd = Outcome("failed", "no file 'caf\udce9 ü'")
    text = dumps(summarise([LAMBDA], [run("lambda", test_a=odd)], None))
    assert "ü" in text.encode("utf-8").decode("utf-8")
    assert json.loads(text)["tests"][0]["failures"]["lambda"]["message"] == odd.message
