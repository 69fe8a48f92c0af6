from __future__ import annotations

import os

import pytest

from pytest_envguard.model.modelfolder import Reader
from pytest_envguard.modelfolder.permissions import allowed
from pytest_envguard.modelfolder.static import inspect

from .folders import READER, good

UID, GID = os.geteuid(), os.getegid()


@pytest.mark.parametrize(
    ("mode", "owner", "bits"),
    [
        (0o750, (1, 2), 0),
        (0o750, (1, READER.gid), 5),
        (0o750, (READER.uid, 2), 7),
        (0o077, (READER.uid, READER.gid), 0),  # the owner's bits count, not the best ones
        (0o707, (1, READER.gid), 0),
        (0o704, (1, 2), 4),
    ],
)
def test_the_first_class_that_fits_decides(mode, owner, bits):
    assert allowed(mode, *owner, READER) == bits


def _there(folder, reader=READER):
    return {one.where: one for one in inspect(folder, reader=reader).findings if one.kind == "not-readable-there"}


def test_a_good_folder_is_readable_by_anybody(tmp_path):
    assert _there(good(tmp_path / "m")) == {}


def test_a_folder_for_its_group_is_closed_to_others_and_open_to_the_group(tmp_path):
    folder = good(tmp_path / "m")
    folder.chmod(0o750)
    finding = _there(folder)[""]
    assert (finding.severity, finding.what) == ("error", f"the folder has mode 0750, owner {UID}:{GID}")
    assert finding.why == "in container the process is 4711:4712, and may not enter it"
    assert _there(folder, Reader("lambda", 4711, folder.stat().st_gid)) == {}


def test_files_that_may_not_be_read_are_one_finding(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors").chmod(0o600)
    (folder / "tokenizer.json").chmod(0o640)
    (finding,) = _there(folder).values()
    assert finding.what.endswith("(2 files: model.safetensors, tokenizer.json)")
    assert "safetensors 0.8.0 saves with mode 0600" in finding.why


def test_a_readme_that_may_not_be_read_is_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "README.md").chmod(0o600)
    assert _there(folder)["README.md"].severity == "warning"


def test_a_folder_in_it_needs_reading_and_searching(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "1_Pooling").mkdir(mode=0o755)
    (folder / "1_Pooling").chmod(0o754)
    assert _there(folder)["1_Pooling"].why.endswith("may not enter it")
    (folder / "1_Pooling").chmod(0o751)
    assert _there(folder)["1_Pooling"].why.endswith("may not list it")


def test_root_and_nobody_in_particular_are_not_asked_about(tmp_path):
    folder = good(tmp_path / "m")
    folder.chmod(0o700)
    assert _there(folder, Reader("host", 0, 0)) == {}
    assert _there(folder, None) == {}


def test_a_closed_folder_above_is_a_note_about_this_place(tmp_path):
    (tmp_path / "home").mkdir()
    folder = good(tmp_path / "home" / "m")
    (tmp_path / "home").chmod(0o700)
    above = [one for one in inspect(folder, reader=READER).findings if one.kind == "closed-above"]
    assert f"{tmp_path}/home, which it is in, has mode 0700" in above[0].what
    assert {one.severity for one in above} == {"note"}


def test_the_mode_that_counts_is_that_of_what_a_link_leads_to(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "blob").write_text("a\n")
    (folder / "vocab.txt").symlink_to("blob")
    (folder / "blob").chmod(0o600)
    (finding,) = _there(folder).values()
    assert finding.what.endswith("(2 files: blob, vocab.txt)")
