"""Which repositories a folder has, and what is in them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from pytest_envguard.origins.repositories import Repository, revision, revisions


def write(folder: Path, *paths: str) -> None:
    """Write small files, each with its own path as content."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def main(folder: Path, name: str, kind: str = "models") -> Repository:
    """Return the main revision."""
    return revisions(str(folder), kind, name)["main"]


def names(repository: Repository) -> list[str]:
    """Return the paths of all files."""
    return [entry.path for entry in repository.entries()]


def test_repositories_that_are_written_by_hand(tmp_path: Path) -> None:
    """With and without an organisation, of each kind; an organisation itself is none."""
    write(tmp_path, "acme/tiny/config.json", "acme/tiny/sub/a.txt", "gpt2/vocab.json", "datasets/acme/rows/train.csv")
    assert names(main(tmp_path, "acme/tiny")) == ["config.json", "sub/a.txt"]
    assert names(main(tmp_path, "gpt2")) == ["vocab.json"]
    assert names(main(tmp_path, "acme/rows", "datasets")) == ["train.csv"]
    for kind, name in (("models", "acme"), ("models", "acme/rows"), ("spaces", "acme/tiny"), ("models", "none/tiny")):
        assert revisions(str(tmp_path), kind, name) == {}


@pytest.mark.parametrize("name", ["..", "../acme", "acme/..", ".git/x", "a/b/c", "", "acme/", "/etc", "a b"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    """No name leads out of the folder."""
    write(tmp_path, "acme/tiny/config.json")
    assert revisions(str(tmp_path / "acme"), "models", name) == {}


def test_other_revisions(tmp_path: Path) -> None:
    """Branches and tags by name; a commit by its hash, of which seven letters are enough."""
    commit = "0123456789" * 4
    write(tmp_path, "acme/tiny/a", "acme/tiny@v1/b", f"acme/tiny@{commit}/c", "acme/tinyish/d")
    known = revisions(str(tmp_path), "models", "acme/tiny")
    assert sorted(known) == [commit, "main", "v1"]
    assert {
        wanted: names(found) for wanted in ("main", "v1", commit, commit[:7]) if (found := revision(known, wanted))
    } == {
        "main": ["a"],
        "v1": ["b"],
        commit: ["c"],
        commit[:7]: ["c"],
    }
    assert revision(known, known["main"].hash()) == known["main"]
    assert revision(known, "v2") is None and revision(known, commit[:6]) is None


def test_the_commit_follows_the_content(tmp_path: Path) -> None:
    """The same files have the same one in another folder; another byte or name has another one."""
    write(tmp_path, "acme/tiny/a", "acme/tiny/model.bin")
    shutil.copytree(tmp_path / "acme" / "tiny", tmp_path / "acme" / "copy")
    first = main(tmp_path, "acme/tiny").hash()
    assert len(first) == 40 and main(tmp_path, "acme/copy").hash() == first
    (tmp_path / "acme" / "copy" / "model.bin").write_text("other")
    assert main(tmp_path, "acme/copy").hash() != first
    (tmp_path / "acme" / "tiny" / "a").rename(tmp_path / "acme" / "tiny" / "b")
    assert main(tmp_path, "acme/tiny").hash() != first


def test_files_that_the_hub_stores_apart(tmp_path: Path) -> None:
    """By their name or size; git has a pointer in their place."""
    write(tmp_path, "acme/tiny/model.safetensors", "acme/tiny/config.json", "acme/tiny/tokenizer.model")
    (tmp_path / "acme" / "tiny" / "large.txt").write_bytes(bytes(10 << 20))
    repository = main(tmp_path, "acme/tiny")
    assert [entry.path for entry in repository.entries() if entry.large] == [
        "large.txt",
        "model.safetensors",
        "tokenizer.model",
    ]
    entry = repository.file(["model.safetensors"])
    assert entry is not None
    sha = hashlib.sha256(b"acme/tiny/model.safetensors").hexdigest()
    assert entry.pointer == f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha}\nsize 27\n".encode()
    blob = b"blob %d\0" % len(entry.pointer) + entry.pointer
    assert entry.oid == hashlib.sha1(blob).hexdigest()


def test_what_is_not_part_of_a_repository(tmp_path: Path) -> None:
    """The folders of git and of downloads, the mark of a gated one, and links that lead out of the served folder."""
    write(
        tmp_path, "models/acme/tiny/a", "models/acme/tiny/.git/HEAD", "models/acme/tiny/.cache/huggingface/x", "secret"
    )
    write(tmp_path, "models/acme/tiny/.gitattributes", "models/acme/tiny/.gated")
    (tmp_path / "models" / "acme" / "tiny" / "link").symlink_to(tmp_path / "secret")
    repository = main(tmp_path / "models", "acme/tiny")
    assert names(repository) == [".gitattributes", "a"] and repository.gated
    assert (
        repository.file([".git", "HEAD"]) is None and repository.file(["link"]) is None and repository.file([]) is None
    )


def test_the_cache_of_huggingface_hub(tmp_path: Path) -> None:
    """Its links to blobs, its branches and its commits, which keep their hashes."""
    commit, older = "a" * 40, "b" * 40
    write(tmp_path, "models--acme--tiny/blobs/1", "models--acme--tiny/blobs/2")
    for place, blob in ((commit, "1"), (older, "2")):
        snapshot = tmp_path / "models--acme--tiny" / "snapshots" / place
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").symlink_to(f"../../blobs/{blob}")
    (tmp_path / "models--acme--tiny" / "refs" / "pr").mkdir(parents=True)
    (tmp_path / "models--acme--tiny" / "refs" / "main").write_text(commit)
    (tmp_path / "models--acme--tiny" / "refs" / "pr" / "1").write_text(older)
    (tmp_path / "models--acme--tiny" / "refs" / "lost").write_text("c" * 40)
    known = revisions(str(tmp_path), "models", "acme/tiny")
    assert {name: one.hash() for name, one in known.items()} == {
        "main": commit,
        "pr/1": older,
        commit: commit,
        older: older,
    }
    entry = known["main"].file(["config.json"])
    assert entry is not None and Path(entry.file).name == "1" and entry.path == "config.json"
    assert names(known["pr/1"]) == ["config.json"]
