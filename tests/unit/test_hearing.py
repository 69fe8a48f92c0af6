"""One audit hook for all who listen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_envguard import hearing

PROGRAM = """
import sys
from pytest_envguard.hearing import listen

hooks, heard = [], []
sys.addaudithook(lambda event, _: hooks.append(event) if event == "sys.addaudithook" else None)
listen("envguard.a", lambda arguments: heard.append(("first", *arguments)))
listen("envguard.a", lambda arguments: heard.append(("second", *arguments)))
listen("envguard.b", lambda arguments: heard.append(("other", *arguments)))
sys.audit("envguard.a", 1, "x")
sys.audit("envguard.b")
sys.audit("envguard.c", 2)
print(len(hooks), heard)
"""


def test_all_who_listen_share_one_hook() -> None:
    """Each hears its own event with its arguments, in the order in which they asked."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 [('first', 1, 'x'), ('second', 1, 'x'), ('other',)]"


def test_what_a_listener_raises_is_raised_where_the_event_happens() -> None:
    """As by a hook of its own."""

    def refuse(_: tuple[object, ...]) -> None:
        raise PermissionError("no")

    hearing.listen("envguard.refused", refuse)
    with pytest.raises(PermissionError, match="no"):
        sys.audit("envguard.refused")


END = """
import sys
from pytest_envguard import hearing

class Last:
    def __del__(self, audit=sys.audit):
        hearing_names.update(dict.fromkeys(list(hearing_names)))  # as the interpreter does at its end
        audit("envguard.c")

hearing.listen("envguard.a", print)
hearing_names = vars(hearing)
last = Last()
del last
"""


def test_an_event_at_the_interpreters_end_meets_a_hook_that_still_works() -> None:
    """When the names of modules are None already, files are still closed and removed."""
    done = subprocess.run([sys.executable, "-c", END], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
