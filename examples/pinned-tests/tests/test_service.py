"""The start of the service, with and without the company's registry."""

import pytest
from safetensors.numpy import save

from letter_router import model, registry, service


def test_newer_weights_of_the_registry_are_used(registry_files):
    """With weights that say the opposite, letters go elsewhere."""
    registry_files["/letters/model.safetensors"] = save({"weights": -model.load().weights})
    assert service.start().desk("Where is my order?") != "orders"


def test_registry_without_weights(registry_files, letters):
    """A registry that has none leaves the service with the weights of its package."""
    router = service.start()
    assert {letter: router.desk(letter) for letter in letters} == letters


def test_no_registry(monkeypatch):
    """Where nobody listens, there are no newer weights."""
    monkeypatch.setenv("LETTER_ROUTER_REGISTRY", "127.0.0.1:1")
    assert registry.newest() is None


@pytest.mark.envguard("lambda", network="drop", timeout=3)
def test_start_behind_a_firewall():
    """A firewall that drops gives no error which could be caught: the service waits and does not start."""
    assert service.start().desk("Where is my order?") == "orders"


@pytest.mark.envguard("lambda", network="drop", timeout=20)
def test_start_with_a_deadline():
    """The remedy: a deadline of one's own for the registry."""
    assert service.start(seconds=0.5).desk("Where is my order?") == "orders"


def test_start_is_quick_and_writes_nothing(cold_start):
    """It starts within Lambda's ten seconds and 256 MiB, and is refused only the registry, which it can do without."""
    code = "from letter_router import service; print(service.start().desk('Where is my order?'))"
    start = cold_start(code, profile="lambda", memory="256M", network="none", within="init").check()
    assert start.output == "orders\n"
    assert [(refused.operation, refused.target, refused.error) for refused in start.refusals] == [
        ("socket.connect", registry.ADDRESS, "ENETUNREACH")
    ]
