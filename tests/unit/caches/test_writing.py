"""Writing into a folder that others read: whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard.caches import writing
from pytest_envguard.errors import EnvguardError


def silent(_text: str) -> None:
    """Say nothing."""


def put(target: Path, files: dict[str, str], *, force: bool = False) -> bool:
    """Write files into ``target``."""
    with writing.staging(target, silent) as place:
        for name, text in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        writing.open_to_all(place)
        return writing.merge(place, target, force=force)


def contents(folder: Path) -> dict[str, str]:
    """Return what lies in a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_is_made_can_be_read_by_everybody_whatever_the_umask(tmp_path: Path) -> None:
    """Folders on the way included."""
    before = os.umask(0o077)
    try:
        put(tmp_path / "a" / "b", {"c/d": "text"})
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a", *(tmp_path / "a").rglob("*"))}
    assert modes == {"a": 0o755, "b": 0o755, "c": 0o755, "d": 0o644}


def test_what_is_there_stays_and_what_is_new_is_added(tmp_path: Path) -> None:
    """The same content is no conflict, and nothing to move."""
    assert put(tmp_path, {"a": "1", "x/b": "2"})
    (tmp_path / "a").chmod(0o600)
    assert not put(tmp_path, {"a": "1"})
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert put(tmp_path, {"x/c": "3"})
    assert contents(tmp_path) == {"a": "1", "x/b": "2", "x/c": "3"}


def test_what_differs_is_replaced_by_force_alone(tmp_path: Path) -> None:
    """Without it nothing at all is written."""
    put(tmp_path, {"a": "1"})
    with pytest.raises(EnvguardError, match="a is there already with another content; nothing was written"):
        put(tmp_path, {"a": "2", "b": "3"})
    assert contents(tmp_path) == {"a": "1"}
    assert put(tmp_path, {"a": "2", "b": "3"}, force=True)
    assert contents(tmp_path) == {"a": "2", "b": "3"}


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    """Somebody else's file stays as it is."""
    (tmp_path / "own").write_text("own")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "a").symlink_to("../own")
    put(tmp_path / "to", {"a": "new"}, force=True)
    assert contents(tmp_path) == {"own": "own", "to/a": "new"}
    assert not (tmp_path / "to" / "a").is_symlink()


def test_a_folder_in_the_way_is_a_difference(tmp_path: Path) -> None:
    """A file in the way of a folder as well."""
    put(tmp_path, {"a/b": "1"})
    with pytest.raises(EnvguardError, match="there already"):
        put(tmp_path, {"a": "2"})
    put(tmp_path, {"a": "2"}, force=True)
    assert contents(tmp_path) == {"a": "2"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_what_fails(tmp_path: Path, error: type[BaseException]) -> None:
    """Neither what was made nor the folders for it."""
    with pytest.raises(error), writing.staging(tmp_path / "a" / "b", silent) as place:
        (place / "x").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """The kernel has given its lock back."""
    code = f"""
import os, pathlib, signal
from pytest_envguard.caches import writing
with writing.staging(pathlib.Path({str(tmp_path)!r}), print) as place:
    (place / "x").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    put(tmp_path, {"a": "1"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    """And says so: it doesn't take the other's files for leftovers."""
    code = f"""
import pathlib
from pytest_envguard.caches import writing
with writing.staging(pathlib.Path({str(tmp_path)!r}), lambda text: print(text, flush=True)):
    print("mine", flush=True)
"""
    with writing.staging(tmp_path, silent) as place:
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert other.stdout
        assert other.stdout.readline().startswith("waiting for another command")
        assert place.is_dir()
    assert other.communicate(timeout=30)[0] == "mine\n"


def test_a_target_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    """Named, also where it stands in the way of another."""
    (tmp_path / "file").write_text("")
    for target, what in (("file", "it is a file"), ("file/below", f"{tmp_path / 'file'} is a file")):
        with pytest.raises(EnvguardError, match=what):
            put(tmp_path / target, {"a": "1"})


def test_room_is_looked_at_before_anything_is_copied(tmp_path: Path) -> None:
    """A full disk is one error."""
    with pytest.raises(EnvguardError, match=r"has room for .*, and 1048576 GiB are to be copied"):
        writing.check_room(tmp_path, 1 << 50)
