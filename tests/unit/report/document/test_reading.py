"""Reports that are read back: nothing is lost, and what is no report is one clear error."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import pytest_envguard
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.cell import Ready
from pytest_envguard.model.diagnosis import Diagnosis
from pytest_envguard.model.host import Machine
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.document.reading import read
from pytest_envguard.report.document.writing import document, dumps
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.pages import LAMBDA, run
from tests.unit.report.whole import WHOLE, plain

# What is for whoever runs something, or lets experiments explain it: no report tells it.
LEFT_OUT: dict[type, tuple[str, ...]] = {
    Plan: ("script", "promises", "cell", "profile"),
    Run: ("evidence", "collected"),
    Diagnosis: ("measure",),
    Ready: ("base", "path"),
    Machine: ("python", "launcher", "path", "given", "programs", "project", "folder", "scratch"),
}


def values(thing: Any) -> Iterator[Any]:
    """Yield a value and all that is in it."""
    yield thing
    if dataclasses.is_dataclass(thing):
        thing = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    for part in thing.values() if isinstance(thing, Mapping) else thing if isinstance(thing, tuple | list) else ():
        yield from values(part)


def kept(thing: Any) -> Any:
    """Return a value in tuples and texts, without what is left out on purpose; tables keep their order."""
    if hasattr(thing, "_fields") or dataclasses.is_dataclass(thing):
        return {
            name: kept(getattr(thing, name))
            for name in defaults(type(thing))
            if name not in LEFT_OUT.get(type(thing), ())
        }
    if isinstance(thing, Mapping):
        return [(key, kept(value)) for key, value in thing.items()]
    return [kept(part) for part in thing] if isinstance(thing, tuple | list) else repr(thing)


def defaults(kind: type) -> dict[str, Any]:
    """Return each field of a type with its default, None where it has none."""
    if dataclasses.is_dataclass(kind):
        empty = kind("")
        return {field.name: getattr(empty, field.name) for field in dataclasses.fields(kind)}
    known = getattr(kind, "_field_defaults", {})
    return {name: known.get(name) for name in kind._fields}


@pytest.mark.parametrize("make", WHOLE.values(), ids=WHOLE)
def test_what_was_written_and_read_is_written_the_same_again(make: Callable[[], Summary]) -> None:
    """Byte by byte; and from facts as from their text."""
    text = dumps(make())
    assert dumps(read(text, "x.json")) == text
    assert document(read(json.loads(text), "x.json")) == json.loads(text)


@pytest.mark.parametrize("make", WHOLE.values(), ids=WHOLE)
def test_every_value_of_a_run_comes_back(make: Callable[[], Summary]) -> None:
    """All that a report could draw from, in the same order."""
    summary = make()
    assert kept(read(dumps(summary), "x.json")) == kept(summary)


def test_the_samples_have_something_in_every_field_of_every_type() -> None:
    """Who adds a field decides whether reports have it: in a sample, or in `LEFT_OUT`."""
    seen: dict[tuple[type, str], bool] = {}
    for one in (part for make in WHOLE.values() for part in values(make())):
        if hasattr(one, "_fields") or dataclasses.is_dataclass(one):
            for name, default in defaults(type(one)).items():
                filled = getattr(one, name) != default
                seen[type(one), name] = seen.get((type(one), name), False) or filled
    empty = [f"{kind.__name__}.{name}" for (kind, name), filled in seen.items() if not filled]
    left_out = {f"{kind.__name__}.{name}" for kind, names in LEFT_OUT.items() for name in names}
    assert [name for name in empty if name not in left_out] == []
    assert len({kind for kind, _ in seen}) >= 25


def test_tests_come_back_in_the_order_in_which_they_ran() -> None:
    """It's that of timelines, and not the same in each environment."""
    before, after = plain(), read(dumps(plain()), "x.json")
    assert [list(run.outcomes) for run in after.runs] == [list(run.outcomes) for run in before.runs]
    assert [list(run.seconds) for run in after.runs] == [list(run.seconds) for run in before.runs]


def test_tests_that_were_to_run_and_did_not_are_known() -> None:
    """So that nobody takes them for removed."""
    first, _, stopped = read(dumps(plain()), "x.json").runs
    assert first.collected is not None
    assert set(first.collected) - set(first.outcomes) == {"tests/z.py::z"}
    assert stopped.collected == tuple(stopped.outcomes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json is empty"),
        (" \n", "x.json is empty"),
        (dumps(plain())[:5000], "x.json is not whole: it ends in line "),
        (dumps(plain()).rstrip()[:-1], "x.json is not whole: it ends in line "),
        ("<html>", "x.json is not JSON: line 1, column 1: "),
        ("[" * 100_000, "x.json is no report: its lists lie too deep in each other"),
        ('{"a": NaN}', "x.json is not JSON, which has no number NaN"),
        (f'{{"a": {"9" * 5000}}}', "x.json is no report: it has a number of thousands of digits"),
        ("[]", "x.json is JSON, but no report of pytest-envguard"),
        ("3", "x.json is JSON, but no report of pytest-envguard"),
        ('{"created": 1.5, "tests": []}', "x.json is JSON, but no report of pytest-envguard"),
        ('{"tool": {"name": "bandit"}}', "x.json is JSON, but no report of pytest-envguard"),
        ('{"tool": {"name": "pytest-envguard"}}', "x.json is no report of pytest-envguard: its `schema` is no number "),
        (
            '{"tool": {"name": "pytest-envguard", "version": "9.1\\u001b[31m"}, "schema": 2}',
            f"x.json was written by pytest-envguard 9.1\\x1b[31m with schema 2; pytest-envguard {pytest_envguard.__version__} reads 1",
        ),
        ('{"tool": {"name": "pytest-envguard"}, "schema": 1}', "x.json is not as pytest-envguard writes reports: "),
    ],
    ids=range(15),
)
def test_what_is_no_report_is_one_error(text: str, message: str) -> None:
    """Empty, truncated, another tool's, a newer version's: each says which it is."""
    with pytest.raises(EnvguardError) as caught:
        read(text, "x.json")
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("tests", 0, "outcomes", "lambda"), "flaky", "tests[0].outcomes.lambda: expected one of `passed`, "),
        (("tests", 0, "outcomes", "nowhere"), "passed", "tests[0].outcomes: expected an environment of this run, found `nowhere`"),
        (("tests", 1, "outcomes", "lambda"), "failed", "tests[1].outcomes.lambda: expected a failure where"),
        (("tests", 1, "nodeid"), "tests/c.py::c", "tests[2].nodeid: expected a name that no other has"),
        (("environments", 0, "seconds"), "2", "environments[0].seconds: expected a number, found `2`"),
        (("environments", 0, "seconds"), 10**400, "environments[0].seconds: expected a number, found 1000"),
        (("environments", 0, "peak_memory_bytes"), -1, "environments[0].peak_memory_bytes: expected a whole number from 0 on, found -1"),
        (("environments", 0, "peak_memory_bytes"), True, "environments[0].peak_memory_bytes: expected a whole number from 0 on, found true"),
        (("environments", 0, "name"), "x" * 2000, "environments[0].name: expected a name of at most 1000 characters"),
        (("environments", 1, "name"), "lambda", "environments[1].name: expected a name that no other has, found `lambda`"),
        (("environments", 1, "order"), [0, 1], "environments[1].order: expected the numbers of all 6 tests"),
        (("environments", 0, "enforcement", 0, "strength"), "iron", "environments[0].enforcement[0].strength: expected one of `none`"),
        (("causes", 0, "tried", 0, "applied"), [7], "causes[0].tried[0].applied[0]: expected the number of one of 3 remedies, found 7"),
        (("causes", 0, "tests"), {"mars": ["a"]}, "causes[0].tests: expected tests in environments of this run, found an object"),
        (("refused_but_passed", 0, "nodeids"), [], "refused_but_passed[0]: expected at least one environment and one test"),
        (("compared_with_host",), None, "compared_with_host: expected true or false, found null"),
        (("notes",), "x\x1b]0;", "notes: expected a list, found `x\\x1b]0;`"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_as_it_should_be_is_named_with_its_place(
    place: tuple[Any, ...], value: Any, told: str
) -> None:
    """One error for the first of them, nothing in it that a terminal would obey."""
    facts = document(plain())
    inside = facts
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    with pytest.raises(EnvguardError) as caught:
        read(facts, "x.json")
    assert caught.value.message.startswith(f"x.json is not as pytest-envguard writes reports: {told}")
    assert "envguard report schema" in caught.value.hint
    assert caught.value.message.isprintable() and len(caught.value.message) < 400


def test_a_place_that_is_not_there_is_named() -> None:
    """Whatever is always written is expected."""
    facts = document(plain())
    del facts["environments"][2]["mechanism" if "mechanism" in facts["environments"][2] else "summary"]
    with pytest.raises(EnvguardError, match=r"environments\[2\] has no `summary`"):
        read(facts, "x.json")


def test_what_a_later_version_adds_is_left_alone() -> None:
    """The schema's number says whether it would be misunderstood."""
    facts = document(plain())
    facts["more"] = facts["environments"][0]["more"] = {"a": [1]}
    assert read(facts, "x.json") == read(document(plain()), "x.json")


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_changed_it_is_read_or_refused(seed: int) -> None:
    """Never another exception; and what is read can be written."""
    chance = random.Random(seed)
    for _ in range(5):
        facts = copy.deepcopy(document(WHOLE[chance.choice(list(WHOLE))]()))
        inside: Any = facts
        while isinstance(inside, dict | list) and inside:
            key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            if chance.random() < 0.25 or not isinstance(inside[key], dict | list) or not inside[key]:
                inside[key] = chance.choice(
                    [None, True, -1, 7, 10**30, 0.5, "", "x", "lambda", "9" * 999, [], {}, ["x"], {"x": 1}]
                )
                break
            inside = inside[key]
        try:
            found = read(facts, "x.json")
        except EnvguardError:
            continue
        assert dumps(read(dumps(found), "x.json")) == dumps(found)


def test_names_that_no_encoding_has_come_back() -> None:
    """A file name's odd byte is a lone surrogate in Python."""
    odd = Outcome("failed", "no file 'caf\udce9 ü \\'")
    summary = summarise([LAMBDA], [run("lambda", a=odd)], None)
    text = dumps(summary).encode("utf-8").decode("utf-8")
    assert read(text, "x.json").rows[0].outcomes["lambda"].message == odd.message
