"""Reading what the program in the fresh interpreter tells."""

from __future__ import annotations

import json

from pytest_envguard.modelfolder.measured import Failure, Measured, Output, Stage, Trip, read


def lines(*events: dict[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def test_events_become_values() -> None:
    """In the order in which they were told."""
    found = read(
        lines(
            {"event": "begins", "stage": "tokenizer"},
            {"event": "ended", "stage": "tokenizer", "seconds": 1.5, "memory": 7},
            {"event": "text", "name": "x", "tokens": 2, "unknown": 0, "decoded": "y"},
            {"event": "forward", "outputs": [{"name": "o", "shape": [1, 2], "nan": 0, "infinite": 0, "zero": False, "numbers": 2}]},
            {"event": "failed", "stage": "model", "type": "E", "message": "m", "chain": ["E: m"], "trace": "t"},
            {"event": "absent", "stage": "model", "package": "torch"},
            {"event": "done"},
        )
    )  # fmt: skip
    assert found.done
    assert found.at == "tokenizer"
    assert found.stage("tokenizer") == Stage("tokenizer", 1.5, 7)
    assert found.trips == (Trip("x", 2, 0, decoded="y"),)
    assert found.outputs == (Output("o", (1, 2), 0, 0, False, 2),)
    assert found.failures == (Failure("model", "E: m", ("E: m",), "t"),)
    assert found.absent == {"model": "torch"}


def test_what_is_no_event_of_ours_is_passed_over() -> None:
    """A folder's own code may have written it, or the process ended within a line."""
    strange = ("not json", "[1]", "null", '{"event": "text"}', '{"event": "text", "nam": 1}', '{"event": "x"}')
    strange += ('{"event": ["text"]}', '{"event": "forward", "outputs": [1]}', '{"event": "done')
    assert read("\n".join(strange)) == Measured()
