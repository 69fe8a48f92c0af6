"""How full a folder with a size is, with this process as the caller."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_envguard.model.rules import Mounts
from pytest_envguard.seccomp.caller import AT_FDCWD, Caller
from pytest_envguard.seccomp.space import Space

SIZE = 1 << 20


@pytest.fixture
def caller() -> Iterator[Caller]:
    """This process."""
    made = Caller(os.getpid())
    yield made
    made.close()


@pytest.fixture
def space(tmp_path: Path) -> Space:
    """A folder of one MiB."""
    return Space(Mounts([["/", True, False, None], [str(tmp_path), False, False, SIZE]]))


def _fill(space: Space, caller: Caller, descriptor: int, pieces: int, size: int) -> list[int]:
    answers = []
    for _ in range(pieces):
        answers.append(space.write(caller, descriptor, size, None))
        if not answers[-1]:
            os.write(descriptor, bytes(size))
    return answers


def test_a_write_beyond_the_size_is_refused(space: Space, caller: Caller, tmp_path: Path) -> None:
    """What fits is let through, what does not is ENOSPC."""
    with open(tmp_path / "file", "wb") as file:
        answers = _fill(space, caller, file.fileno(), 5, SIZE // 4)
    assert answers == [0, 0, 0, 0, errno.ENOSPC]


def test_all_files_of_the_folder_count(space: Space, caller: Caller, tmp_path: Path) -> None:
    """A file that was made before leaves less for the next one; removed, it counts no more."""
    first = tmp_path / "first"
    space.remember(caller, AT_FDCWD, str(first))
    first.write_bytes(bytes(SIZE // 2))
    with open(tmp_path / "second", "wb") as file:
        assert space.write(caller, file.fileno(), SIZE * 3 // 4, None) == errno.ENOSPC
        first.unlink()
        assert space.write(caller, file.fileno(), SIZE * 3 // 4, None) == 0


def test_a_temporary_file_without_a_name_counts(space: Space, caller: Caller, tmp_path: Path) -> None:
    """tempfile.TemporaryFile has no path, and fills the folder nevertheless."""
    with open(tmp_path / "file", "wb") as file:
        os.unlink(file.name)
        answers = _fill(space, caller, file.fileno(), 5, SIZE // 4)
    assert answers == [0, 0, 0, 0, errno.ENOSPC]


def test_writing_again_where_something_is_takes_no_space(space: Space, caller: Caller, tmp_path: Path) -> None:
    """A full file can be overwritten."""
    with open(tmp_path / "file", "wb+") as file:
        _fill(space, caller, file.fileno(), 4, SIZE // 4)
        file.seek(0)
        assert space.write(caller, file.fileno(), SIZE // 2, None) == 0
        assert space.write(caller, file.fileno(), SIZE // 2, 0) == 0
        assert space.write(caller, file.fileno(), SIZE // 2, SIZE) == errno.ENOSPC


@pytest.mark.parametrize("path", ["/dev/null", "/proc/self/comm"])
def test_what_lies_elsewhere_has_no_size(space: Space, caller: Caller, path: str) -> None:
    """Devices and other folders are not looked at."""
    with open(path, "rb") as file:
        assert space.write(caller, file.fileno(), SIZE * 2, None) == 0


def test_a_descriptor_that_is_not_open_is_the_kernels_to_refuse(space: Space, caller: Caller) -> None:
    """EBADF comes from where it always comes."""
    assert space.write(caller, 99_999, SIZE * 2, None) == 0


@pytest.mark.parametrize(("size", "guarded"), [(5, True), (None, False)])
def test_it_is_true_if_there_is_something_to_guard(size: int | None, guarded: bool) -> None:
    """Without sizes no write has to wait."""
    assert bool(Space(Mounts([["/tmp", False, False, size]]))) is guarded
