"""SageMaker's runtime endpoint: what a container writes, in payload parts of 8 KiB that end anywhere.

The API promises nothing about where a part ends. 8,192 bytes is what was seen in production, and a write of the
container's began a part of its own. Sources: API_runtime_ResponseStream and API_runtime_PayloadPart of Amazon SageMaker;
botocore/data/sagemaker-runtime/2017-05-13/service-2.json; BerriAI/litellm, issues 5372 and 9165.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.streams import eventstream
from pytest_envguard.streams.cutting import Cutting, Write, check_cut, cut
from pytest_envguard.streams.stream import Stream, as_json, chat

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line

WHO = "`envguard_stream.sagemaker`"
PATH = "/invocations-response-stream"
PART = 8192  # bytes
_SHAPES = ("chat", "lines", "tgi")
# Name of the exception to the fields that it has beside its message.
_ERRORS = {"InternalStreamFailure": {}, "ModelStreamError": {"ErrorCode": "StreamBroken"}}


def stream(texts: Sequence[str], cutting: Cutting, *, shape: str = "tgi", error: str = "", after: int = 1) -> Stream:
    """Return the answer of an endpoint.

    Args:
        texts: What the model says, a token or more at a time.
        cutting: Of the container's writes.
        shape: "tgi": lines as Text Generation Inference writes them, the last of which has the whole ``generated_text``;
            "lines": the same without ``data:``, each ended by one newline; "chat": chunks of OpenAI's API, then ``[DONE]``.
        error: "ModelStreamError" or "InternalStreamFailure", as an exception in the stream; "" for none.
        after: How many parts come before it.

    Raises:
        EnvguardError: Unknown shape or error, or no part is undecodable by itself.
    """
    if shape not in _SHAPES:
        raise EnvguardError(f"{WHO}: no shape is named `{shape}`", nearest(shape, _SHAPES))
    if error and error not in _ERRORS:
        raise EnvguardError(f"{WHO}: no error is named `{error}`", nearest(error, _ERRORS))
    if type(after) is not int or after < 0:
        raise EnvguardError(f"{WHO}: `after`: expected a number of parts, got {after!r}")
    writes = _writes(texts, shape)
    parts = cut(writes, cutting)
    check_cut(writes, cutting, parts, WHO)
    if error:
        parts = parts[:after]
    chunks = [eventstream.event("PayloadPart", part) for part in parts]
    if error:
        chunks.append(eventstream.exception(error, {"Message": "the stream was broken", **_ERRORS[error]}))
    headers = (
        ("x-Amzn-Invoked-Production-Variant", "AllTraffic"),
        ("X-Amzn-SageMaker-Content-Type", "text/event-stream"),
    )
    return Stream(parts, tuple(chunks), "".join(texts), "application/vnd.amazon.eventstream", PATH, headers)


def _writes(texts: Sequence[str], shape: str) -> list[Write]:
    if shape == "chat":
        return [
            *(Write(b"data: ", as_json(event), b"\n\n") for event in chat(texts)),
            Write(b"data: ", b"", b"[DONE]\n\n"),
        ]
    before, after = (b"data:", b"\n\n") if shape == "tgi" else (b"", b"\n")
    return [Write(before, as_json(event), after) for event in _tokens(texts)]


def _tokens(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the events of Text Generation Inference (`StreamResponse` in its router/src/lib.rs)."""
    events: list[dict[str, Any]] = [
        {
            "index": number,
            "token": {"id": number, "text": text, "logprob": -0.5, "special": False},
            "generated_text": None,
            "details": None,
        }
        for number, text in enumerate(texts, 1)
    ]
    details = {"finish_reason": "length", "generated_tokens": len(texts), "seed": None}
    events[-1].update(generated_text="".join(texts), details=details)
    return events
