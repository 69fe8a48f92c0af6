"""An endpoint that nobody pays for."""

import asyncio

import pytest

# Before litellm is imported: it asks the internet for the prices of models otherwise, and reads its variables once.
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION_NAME": "us-east-1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
}


@pytest.fixture(scope="session", autouse=True)
def settings():
    """What the bot is deployed with."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def loop():
    """One event loop for all tests, as a server has one: LiteLLM keeps its connections for the next call."""
    made = asyncio.new_event_loop()
    yield made
    made.close()
