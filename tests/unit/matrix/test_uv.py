"""uv is found and run, ends when it should, and its failures are understood."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix import uv as module
from pytest_envguard.matrix.uv import (
    NO_DISK,
    NO_INTERPRETER,
    NOT_BUILT,
    NOT_RESOLVABLE,
    OFFLINE,
    Failure,
    Uv,
    UvError,
    classify,
    find,
)
from tests.unit.matrix import shelf

NEW = """\
error: No solution found when resolving dependencies
  cause: Because transformers==4.38.2 depends on huggingface-hub>=0.19.3,<1.0 and you require transformers==4.38.2, we can conclude that you require huggingface-hub>=0.19.3,<1.0.
         And because you require huggingface-hub<0.18, we can conclude that your requirements are unsatisfiable.
"""
OLD = """\
  × No solution found when resolving dependencies:
  ╰─▶ Because transformers==4.38.2 depends on huggingface-hub>=0.19.3,<1.0 and
      you require transformers==4.38.2, we can conclude that you require
      huggingface-hub>=0.19.3,<1.0.
      And because you require huggingface-hub<0.18, we can conclude that your
      requirements are unsatisfiable.
"""
SENTENCES = (
    "Because transformers==4.38.2 depends on huggingface-hub>=0.19.3,<1.0 and you require transformers==4.38.2, we can "
    "conclude that you require huggingface-hub>=0.19.3,<1.0. And because you require huggingface-hub<0.18, we can conclude "
    "that your requirements are unsatisfiable."
)


NOT_IN_CACHE = """\
error: No solution found when resolving dependencies
  cause: Because flask was not found in the cache and you require flask, we can conclude that your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled.
"""


@pytest.mark.parametrize("text", [NEW, OLD], ids=["0.13", "0.8"])
def test_a_conflict_is_told_in_uvs_own_sentences(text: str) -> None:
    """Versions of uv draw them differently; what they say is the same."""
    assert classify(text) == Failure(NOT_RESOLVABLE, SENTENCES)


def test_a_hint_is_one_sentence_more() -> None:
    """What uv advises stays, without the word in front of it."""
    text = dedent("""\
        error: No solution found when resolving dependencies
          cause: Because there is no version of litellm==1.53.9 and you require litellm==1.53.9, we can conclude that your requirements are unsatisfiable.

        hint: `litellm` was filtered by `exclude-newer` to only include packages uploaded before 2024-06-21T00:00:00Z
        """)
    assert classify(text).reason == (
        "Because there is no version of litellm==1.53.9 and you require litellm==1.53.9, we can conclude that your requirements "
        "are unsatisfiable. `litellm` was filtered by `exclude-newer` to only include packages uploaded before "
        "2024-06-21T00:00:00Z."
    )


def test_a_list_of_versions_has_commas() -> None:
    """uv writes each range on a line of its own, which must not run together."""
    text = dedent("""\
        error: No solution found when resolving dependencies
          cause: Because only the following versions of flask are available:
                     flask<=1.0.2
                     flask>=1.0.3
                 and you require flask>1.0.2,<1.0.3, we can conclude that your requirements are unsatisfiable.
        """)
    assert "are available: flask<=1.0.2, flask>=1.0.3 and you require flask>1.0.2,<1.0.3" in classify(text).reason


def test_colours_and_warnings_are_left_out() -> None:
    """Somebody's CLICOLOR_FORCE or a remark about another interpreter is no part of the reason."""
    text = "\x1b[33mwarning\x1b[39m: odd\n\x1b[31merror\x1b[39m: Failed to fetch: http://127.0.0.1:9/simple/six/\n"
    assert classify(text) == Failure(OFFLINE, "Failed to fetch: http://127.0.0.1:9/simple/six/.")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("error: Request failed after 3 retries\n  cause: Failed to fetch: https://x/\n  cause: dns error", OFFLINE),
        (NOT_IN_CACHE, OFFLINE),
        ("error: Failed to write to the client cache\n  cause: failed: No space left on device (os error 28)", NO_DISK),
        ("error: No interpreter found for Python 3.17 in managed installations or search path", NO_INTERPRETER),
        ("  × Failed to build `tokenizers==0.9.0`\n  ├─▶ The build backend returned an error", NOT_BUILT),
        ("error: Couldn't parse requirement in `-` at position 0", ""),
    ],
)
def test_each_failure_has_its_kind(text: str, kind: str) -> None:
    """What can be done about it depends on it; a mistake in what uv was given has none."""
    assert classify(text).kind == kind


def test_a_failed_build_shows_the_end_of_what_it_printed() -> None:
    """A compiler names what it misses in its last lines; that it names the network doesn't make it uv's failure."""
    printed = "\n".join(f"         line {number}" for number in range(40))
    text = (
        "error: Failed to build `old==1.0`\n  cause: The build backend returned an error\n"
        "  cause: Call to `setuptools.build_meta` failed (exit status: 1)\n\n"
        f"         [stderr]\n{printed}\n         error: error sending request for gcc\n"
    )
    failure = classify(text)
    assert failure.kind == NOT_BUILT
    lines = failure.reason.splitlines()
    assert lines[0] == (
        "Failed to build `old==1.0`: The build backend returned an error: "
        "Call to `setuptools.build_meta` failed (exit status: 1):"
    )
    assert lines[-1] == "error: error sending request for gcc" and len(lines) == 21


def test_an_older_uv_shows_what_a_build_printed_without_indentation() -> None:
    """Up to the hint behind it, which is uv's own again."""
    text = dedent("""\
        error: The build backend returned an error
          Caused by: Call to `setuptools.build_meta` failed (exit status: 1)

        [stdout]
        compiling things

        [stderr]
        gcc: error: no such file foo.c

        hint: This usually indicates a problem with the package or the build environment.
        """)
    assert classify(text) == Failure(
        NOT_BUILT,
        "The build backend returned an error: Call to `setuptools.build_meta` failed (exit status: 1): "
        "This usually indicates a problem with the package or the build environment:\n"
        "compiling things\ngcc: error: no such file foo.c",
    )


def test_uv_itself_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentences above are those of the uv that's here."""
    shelf.alone(monkeypatch, tmp_path)
    shelf.wheel(tmp_path / "files", "apple", "1.0", ["pear<2"])
    shelf.wheel(tmp_path / "files", "pear", "2.0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", shelf.index(tmp_path / "files"))
    uv = Uv(find(), os.environ, tmp_path)
    with pytest.raises(UvError) as caught:
        uv.compile("apple\n", "--python", sys.executable)
    assert caught.value.failure.kind == NOT_RESOLVABLE
    assert caught.value.failure.reason.startswith("Because ") and "pear" in caught.value.failure.reason
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "setup.py").write_text("raise SystemExit('no compiler here')")
    with pytest.raises(UvError) as caught:
        Uv(find(), {**os.environ, "UV_NO_BUILD_ISOLATION": "1"}, tmp_path).compile(
            "./old\n", "--python", sys.executable
        )
    assert caught.value.failure.kind == NOT_BUILT
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(UvError) as caught:
        Uv(find(), os.environ, tmp_path).compile("apple\n", "--python", sys.executable)
    assert caught.value.failure.kind == OFFLINE


def test_uv_on_path_is_taken_where_there_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installs uv by other means needs no second one."""
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find() == str(program)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvguardError) as caught:
        find()
    assert str(caught.value) == "cells are built by uv, which isn't here\nhint: pip install 'pytest-envguard[matrix]'"


def test_another_environment_that_is_active_is_not_meant(tmp_path: Path) -> None:
    """VIRTUAL_ENV and PYTHONPATH are the caller's, a cell has nothing to do with them."""
    uv = Uv("/usr/bin/env", {"VIRTUAL_ENV": "/x", "PYTHONPATH": "/y", "UV_PYTHON": "2.7", "KEPT": "1"}, tmp_path)
    assert uv.run().split() == ["KEPT=1", "NO_COLOR=1", "UV_NO_PROGRESS=1"]


def test_stop_ends_what_is_running_and_begins_nothing_more(tmp_path: Path) -> None:
    """Ctrl-C must not wait for the index."""
    uv = Uv("/bin/sleep", {}, tmp_path)
    threading.Timer(0.3, uv.stop).start()
    began = time.monotonic()
    with pytest.raises(UvError):
        uv.run("60")
    with pytest.raises(UvError):
        uv.run("60")
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_uv_ends_with_the_process_that_has_started_it(tmp_path: Path) -> None:
    """Even where that one is killed and can't do anything about it."""
    pidfile = tmp_path / "pid"
    script = (
        "from pathlib import Path\nfrom pytest_envguard.matrix.uv import Uv\n"
        f"Uv('/bin/sh', {{}}, Path('/')).run('-c', 'echo $$ > {pidfile}; exec /bin/sleep 60')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.getcwd()})
    while not (pidfile.exists() and pidfile.read_text().strip()):
        time.sleep(0.01)
    pid = int(pidfile.read_text())
    assert Path(f"/proc/{pid}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it went on")
