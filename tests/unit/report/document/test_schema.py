"""The published JSON Schema: it describes all that is written, and refuses what isn't a report."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from pytest_envguard.report.document.writing import SCHEMA, document
from pytest_envguard.report.summary import Summary
from tests.unit.report.whole import WHOLE, plain


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema as it's installed."""
    return json.loads(files("pytest_envguard.report.document").joinpath("schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def errors(schema: Any) -> Callable[[Any], list[str]]:
    """What is wrong with a document; also properties that the schema doesn't know, which readers may leave alone."""
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema)
    strict = Draft202012Validator(closed(schema))
    return lambda facts: [f"{error.json_path}: {error.message[:200]}" for error in strict.iter_errors(facts)]


def closed(schema: Any) -> Any:
    """Return a schema that allows nothing it doesn't describe."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if "properties" in made and made.get("type") == "object" and "additionalProperties" not in made:
        made["unevaluatedProperties"] = False
    return made


@pytest.mark.parametrize("make", WHOLE.values(), ids=WHOLE)
def test_all_that_is_written_is_described(make: Callable[[], Summary], errors: Callable[[Any], list[str]]) -> None:
    """Every property, of every thing that a run can have."""
    assert errors(json.loads(json.dumps(document(make())))) == []


def test_a_property_that_the_schema_does_not_know_would_be_noticed(errors: Callable[[Any], list[str]]) -> None:
    """At any depth: else the test above could not fail."""
    for place in ([], ["environments", 0], ["tests", 0, "failures", "lambda"], ["causes", 0, "tried", 0]):
        facts = document(plain())
        inside: Any = facts
        for key in place:
            inside = inside[key]
        inside["unheard_of"] = 1
        assert any("unheard_of" in error for error in errors(facts)), place


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["schema"], SCHEMA + 1),
        (["tool", "name"], "bandit"),
        (["environments", 0, "enforcement", 0, "strength"], "iron"),
        (["tests", 0, "outcomes", "lambda"], "flaky"),
        (["tests", 0, "failures", "lambda", "place", "line"], "12"),
        (["invocations", 0, "seconds"], None),
        (["causes", 0, "remedies", 0, "set"], ["A=b"]),
    ],
)
def test_a_value_that_is_wrong_is_refused(place: list[Any], value: Any, errors: Callable[[Any], list[str]]) -> None:
    """As by the reader."""
    facts = copy.deepcopy(document(plain()))
    inside: Any = facts
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    assert errors(facts)


def test_it_names_the_number_that_documents_have(schema: Any) -> None:
    """And is itself of the draft that it says."""
    assert schema["properties"]["schema"]["const"] == SCHEMA
    assert schema["$id"] == f"urn:pytest-envguard:report:{SCHEMA}"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
