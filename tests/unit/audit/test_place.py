"""Where paths lead, by themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_envguard.audit.place import comparable, locate, settled, slashed, walk

NOTHING: frozenset[str] = frozenset()


def test_windows_paths_have_one_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drives are folders below "/", and case doesn't count, so that a table of mounts can be looked up."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert comparable("C:\\Users\\Me") == "/c:/users/me" == comparable(comparable("C:\\Users\\Me"))
    assert slashed("\\\\?\\C:\\Users") == "C:/Users"
    assert settled("/") == comparable("/") == "/"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_rules_are_settled_where_links_lead(tmp_path: Path) -> None:
    """A mount lies where its path leads; of an absent path the link itself is absent."""
    real = tmp_path.resolve() / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert settled(str(tmp_path / "link")) == str(real)
    assert settled(str(tmp_path / "link"), itself=True) == str(tmp_path.resolve() / "link")
    assert settled(f"{tmp_path}/link/shm", itself=True) == f"{real}/shm"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_walk_goes_where_the_system_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whatever exists, the place found is the one that the system resolves."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one/two").mkdir(parents=True)
    (tmp_path / "one/file").touch()
    (tmp_path / "up").symlink_to("one/two/..")
    (tmp_path / "over").symlink_to(f"{tmp_path}/up/two")
    for path in ("one", "up", "up/file", "over/..", "over/../file", "./one//two/", ".", "..", "/", "up/two/../.."):
        place = walk(path, NOTHING, follow=True)
        assert place and place.status
        assert place.path == os.path.realpath(path), path
        assert os.path.samestat(place.status, os.stat(path))
    for path in ("", "one/file/x", "missing/x", "one/file/..", "one/file/../two", "a\0b"):
        assert walk(path, NOTHING) is None, path
    linked = locate("over/", NOTHING, follow=False)  # a slash makes a folder of it
    assert linked and linked.path == os.path.realpath("over")
    missing = walk("over/missing", NOTHING)
    assert missing and (missing.folder, missing.status) == (os.path.realpath("over"), None)
