"""A tokenizer that is neither in the cache nor to be had: how long until the application knows?"""

import time

import pytest

from prompt_budget import hub

PATIENCE = 10  # seconds, of whoever waits for the service to start


@pytest.mark.parametrize("cached", [False, True], ids=["hub", "cache_only"])
def test_answer_about_an_unknown_name(cached):
    """Without a network there is an answer soon, even if it is no. The remedy: not to ask the hub."""
    start = time.monotonic()
    with pytest.raises(OSError, match=r"acme/not-here|huggingface\.co"):
        hub.count("acme/not-here", "where is my order?", cached=cached)

    seconds = time.monotonic() - start
    assert seconds < PATIENCE, f"answered after {seconds:.0f} s"
