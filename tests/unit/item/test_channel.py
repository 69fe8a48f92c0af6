"""Messages from a test's process, and what a crash leaves of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from pytest_envguard.item.channel import Channel, Receiver
from pytest_envguard.item.reports import send_report, send_warning
from pytest_envguard.item.runner import _test_frames


@pytest.fixture(params=[False, True], ids=["at will", "in turns"])
def channel(request: pytest.FixtureRequest) -> Iterator[Channel]:
    """A channel of each kind."""
    made = Channel.open(in_turns=request.param)
    yield made
    made.close()


def run(channel: Channel, *messages: tuple[str, object], wait: float = 0, crash: bool = False) -> int:
    """Start a process that sends ``messages`` and ends; return its pidfd."""
    child = os.fork()
    if child == 0:
        for kind, value in messages:
            channel.send(kind, value)
        time.sleep(wait)
        if crash:
            os.write(channel.file, b"\xff" * 5)
        os._exit(0)
    return os.pidfd_open(child)


def test_messages_come_whole_and_in_order(channel: Channel) -> None:
    sent = [("report", list(range(100_000))), ("report", "b"), ("done", None)]
    process = run(channel, *sent)
    assert list(Receiver(channel, process).messages()) == sent
    os.waitpid(-1, 0)


def test_what_a_crash_leaves_unfinished_is_dropped(channel: Channel) -> None:
    process = run(channel, ("report", 1), crash=True)
    assert list(Receiver(channel, process).messages()) == [("report", 1)]
    os.waitpid(-1, 0)


def test_a_deadline_that_passes_is_said_after_what_came_before_it(channel: Channel) -> None:
    process = run(channel, ("report", 1), wait=1)
    receiver = Receiver(channel, process)
    receiver.deadline = time.monotonic() + 0.3
    messages = receiver.messages()
    assert next(messages) == ("report", 1)
    with pytest.raises(TimeoutError):
        next(messages)
    os.waitpid(-1, 0)


def test_a_class_that_is_known_in_the_child_only_is_unreadable() -> None:
    made = Channel.open()
    text = b"cnowhere.at_all\nThing\n."
    os.write(made.file, len(text).to_bytes(8, "little") + text)
    process = run(made, ("done", None))
    kinds = [kind for kind, _ in Receiver(made, process).messages()]
    assert kinds == ["unreadable", "done"]
    os.waitpid(-1, 0)
    made.close()


def _sent(made: Channel) -> list[tuple[str, object]]:
    process = run(made)
    found = list(Receiver(made, process).messages())
    os.waitpid(-1, 0)
    made.close()
    return found


def test_a_report_that_cannot_be_sent_fails_and_names_the_value() -> None:
    made = Channel.open()
    report = pytest.TestReport("test_a.py::test_x", ("test_a.py", 1, "test_x"), {}, "passed", None, "call")
    report.user_properties.append(("key", lambda: 1))
    send_report(report, made)
    ((kind, received),) = _sent(made)
    assert kind == "report"
    assert isinstance(received, pytest.TestReport)
    assert received.failed
    assert "a value in the report's `user_properties` cannot come back" in received.longreprtext
    assert list(received.user_properties) == []


def test_a_warning_that_cannot_be_sent_comes_as_text() -> None:
    import warnings

    class Local(UserWarning):
        pass

    made = Channel.open()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(Local("careful"), stacklevel=1)
    send_warning(caught[0], made)
    ((kind, told),) = _sent(made)
    assert kind == "warning"
    assert isinstance(told, tuple)
    assert (str(told[0]), told[1]) == ("Local: careful", UserWarning)


def test_stacks_end_where_the_frames_become_those_of_pytest() -> None:
    stacks = """\
Fatal Python error: Aborted

Thread 0x01 (most recent call first):
  File "/app/threads.py", line 3 in work

Current thread 0x02 (most recent call first):
  File "/app/test_it.py", line 2 in test_it
  File "/lib/_pytest/python.py", line 100 in pytest_pyfunc_call
  File "/app/conftest.py", line 7 in wrapper
  File "/lib/pluggy/_callers.py", line 1 in _multicall
"""
    assert _test_frames(stacks).splitlines()[-1] == '  File "/app/test_it.py", line 2 in test_it'
    assert "work" in _test_frames(stacks)
