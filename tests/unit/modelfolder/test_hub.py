from __future__ import annotations

import hashlib
import json
import os
import time

from pytest_envguard.modelfolder.static import inspect

from .folders import found, good, write

COMMIT = "c" * 40


def _etag(data, name):
    large = name.endswith(".safetensors")
    return hashlib.sha256(data).hexdigest() if large else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _downloaded(folder):
    """Make what ``hf download --local-dir`` makes (huggingface_hub, _local_folder.py and _tree_cache.py)."""
    good(folder)
    kept = folder / ".cache" / "huggingface"
    (kept / "download").mkdir(parents=True)
    files = {}
    for file in [one for one in folder.iterdir() if one.is_file()]:
        data = file.read_bytes()
        metadata = f"{COMMIT}\n{_etag(data, file.name)}\n{time.time()}\n"
        (kept / "download" / f"{file.name}.metadata").write_text(metadata)
        files[file.name] = {"size": len(data), "blob_id": "0" * 40}
    write(kept, f"trees/{COMMIT}.json", {"format_version": 1, "files": files})
    return folder


def _spoil(path, data, seconds):
    path.write_bytes(data)
    os.utime(path, (time.time() + seconds,) * 2)


def test_a_download_is_what_was_noted_of_it(tmp_path):
    contents = inspect(_downloaded(tmp_path / "m"), hashes=True)
    assert (contents.findings, contents.hashed, contents.files) == ((), contents.size, 5)


def test_sums_are_only_compared_where_it_is_asked_for(tmp_path):
    folder = _downloaded(tmp_path / "m")
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    _spoil(folder / "model.safetensors", bytes(data), -100)
    assert found(folder) == {}
    assert found(folder, hashes=True)["wrong-hash"].where == "model.safetensors"


def test_what_was_changed_after_the_download_is_a_warning(tmp_path):
    folder = _downloaded(tmp_path / "m")
    _spoil(folder / "config.json", (folder / "config.json").read_bytes() + b"\n", 100)
    assert found(folder) == {}
    assert found(folder, hashes=True)["changed-file"].where == "config.json"


def test_what_was_cut_short_is_found_without_hashing(tmp_path):
    folder = _downloaded(tmp_path / "m")
    (folder / "vocab.txt").write_text("a\nb\n")
    listing = folder / ".cache" / "huggingface" / "trees" / f"{COMMIT}.json"
    known = json.loads(listing.read_text())
    known["files"]["vocab.txt"] = {"size": 10, "blob_id": "0" * 40}
    listing.write_text(json.dumps(known))
    metadata = folder / ".cache" / "huggingface" / "download" / "vocab.txt.metadata"
    metadata.write_text(f"{COMMIT}\n{'0' * 40}\n{time.time() + 10}\n")
    assert found(folder)["wrong-size"].what == "it has 4 bytes, and in the repository 10"


def test_metadata_that_is_broken_says_nothing(tmp_path):
    folder = _downloaded(tmp_path / "m")
    for number, file in enumerate((folder / ".cache" / "huggingface" / "download").iterdir()):
        file.write_bytes([b"", b"\xff\xff", b"x\ny\nz\n", f"{COMMIT}\n../../x\n1\n".encode(), b"\n" * 5000][number % 5])
    write(folder / ".cache" / "huggingface", f"trees/{COMMIT}.json", {"format_version": 1, "files": [7]})
    assert inspect(folder, hashes=True).findings == ()


def _cached(folder):
    repository = folder / "models--acme--tiny"
    snapshot = good(repository / "snapshots" / COMMIT)
    (repository / "blobs").mkdir()
    sizes = {}
    for file in sorted(snapshot.iterdir()):
        data = file.read_bytes()
        sizes[file.name] = {"size": len(data), "blob_id": "0" * 40}
        file.rename(repository / "blobs" / _etag(data, file.name))
        file.symlink_to(f"../../blobs/{_etag(data, file.name)}")
    write(repository, f"trees/{COMMIT}.json", {"format_version": 1, "files": sizes})
    return snapshot


def test_the_blobs_of_a_cache_are_what_their_names_say(tmp_path):
    snapshot = _cached(tmp_path)
    contents = inspect(snapshot, hashes=True)
    assert ([one.kind for one in contents.findings], contents.hashed) == (["cache-links"], contents.size)
    blob = (snapshot / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"\1")
    assert found(snapshot, hashes=True)["wrong-hash"].where == "model.safetensors"


def test_the_sizes_of_a_cache_are_those_of_its_listing(tmp_path):
    snapshot = _cached(tmp_path)
    with open(snapshot / "README.md", "a") as file:
        file.write("more")
    assert found(snapshot)["wrong-size"].why == "it isn't the repository's file any more"
