"""What an endpoint sends."""

from __future__ import annotations

import json

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import sagemaker
from pytest_envguard.streams.cutting import HARD_TEXT, Cutting, decodable
from tests.unit.streams.test_eventstream import take_apart

TEXTS = [HARD_TEXT * 80, "黄河", HARD_TEXT]


def test_parts_have_8192_bytes_and_one_is_undecodable() -> None:
    """Each is the payload of a frame; lines begin a part of their own."""
    stream = sagemaker.stream(TEXTS, Cutting(sagemaker.PART))
    assert [payload for chunk in stream.chunks for _, payload in take_apart(chunk)] == list(stream.parts)
    assert max(len(part) for part in stream.parts) == 8192
    assert not all(decodable(part) for part in stream.parts)
    assert stream.text == "".join(TEXTS)


@pytest.mark.parametrize(("shape", "before", "after"), [("tgi", "data:", "\n\n"), ("lines", "", "\n")])
def test_the_last_line_has_the_whole_text(shape: str, before: str, after: str) -> None:
    """Lines as Text Generation Inference writes them, characters as they are."""
    stream = sagemaker.stream(TEXTS, Cutting(100), shape=shape)
    body = b"".join(stream.parts).decode()
    assert "\\u957f" not in body
    assert "长江" in body
    events = [json.loads(line.removeprefix(before)) for line in body.removesuffix(after).split(after)]
    assert [event["token"]["text"] for event in events] == TEXTS
    assert [event["generated_text"] for event in events] == [None, None, stream.text]


def test_a_chat_ends_with_done() -> None:
    """Chunks of OpenAI's API, as containers with that interface write them."""
    stream = sagemaker.stream(TEXTS, Cutting(100), shape="chat")
    *events, done, end = b"".join(stream.parts).decode().split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
    assert "".join(delta.get("content", "") for delta in deltas) == stream.text


def test_joined_lines_share_a_part() -> None:
    """Several in one, and none begins a part by right."""
    stream = sagemaker.stream(["长江"] * 50, Cutting(998, joined=True))
    assert {len(part) for part in stream.parts[:-1]} == {998}
    assert stream.parts[0].count(b"\n\n") > 5


@pytest.mark.parametrize("error", ["ModelStreamError", "InternalStreamFailure"])
def test_an_error_comes_instead_of_the_rest(error: str) -> None:
    """An exception in the stream, after some parts."""
    stream = sagemaker.stream(TEXTS, Cutting(8192), error=error, after=2)
    frames = [frame for chunk in stream.chunks for frame in take_apart(chunk)]
    assert len(stream.parts) == 2
    assert [headers.get(":exception-type") for headers, _ in frames] == [None, None, error]
    assert json.loads(frames[-1][1])["Message"]


@pytest.mark.parametrize(
    ("options", "says", "hint"),
    [
        ({"shape": "tgl"}, "no shape is named `tgl`", "did you mean `tgi`?"),
        ({"error": "ModelError"}, "no error is named `ModelError`", "did you mean `ModelStreamError`?"),
    ],
)
def test_an_unknown_name_is_one_error_with_the_nearest(options: dict[str, str], says: str, hint: str) -> None:
    """As everywhere."""
    with pytest.raises(EnvguardError, match=says) as caught:
        sagemaker.stream(TEXTS, Cutting(100), **options)  # type: ignore[arg-type]
    assert hint in caught.value.hint
