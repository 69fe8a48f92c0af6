"""Labels of changes, by a model that the gateway loads when it starts."""

import signal

import pytest

from review_bot import labels


@pytest.fixture
def probe():
    """Whoever starts the gateway gives it 20 s, and then starts it again."""

    def end(*_):
        pytest.fail("Timeout: not ready after 20 s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_model_is_loaded_in_time(probe):
    """The model was put into the image."""
    assert labels.pieces("white") == ["white"]


def test_file_of_the_model():
    """So was each of its files."""
    from huggingface_hub import hf_hub_download

    assert hf_hub_download(labels.MODEL, "tokenizer.json").endswith("tokenizer.json")
