"""Cells are kept, shared, measured and removed; what was found out is remembered for as long as it may be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix import store as module
from pytest_envguard.matrix.store import (
    DAY,
    RECORD,
    VARIABLE,
    Store,
    digest,
    make_folder,
    measure,
    open_store,
    write_whole,
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return an empty store."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    return open_store()


def put(store: Store, key: str, project: str = "/", *, days_ago: float = 0) -> Path:
    """Put a cell into the store that has but one file."""
    folder = store.cell(key)
    folder.mkdir()
    (folder / "file").write_bytes(b"x" * 5000)
    (folder / RECORD).write_text(json.dumps({"name": f"six{key}", "project": project, "python": sys.executable}))
    used = time.time() - days_ago * DAY
    os.utime(folder / RECORD, (used, used))
    return folder


def elsewhere(store: Store, key: str, how: str) -> subprocess.Popen[str]:
    """Lock a cell in another process, until that one's standard input is closed."""
    script = (
        "import fcntl, sys; from pathlib import Path; from pytest_envguard.matrix.store import locked\n"
        f"fd = locked(Path({str(store.root)!r}), {key!r}, fcntl.{how}); print('locked', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "locked\n"
    return process


def names(entries: list[module.Entry]) -> list[str]:
    """Return the keys of some cells."""
    return [entry.key for entry in entries]


def test_what_was_found_out_is_remembered_for_its_time(store: Store) -> None:
    """And for no other kind or key; when it was is told too."""
    store.remember("release", "six latest", ["1.17.0"])
    found = store.recall("release", "six latest")
    assert found is not None and found.value == ["1.17.0"] and abs(found.when - time.time()) < 5
    assert store.recall("release", "six lowest") is None and store.recall("audit", "six latest") is None
    assert store.recall("release", "six latest", max_age=0.0) is None
    assert store.recall("release", "six latest", max_age=None) is not None
    store.forget("release")
    assert store.recall("release", "six latest", max_age=None) is None


def test_what_comes_from_the_future_is_not_believed(store: Store) -> None:
    """A clock that was set back must not make an answer last for years."""
    store.remember("release", "six", "1")
    (path,) = (store.root / "remembered" / "release").iterdir()
    path.write_text(json.dumps({"when": time.time() + 1000, "value": "1"}))
    assert store.recall("release", "six") is None
    path.write_text("{")
    assert store.recall("release", "six", max_age=None) is None


def test_a_folder_without_a_record_is_no_cell(store: Store) -> None:
    """Nor is one whose interpreter is gone: the record is the last thing that a build writes."""
    put(store, "a")
    assert store.read("a") is not None and store.hold("a")
    put(store, "b")
    (store.cell("b") / RECORD).write_text(json.dumps({"python": "/nowhere/python"}))
    assert store.read("b") is None and not store.hold("b")
    (store.cell("c")).mkdir()
    assert store.read("c") is None and not store.hold("c")


def test_everyone_may_read_the_folders(tmp_path: Path) -> None:
    """An environment can have another uid, whatever the umask of who has made the cell."""
    before = os.umask(0o077)
    try:
        make_folder(tmp_path / "a" / "b")
        write_whole(tmp_path / "a" / "file", "x")
    finally:
        os.umask(before)
    assert [oct((tmp_path / path).stat().st_mode & 0o777) for path in ("a", "a/b", "a/file")] == [
        "0o755",
        "0o755",
        "0o644",
    ]


def test_a_key_tells_its_parts_apart() -> None:
    """`ab` and `c` are not `a` and `bc`."""
    assert digest("ab", "c") != digest("a", "bc") and digest("ab", b"c") == digest(b"ab", "c")


def test_cells_are_listed_the_last_used_first(store: Store) -> None:
    """With what their builds have written down."""
    put(store, "old", days_ago=3)
    put(store, "new", "/project")
    (store.cell("half")).mkdir()
    os.utime(store.cell("half"), (1, 1))
    entries = store.entries()
    assert names(entries) == ["new", "old", "half"]
    assert (entries[0].name, entries[0].project, entries[0].in_use) == ("sixnew", "/project", False)
    assert entries[2].record == {} and entries[2].name == ""


def test_using_a_cell_is_noted(store: Store) -> None:
    """What is used every day is never too old."""
    put(store, "a", days_ago=30)
    assert store.hold("a")
    assert time.time() - store.entries()[0].used < 60


def test_half_made_cells_and_those_of_gone_projects_are_stale(store: Store, tmp_path: Path) -> None:
    """Others are only if asked for by their age."""
    put(store, "here", str(tmp_path))
    put(store, "gone", str(tmp_path / "gone"))
    put(store, "old", days_ago=8)
    store.cell("half").mkdir()
    assert sorted(names(store.stale())) == ["gone", "half"]
    assert sorted(names(store.stale(days=7))) == ["gone", "half", "old"]
    assert len(store.stale(everything=True)) == 4


@pytest.mark.parametrize("how", ["LOCK_SH", "LOCK_EX"])
def test_what_another_process_uses_or_builds_is_not_removed(store: Store, how: str) -> None:
    """Not by its age, not by `all`; afterwards it can be."""
    put(store, "a", days_ago=8)
    other = elsewhere(store, "a", how)
    assert store.stale(everything=True) == [] and store.remove(store.entries()) == []
    other.communicate()
    assert names(store.remove(store.stale(everything=True))) == ["a"]
    assert not store.cell("a").exists() and list((store.root / "locks").iterdir()) == []


def test_one_that_is_being_built_is_not_taken(store: Store) -> None:
    """Who can wait gets it as soon as it's there."""
    put(store, "a")
    other = elsewhere(store, "a", "LOCK_EX")
    assert not store.hold("a")
    assert other.stdin is not None
    other.stdin.close()
    assert store.hold("a", wait=True)
    other.wait()


def test_what_this_run_uses_is_not_removed(store: Store) -> None:
    """Until it has released it."""
    put(store, "a")
    assert store.hold("a") and store.remove(store.entries()) == []
    store.release()
    assert names(store.remove(store.entries())) == ["a"]


def test_bytecode_goes_with_the_last_cell_that_has_it(store: Store) -> None:
    """The pool's own name of a file doesn't keep it."""
    pool = store.root / "bytecode" / "cpython-311" / "00"
    make_folder(pool)
    for key in "ab":
        folder = put(store, key)
        if key == "a":
            (folder / "x.pyc").write_bytes(b"x")
            os.link(folder / "x.pyc", pool / "x")
        else:
            os.link(pool / "x", folder / "x.pyc")
    by_key = {entry.key: entry for entry in store.entries()}
    store.remove([by_key["a"]])
    assert (pool / "x").exists()
    store.remove([by_key["b"]])
    assert not (pool / "x").exists()


def test_a_file_with_two_names_is_counted_once(tmp_path: Path) -> None:
    """And given back only with its last name."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "shared").write_bytes(b"x" * 100_000)
    os.link(one / "shared", two / "shared")
    (two / "own").write_bytes(b"y" * 50_000)
    both, second = measure([one, two]), measure([two])
    assert 150_000 <= both.used < 180_000 and both.freed == both.used
    assert 150_000 <= second.used < 180_000 and 50_000 <= second.freed < 80_000


def test_a_folder_that_cannot_be_written_to_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that moves the store."""
    monkeypatch.setenv(VARIABLE, "/proc/nowhere")
    with pytest.raises(EnvguardError) as caught:
        open_store()
    assert str(caught.value) == (
        f"cells can't be kept in /proc/nowhere: No such file or directory\nhint: name another folder in the variable {VARIABLE}"
    )


def test_without_the_variable_it_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As platformdirs says."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store().root.is_relative_to(tmp_path)
