"""Which requests something goes wrong with."""

from __future__ import annotations

import threading
import time

import pytest

from pytest_envguard.model.origin import FAULTS, Fault
from pytest_envguard.origins.faults import Faults

HOSTS = ("a.org", "")


def test_a_number_of_times() -> None:
    """Counted down with each request that is hit, for its host only."""
    faults = Faults()
    faults.add("a.org", "status=503:2")
    assert faults.take(("b.org",), "/", FAULTS) == {}
    assert [bool(faults.take(HOSTS, "/", FAULTS)) for _ in range(3)] == [True, True, False]


def test_for_ever_and_for_some_paths() -> None:
    """Without a number there is no end; a pattern is for the whole path."""
    faults = Faults()
    faults.add("a.org", "corrupt", "*/model.bin")
    assert [
        bool(faults.take(HOSTS, path, FAULTS)) for path in ("/x/model.bin", "/model.bin.txt", "/x/y/model.bin")
    ] == [
        True,
        False,
        True,
    ]


def test_several_at_once() -> None:
    """Each kind by itself, of one kind the first that is left; kinds that aren't asked for aren't counted."""
    faults = Faults()
    for text in ("delay=1:1", "delay=2", "cut=10:1"):
        faults.add("a.org", text)
    assert faults.take(HOSTS, "/", ("delay",)) == {"delay": Fault("delay", 1, 1)}
    assert faults.take(HOSTS, "/", ("delay", "cut")) == {"delay": Fault("delay", 2), "cut": Fault("cut", 10, 1)}
    assert faults.take(HOSTS, "/", ("cut",)) == {}


def test_what_was_is_brought_back() -> None:
    """With what is left of it: one that hit in between has hit."""
    faults = Faults()
    faults.add("a.org", "status=503:2")
    kept = faults.kept()
    faults.take(HOSTS, "/", FAULTS)
    faults.add("a.org", "reset")
    faults.clear()
    assert faults.take(HOSTS, "/", FAULTS) == {}
    faults.restore(kept)
    assert [set(faults.take(HOSTS, "/", FAULTS)) for _ in range(2)] == [{"status"}, set()]


def test_no_fault() -> None:
    """It says what was expected."""
    with pytest.raises(ValueError, match="did you mean `tarpit`"):
        Faults().add("a.org", "tarpot")


def test_who_hangs_is_let_go() -> None:
    """After the time, or when there are no faults any more."""
    faults = Faults()
    began = time.monotonic()
    faults.hang(0.05)
    assert 0.05 <= time.monotonic() - began < 5
    thread = threading.Thread(target=faults.hang, args=(None,), daemon=True)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    faults.clear()
    thread.join(5)
    assert not thread.is_alive()
