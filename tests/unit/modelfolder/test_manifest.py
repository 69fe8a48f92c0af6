from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.modelfolder import hashing, manifest
from pytest_envguard.modelfolder.static import inspect

from .folders import found, good


def _odd(folder):
    good(folder)
    for name in (b"a\nb", b"back\\slash", b"\xff\xfe", b"cr\rhere", b" blank ", "ü".encode()):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(name * 7)
    return folder


def test_a_manifest_that_was_written_is_right(tmp_path):
    folder = _odd(tmp_path / "m")
    assert manifest.write_manifest(folder, tmp_path / "sums") == 11
    contents = inspect(folder, manifest=tmp_path / "sums")
    assert (contents.findings, contents.hashed) == ((), contents.size)


def test_sha256sum_checks_what_was_written_and_what_it_wrote_is_checked(tmp_path):
    if not shutil.which("sha256sum"):
        pytest.skip("there is no sha256sum")
    folder = _odd(tmp_path / "m")
    manifest.write_manifest(folder, tmp_path / "sums")
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", tmp_path / "sums"], cwd=folder, check=True)
    with open(tmp_path / "theirs", "wb") as file:
        subprocess.run(["sha256sum", *os.listdir(os.fsencode(folder))], cwd=folder, check=True, stdout=file)
    assert inspect(folder, manifest=tmp_path / "theirs").findings == ()
    assert manifest.read_manifest(tmp_path / "theirs") == manifest.read_manifest(tmp_path / "sums")


def test_a_manifest_in_the_folder_leaves_itself_out(tmp_path):
    folder = good(tmp_path / "m")
    assert manifest.write_manifest(folder, folder / "SHA256SUMS") == 5
    assert manifest.write_manifest(folder, folder / "SHA256SUMS") == 5
    assert inspect(folder, manifest=folder / "SHA256SUMS").findings == ()


def test_what_changed_is_missing_or_was_added_is_told_apart(tmp_path):
    folder = good(tmp_path / "m")
    manifest.write_manifest(folder, tmp_path / "sums")
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    (folder / "tokenizer_config.json").unlink()
    (folder / "extra.json").write_text("{}")
    findings = found(folder, manifest=tmp_path / "sums")
    places = {kind: one.where for kind, one in findings.items()}
    assert places == {
        "wrong-hash": "config.json",
        "missing-file": "tokenizer_config.json",
        "unnamed-file": "extra.json",
    }
    assert findings["unnamed-file"].severity == "warning"


def test_nothing_is_hashed_unless_it_is_asked_for(tmp_path):
    assert inspect(good(tmp_path / "m")).hashed == 0


@pytest.mark.parametrize("line", ["/etc/passwd", "../x", "a/../../x"])
def test_a_manifest_does_not_lead_out_of_the_folder(tmp_path, line):
    folder = good(tmp_path / "m")
    manifest.write_manifest(folder, tmp_path / "sums")
    with open(tmp_path / "sums", "a") as file:
        file.write(f"{'0' * 64}  {line}\n")
    assert found(folder, manifest=tmp_path / "sums")["bad-manifest"].where == "sums:6"


def test_a_file_with_two_sums_is_an_error(tmp_path):
    folder = good(tmp_path / "m")
    manifest.write_manifest(folder, tmp_path / "sums")
    with open(tmp_path / "sums", "a") as file:
        file.write(f"{'0' * 64}  config.json\n")
    assert "twice" in found(folder, manifest=tmp_path / "sums")["bad-manifest"].what


def test_what_is_no_manifest_is_one_error(tmp_path):
    folder = good(tmp_path / "m")
    with pytest.raises(EnvguardError, match="is no manifest: line 1"):
        inspect(folder, manifest=folder / "config.json")
    with pytest.raises(EnvguardError, match="can't be read: No such file"):
        inspect(folder, manifest=tmp_path / "none")


def test_a_manifest_is_written_whole_or_not_at_all(tmp_path):
    folder = good(tmp_path / "m")
    (tmp_path / "sums").write_text("as before")
    os.mkfifo(folder / "fifo")  # no file: left out
    os.symlink("nowhere", folder / "dangling")
    assert manifest.write_manifest(folder, tmp_path / "sums") == 5
    with pytest.raises(EnvguardError, match="can't be written"):
        manifest.write_manifest(folder, tmp_path / "no" / "sums")
    assert sorted(os.listdir(tmp_path)) == ["m", "sums"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_cannot_be_read_keeps_the_manifest_from_being_written(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "config.json").chmod(0)
    with pytest.raises(EnvguardError, match=r"config\.json can't be hashed: Permission denied"):
        manifest.write_manifest(folder, tmp_path / "sums")
    assert not (tmp_path / "sums").exists()


def test_the_mode_of_a_manifest_is_that_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        manifest.write_manifest(good(tmp_path / "m"), tmp_path / "sums")
    finally:
        os.umask(before)
    assert (tmp_path / "sums").stat().st_mode & 0o777 == 0o640


def test_sums_are_those_of_hashlib_and_git(tmp_path):
    data = os.urandom(3_000_001)
    (tmp_path / "x").write_bytes(data)
    tasks = [hashing.Task(str(tmp_path / "x"), len(data), kind) for kind in (hashing.SHA256, hashing.GIT)]
    sums = hashing.sums_of(tasks)
    assert sums[tasks[0]] == hashing.Sum(hashlib.sha256(data).hexdigest(), read=len(data))
    assert sums[tasks[1]].hex == hashlib.sha1(b"blob 3000001\0" + data).hexdigest()


def test_a_file_that_changes_while_it_is_read_has_no_sum(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(bytes(3_000_000))
    real = os.readv

    def growing(descriptor, pieces):
        with open(path, "ab") as file:
            file.write(b"more")
        return real(descriptor, pieces)

    monkeypatch.setattr(hashing.os, "readv", growing)
    (found_sum,) = hashing.sums_of([hashing.Task(str(path), 3_000_000)]).values()
    assert (found_sum.hex, found_sum.problem) == ("", "it changed while it was read")


def test_progress_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "_EVERY", 0.0)
    (tmp_path / "x").write_bytes(bytes(2_500_000))
    said = []
    hashing.sums_of([hashing.Task(str(tmp_path / "x"), 2_500_000)], said.append)
    assert said == ["hashed 1.0 MB of 2.5 MB", "hashed 2.1 MB of 2.5 MB", "hashed 2.5 MB of 2.5 MB"]


def test_threads_end_when_it_is_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "_EVERY", 0.0)
    with open(tmp_path / "x", "wb") as file:
        file.truncate(20_000_000_000)

    def interrupt(text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hashing.sums_of([hashing.Task(str(tmp_path / "x"), 20_000_000_000)], interrupt)
    assert not [one for one in threading.enumerate() if one.name.startswith("envguard-sum")]
