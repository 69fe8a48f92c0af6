"""Refusals that the code itself need not have noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_envguard.cold.process import run_fresh
from pytest_envguard.model.refusal import Refusal

SWALLOW = "import os\ndef swallow(call, *words):\n    try: call(*words)\n    except Exception: pass\n"


def refusals(code: str, path: Path | None = None) -> tuple[Refusal, ...]:
    """Return what ``code`` was refused on the host; it must not notice."""
    found = run_fresh([], {**os.environ, "PYTHONPATH": str(path or "")}, code, 30.0)
    assert found.code == 0, found
    return found.refusals


def told(code: str) -> list[tuple[str, str, str]]:
    """Return operation, target and error of each refusal of code that has a function ``swallow``."""
    return [found[:3] for found in refusals(SWALLOW + code)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # Everybody, root included, is refused these.
        ("import socket; swallow(socket.create_connection, ('127.0.0.1', 1))", ("socket.connect", "127.0.0.1:1", "ECONNREFUSED")),
        ("import subprocess; swallow(subprocess.run, ['/etc/passwd'])", ("subprocess.Popen", "/etc/passwd", "EACCES")),
        ("swallow(os.posix_spawn, '/etc/passwd', ['x'], {})", ("os.posix_spawn", "/etc/passwd", "EACCES")),
        ("swallow(os.execv, b'/etc/passwd', ['x'])", ("os.exec", "/etc/passwd", "EACCES")),
    ],
)  # fmt: skip
def test_a_refusal_that_is_swallowed_is_noticed(code: str, expected: tuple[str, str, str]) -> None:
    """The operation, its target and the errno are told, for connections and programs (files: see the acceptance tests)."""
    assert told(code) == [expected]


def test_an_operation_that_works_or_finds_nothing_is_no_refusal(tmp_path: Path) -> None:
    """Neither success nor ENOENT, EEXIST, EISDIR are, nor an error that the code raises itself."""
    code = (
        f"folder = {str(tmp_path)!r}\nopen(folder + '/a', 'w').close()\nswallow(os.mkdir, folder)\n"
        "swallow(open, folder + '/missing')\nswallow(open, folder, 'w')\nos.rename(folder + '/a', folder + '/b')\n"
        "def raising(): raise PermissionError(13, 'made up')\nswallow(raising)\n"
        "def later():\n    open(folder + '/c', 'w').close(); raise PermissionError(13, 'made up')\nswallow(later)\n"
    )
    assert told(code) == []


def test_the_author_is_the_nearest_code_outside_of_the_standard_library(tmp_path: Path) -> None:
    """A library that fails through the socket module is named, with the place in it."""
    (tmp_path / "cachelib").mkdir()
    (tmp_path / "cachelib/__init__.py").write_text(
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 1))\nexcept OSError:\n    pass\n"
    )
    assert refusals("import cachelib", tmp_path) == (
        Refusal("socket.connect", "127.0.0.1:1", "ECONNREFUSED", "cachelib", f"{tmp_path}/cachelib/__init__.py:3"),
    )


def test_refusals_in_threads_and_forks_are_noticed() -> None:
    """Every thread is watched, and so is a child that the code forks."""
    code = SWALLOW + (
        "import threading\nstart = lambda: [swallow(os.execv, '/etc/passwd', ['x']) for _ in range(3)]\n"
        "threads = [threading.Thread(target=start) for _ in range(4)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "if not os.fork():\n    start(); os._exit(0)\nos.wait()\n"
    )
    (found,) = refusals(code)
    assert found == Refusal("os.exec", "/etc/passwd", "EACCES", "", "<cold_start>:3", 15)


def test_a_tracer_of_the_code_s_own_is_left_alone() -> None:
    """Under a debugger or a coverage nothing is recorded, and it goes on tracing as it did."""
    code = SWALLOW + (
        "import sys\nseen = []\ndef tracer(frame, event, argument):\n    seen.append(event)\n    return tracer\n"
        "sys.settrace(tracer)\nswallow(os.execv, '/etc/passwd', ['x'])\n"
        "assert sys.gettrace() is tracer\nsys.settrace(None)\nassert 'exception' in seen and 'line' in seen\n"
    )
    assert refusals(code) == ()


def test_nobody_traces_before_and_after_an_operation() -> None:
    """Only the operation itself is traced: code that looks finds no tracer, before, after or in the frame."""
    code = SWALLOW + (
        "import sys\nopen(os.devnull, 'w').close()\nassert sys.gettrace() is None\nswallow(os.execv, '/etc/passwd', ['x'])\n"
        "frame = sys._getframe()\nassert (sys.gettrace(), frame.f_trace, frame.f_trace_lines) == (None, None, True)\n"
        "import subprocess; swallow(subprocess.run, ['/etc/passwd'])\nassert sys.gettrace() is None\n"
    )
    assert [found.operation for found in refusals(code)] == ["os.exec", "subprocess.Popen"]


def test_too_many_files_are_a_refusal() -> None:
    """EMFILE of an ordinary read is one too."""
    code = (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "swallow(open, '/etc/passwd')\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (99, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
    )
    assert told(code) == [("open", "/etc/passwd", "EMFILE")]
