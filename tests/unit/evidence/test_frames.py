"""The calls that an exception came through."""

from __future__ import annotations

from pathlib import Path

from pytest_envguard.evidence.chain import raised_of
from pytest_envguard.model.evidence import Frame

from .failing import Load, caught


def test_frames_begin_with_the_innermost(load: Load, tmp_path: Path) -> None:
    """Each with module, place and function; files of the project and of libraries are named from where they lie."""
    load("keeper", "import os\ndef keep(path):\n    os.makedirs(path)\n", library=True)
    test = load("test_it", "import keeper\ndef test_a():\n    keeper.keep('/proc/x/y')\n")
    (found, *_) = raised_of(caught(test.test_a), str(tmp_path))
    assert (found.frames[0].module, found.frames[0].function) == ("os", "makedirs")
    library, project, *_ = (frame for frame in found.frames if frame.module != "os")
    assert library == Frame("keeper", "keeper.py:3", "keep")
    assert project == Frame("test_it", "test_it.py:3", "test_a")


def test_the_harness_is_no_part_of_it(load: Load, tmp_path: Path) -> None:
    """pytest's own frames explain nothing; and of a recursion the inner end is enough."""
    test = load("test_it", "import pytest\ndef test_a():\n    pytest.importorskip(3)\ndef down():\n    down()\n")
    (found, *_) = raised_of(caught(test.test_a), str(tmp_path))
    assert [frame for frame in found.frames if frame.library in ("_pytest", "pytest_envguard")] == []
    assert Frame("test_it", "test_it.py:3", "test_a") in found.frames
    (deep,) = raised_of(caught(test.down), str(tmp_path))
    assert len(deep.frames) == 40
