"""Counting with LiteLLM, deployed as for AWS Lambda: tiktoken's cache is sent to /tmp before the application starts."""

import pytest

from token_counter import counting


@pytest.fixture(scope="module", autouse=True)
def deployed():
    """Import LiteLLM once, as late as the application does, in the environment the deployer gave it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TIKTOKEN_CACHE_DIR", "/tmp/tiktoken")
        import litellm  # noqa: F401

        yield


def test_gpt_4():
    """The encoding of GPT-4 comes with LiteLLM: nothing is downloaded."""
    assert counting.by_model("gpt-4")("hello world") == 2


def test_claude_2():
    """Claude 2 has a tokenizer of its own, which comes with LiteLLM, too."""
    assert counting.by_model("claude-2")("Straßenbahn") != counting.by_model("gpt-4")("Straßenbahn")


def test_encoding_that_litellm_does_not_bring(mirror):
    """An encoding LiteLLM does not bring is fetched and counts in the same process as LiteLLM."""
    assert counting.by_encoding("r50k_base")("hello world") == counting.by_model("gpt-4")("hello world")
