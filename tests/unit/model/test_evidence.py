"""What a failure left behind travels as nested lists, and tells no secrets."""

from __future__ import annotations

import json

import pytest

from pytest_envguard.model.evidence import Evidence, Fact, Frame, Overwritten, Raised, looks_secret

FOUND = Evidence(
    (
        Raised(
            "OSError",
            ("OSError", "Exception"),
            "no",
            "EROFS",
            "/a",
            (Frame("tiktoken.load", "tiktoken/load.py:78", "keep"),),
        ),
    ),
    (Overwritten("CACHE_DIR", "/site", None, "litellm", "litellm/a.py:1"),),
    (Fact("noexec", "/tmp"),),
    (("HF_HOME", "/tmp/hf"), ("HF_HUB_OFFLINE", "")),
    ("tiktoken", "os"),
    "printed",
)


def test_it_arrives_as_it_was_sent() -> None:
    """Through anything that carries texts and lists; what wasn't set before stays None."""
    sent = json.loads(json.dumps(FOUND.sendable()))
    assert sent == FOUND.sendable()
    arrived = Evidence.read(sent)
    assert arrived == FOUND
    assert arrived.overwritten[0].before is None
    assert arrived.raised[0].frames[0].library == "tiktoken"
    assert Evidence.read(Evidence().sendable()) == Evidence()


def test_a_variable_that_is_empty_is_set() -> None:
    """An empty switch is another thing than none."""
    assert (FOUND.variable("HF_HUB_OFFLINE"), FOUND.variable("HF_TOKEN")) == ("", None)


@pytest.mark.parametrize(
    ("variable", "value", "secret"),
    [
        ("OPENAI_API_KEY", "", True),
        ("AWS_SECRET_ACCESS_KEY", "", True),
        ("HF_TOKEN", "", True),
        ("PGPASSWORD", "", True),
        ("MY_APIKEY", "", True),
        ("SENTRY_DSN", "", True),
        ("DATABASE_URL", "postgresql://me:hidden@db/app", True),
        ("DATABASE_URL", "postgresql://db/app", False),
        ("TOKENIZERS_PARALLELISM", "false", False),
        ("KEYBOARD", "", False),
        ("TIKTOKEN_CACHE_DIR", "/tmp/tiktoken", False),
        ("PASSENGER_HOME", "/x", False),
        ("AUTHOR", "me", False),
    ],
)
def test_secrets_are_known_by_their_names(variable: str, value: str, secret: bool) -> None:
    """A word in the name counts, not a part of one that means something else."""
    assert looks_secret(variable, value) is secret
