"""Answers of a model on a SageMaker endpoint, by LiteLLM, as they are streamed."""

from __future__ import annotations

from typing import Any

import litellm


def answer(question: str, url: str) -> str:
    """Return the whole answer."""
    chunks = litellm.completion(**_request(question, url))
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def answer_async(question: str, url: str) -> str:
    """Return the same, as a web server asks for it."""
    chunks = await litellm.acompletion(**_request(question, url))
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


def _request(question: str, url: str) -> dict[str, Any]:
    return {
        "model": "sagemaker/answers",
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "sagemaker_base_url": url,  # the address that streams: LiteLLM adds nothing to it
    }
