"""Folders that are filled on the host: from where, by what, and why not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_envguard.engine.remedies import seeding
from pytest_envguard.engine.remedies.seeding import Seeds, find_source
from pytest_envguard.engine.remedies.temporary import Temporary
from pytest_envguard.model.diagnosis import Seed


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[Seeds]:
    temporary = Temporary([])
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(seeding, "parent_folder", lambda: place)
    yield Seeds(str(tmp_path), temporary, said.append)
    temporary.close()
    assert list(place.iterdir()) == []


def _cache(folder: Path) -> Path:
    """A folder as huggingface_hub's: each file once, links to it, a link to elsewhere and one to nothing."""
    (folder / "blobs").mkdir(parents=True)
    (folder / "snapshots" / "1").mkdir(parents=True)
    (folder / "blobs" / "abc").write_text("weights")
    (folder / "snapshots" / "1" / "model.bin").symlink_to("../../blobs/abc")
    (folder / "absolute").symlink_to(folder / "blobs" / "abc")
    (folder / "nowhere").symlink_to("/nonexistent/x")
    elsewhere = folder.parent / "elsewhere"
    elsewhere.write_text("licence")
    (folder / "outside").symlink_to(elsewhere)
    (folder / "run.sh").write_text("#!/bin/sh")
    (folder / "run.sh").chmod(0o700)
    os.mkfifo(folder / "pipe")
    return folder


def test_a_folder_is_copied_whole_and_nobody_writes_in_it(seeds: Seeds, tmp_path: Path, said: list[str]) -> None:
    """Links into it stay links, others become files; everybody can read; a second request makes no second copy."""
    source = _cache(tmp_path / "source")
    seed = Seed("HF_HOME", (str(tmp_path / "missing"), str(source)))
    filled = seeds.fill(seed)
    folder = Path(filled.folder)

    assert filled.problem == ""
    assert (folder / "snapshots/1/model.bin").read_text() == (folder / "absolute").read_text() == "weights"
    assert os.readlink(folder / "snapshots/1/model.bin") == "../../blobs/abc"
    assert os.readlink(folder / "absolute") == "blobs/abc"
    assert (folder / "outside").read_text() == "licence"
    assert not (folder / "outside").is_symlink()
    assert sorted(entry.name for entry in folder.iterdir()) == ["absolute", "blobs", "outside", "run.sh", "snapshots"]
    assert folder.stat().st_mode & 0o777 == (folder / "blobs").stat().st_mode & 0o777 == 0o555
    assert (folder / "blobs/abc").stat().st_mode & 0o777 == 0o444
    assert (folder / "run.sh").stat().st_mode & 0o777 == 0o555
    assert seeds.fill(seed) == filled
    assert said == ["envguard: filling a folder for HF_HOME"]


def test_code_fills_a_folder_with_the_variable_set_to_it(seeds: Seeds) -> None:
    """By the interpreter of the tests."""
    code = "import os, sys; open(os.environ['MINE'] + '/made', 'w').write(sys.executable)"
    filled = seeds.fill(Seed("MINE", ("$NOT_SET_ANYWHERE/x",), fill=code))
    assert (Path(filled.folder) / "made").read_text() == sys.executable


@pytest.mark.parametrize(
    ("seed", "problem"),
    [
        (Seed("A", fill="raise SystemExit('no network')"), "the code that fills it failed: no network"),
        (Seed("A", fill="import os; os._exit(3)"), "the code that fills it failed: exit code 3"),
        (Seed("A", fill="pass"), "the code that fills it left it empty"),
        (Seed("A", fill="import time; time.sleep(60)"), "the code that fills it was still running after 2 s"),
        (
            Seed("A", ("/nonexistent/x", "$NOT_SET_ANYWHERE")),
            "there is none of /nonexistent/x, $NOT_SET_ANYWHERE to fill it from",
        ),
        (
            Seed("A", ("/nonexistent/x",), command="cp x DIR"),
            "there is none of /nonexistent/x to fill it from; by hand: cp x DIR",
        ),
        (Seed("A"), "nothing is known to fill it with"),
    ],
)
def test_what_can_not_be_filled_says_why(
    seeds: Seeds, seed: Seed, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a sentence that a report can show."""
    monkeypatch.setattr(seeding, "_LONGEST", 2.0)
    assert seeds.fill(seed) == ("", problem)


def test_more_than_the_most_is_not_copied(seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is copied before the size is known."""
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "file").write_bytes(bytes(3000))
    monkeypatch.setattr(seeding, "MOST", 2048)
    problem = f"{tmp_path}/large has 2.9 KiB: more than 2 KiB are not copied"
    assert seeds.fill(Seed("A", (f"{tmp_path}/large",))) == ("", problem)


def test_the_first_source_that_has_something_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the home, a variable, or wherever libraries are imported from; never the working folder by mistake."""
    for name in ("home/cache", "site/lib/data", "variable", "empty/folder"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("home/cache/x", "site/lib/data/x", "variable/x"):
        (tmp_path / name).write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HAS_IT", str(tmp_path / "variable"))
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.chdir(tmp_path)
    path = ["", "/nonexistent", str(tmp_path / "site")]

    assert find_source(["$NOT_SET/x", "~/cache", "$HAS_IT"], path) == tmp_path / "home/cache"
    assert find_source(["${NOT_SET}", "$EMPTY", f"{tmp_path}/empty", "$HAS_IT"], path) == tmp_path / "variable"
    assert find_source(["{site}/lib/data"], path) == tmp_path / "site/lib/data"
    assert find_source(["{site}/other", "relative", "~nobody-of-that-name/x"], path) is None
