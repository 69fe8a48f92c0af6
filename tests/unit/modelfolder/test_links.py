from __future__ import annotations

import os

import pytest

from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.static import inspect

from .folders import found, good, notes


def test_a_dangling_link_is_an_error_and_one_of_a_readme_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    os.symlink("/nowhere/vocab.txt", folder / "vocab.txt")
    assert found(folder)["dangling-link"].what == "it leads to /nowhere/vocab.txt, which isn't there"
    os.rename(folder / "vocab.txt", folder / "LICENSE")
    assert found(folder)["dangling-link"].severity == "warning"


def test_links_in_circles_come_to_an_end(tmp_path):
    folder = good(tmp_path / "m")
    os.symlink("x", folder / "x")
    os.symlink(".", folder / "self")
    os.symlink("..", folder / "up")
    circles = {one.where: one.severity for one in inspect(folder).findings if one.kind == "link-loop"}
    assert circles == {"x": "error", "self": "warning", "up": "warning"}


def test_a_link_out_of_the_folder_is_a_warning_and_one_within_is_none(tmp_path):
    folder = good(tmp_path / "m")
    (tmp_path / "vocab.txt").write_text("a\n")
    os.symlink("../vocab.txt", folder / "vocab.txt")
    os.symlink("config.json", folder / "copy.json")
    assert {one.where for one in inspect(folder).findings} == {"vocab.txt"}
    assert found(folder)["outside-link"].what == "it leads out of the folder, to ../vocab.txt"


def _snapshot(folder):
    """Make a repository of a hub cache as huggingface_hub does: links to blobs."""
    snapshot = good(folder / "models--acme--tiny" / "snapshots" / ("c" * 40))
    blobs = folder / "models--acme--tiny" / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(snapshot.iterdir())):
        file.rename(blobs / f"{number:040x}")
        file.symlink_to(f"../../blobs/{number:040x}")
    return snapshot


def test_a_snapshot_of_a_hub_cache_is_only_worth_a_note(tmp_path):
    contents = inspect(_snapshot(tmp_path))
    assert [(one.kind, one.severity) for one in contents.findings] == [("cache-links", "note")]
    assert contents.findings[0].what == "5 files are links to blobs beside the snapshot, as in every hub cache"
    assert (contents.files, contents.tokenizers) == (5, ("fast",))


def test_a_snapshot_that_was_copied_without_its_blobs_has_dangling_links(tmp_path):
    snapshot = _snapshot(tmp_path / "cache")
    snapshot.rename(tmp_path / "m")
    finding = found(tmp_path / "m")["dangling-link"]
    assert "cp -rL" in finding.remedy


def test_content_that_git_annex_has_elsewhere_is_said_so(tmp_path):
    folder = good(tmp_path / "m")
    os.symlink(".git/annex/objects/a/b/SHA256E-s1--0/SHA256E-s1--0", folder / "vocab.txt")
    assert "git-annex" in found(folder)["dangling-link"].what


def test_a_folder_behind_a_link_is_looked_up_but_not_entered(tmp_path):
    folder = good(tmp_path / "m")
    good(tmp_path / "other")
    os.symlink("../other", folder / "linked")
    contents = inspect(folder)
    assert (contents.files, [one.kind for one in contents.findings]) == (5, ["outside-link"])


def test_a_folder_that_is_nested_without_end_is_cut(tmp_path):
    folder = good(tmp_path / "m")
    here = folder
    for _ in range(50):
        here /= "d"
    here.mkdir(parents=True)
    assert found(folder).keys() == {"too-much"}


def test_more_names_than_are_looked_at_are_said_so(tmp_path, monkeypatch):
    folder = good(tmp_path / "m")
    monkeypatch.setattr(reading, "MOST_ENTRIES", 4)
    assert reading.tree_of(str(folder)).cut
    monkeypatch.setattr(reading, "MOST_ENTRIES", 5)
    assert not reading.tree_of(str(folder)).cut


def test_what_git_and_the_hubs_client_keep_is_not_the_models(tmp_path):
    folder = good(tmp_path / "m")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.json").write_text("{")
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / ".cache" / "huggingface" / "x.json").write_text("{")
    assert inspect(folder).findings == ()


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        reading.beginning(str(tmp_path / "fifo"), 1)
    with pytest.raises(OSError, match="not a regular file"):
        reading.beginning("/dev/zero", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_what_may_not_be_read_is_an_error_and_nothing_more_is_said_of_it(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors").chmod(0)
    (folder / "sub").mkdir(mode=0)
    places = [(one.kind, one.where) for one in inspect(folder).findings]
    (folder / "sub").chmod(0o755)
    assert places == [("unreadable", "model.safetensors"), ("unreadable", "sub")]
    assert notes(inspect(folder)) == {}
