"""From a stack that faulthandler has written to a library and a line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_envguard.blame import author, frames, plain_name
from pytest_envguard.model.noise import is_noise

STANDARD = os.path.dirname(os.__file__)
TEXT = f"""Current thread 0x00007f (most recent call first):
  File "{STANDARD}/pathlib.py", line 1042 in open
  File "/app/venv/lib/python3.12/site-packages/cachelib/disk.py", line 7 in keep
  File "/app/tests/test_a.py", line 3 in test_a
"""


def test_frames_are_read_as_they_were_written() -> None:
    """The innermost frame comes first; a file's name may have quotes and spaces."""
    odd = '  File "/a "b", line 2/c.py", line 9 in <module>\n'
    assert list(frames(odd)) == [('/a "b", line 2/c.py', 9)]
    assert [line for _, line in frames(TEXT)] == [1042, 7, 3]
    assert list(frames("  File <truncated>\n<no Python frame>\n")) == []


@pytest.mark.parametrize("name", ["test_日本.py", "tést.py", "test_😀.py", "plain.py", "U0fffffff.py", "odd\udcff.py"])
def test_what_is_not_ascii_in_a_name_is_read_back(name: str, tmp_path: Path) -> None:
    """faulthandler itself writes escapes."""
    with (tmp_path / "out.txt").open("w+") as file:
        exec(
            compile("import faulthandler\nfaulthandler.dump_traceback(file, all_threads=False)", f"/a/{name}", "exec"),
            {"file": file},
        )
        file.seek(0)
        assert next(frames(file.read())) == (f"/a/{name}", 2)


@pytest.mark.parametrize(
    ("first", "library", "place"),
    [
        (0, "cachelib", "cachelib/disk.py:7"),
        (2, "", "tests/test_a.py:3"),
    ],
)
def test_the_standard_library_acts_for_others(first: int, library: str, place: str) -> None:
    """The first frame that isn't Python's own is to blame: an installed library, or a file of the project's."""
    assert author(tuple(frames(TEXT))[first:], "/app") == (library, place)


def test_without_another_frame_the_standard_library_is_named() -> None:
    """Where nobody else is on the stack, the place is better than nothing."""
    assert author(((f"{STANDARD}/threading.py", 5),), "/app") == ("", f"{STANDARD}/threading.py:5")
    assert author((), "/app") == ("", "")


def test_a_module_that_is_one_file_is_a_library_too() -> None:
    """`site-packages/six.py` is the library six."""
    assert author((("/v/site-packages/six.py", 1),), "/app") == ("six", "six.py:1")


@pytest.mark.parametrize(
    ("target", "noise"),
    [("/v/pkg/__pycache__/a.cpython-312.pyc.1", True), ("/.envguard-probe", True), ("/v/pkg/cache/a.pyc", False)],
)
def test_bytecode_and_probes_are_noise(target: str, noise: bool) -> None:
    """What Python fails to keep of compiled modules is nobody's loss; a library's own cache is."""
    assert is_noise(target) is noise


def test_calls_are_called_as_users_call_them() -> None:
    """`openat` is open to everybody but the kernel; what has no other name keeps its own."""
    assert (plain_name("openat"), plain_name("renameat2"), plain_name("truncate")) == ("open", "rename", "truncate")
