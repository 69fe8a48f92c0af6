"""A cache of models in the hub's layout, made of a folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pytest_envguard.caches import hub
from pytest_envguard.caches.seeding import Model, seed_model
from pytest_envguard.caches.tokenizers import why_not_loaded
from pytest_envguard.errors import EnvguardError
from pytest_envguard.origins.repositories import revisions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model."""
    folder = tmp_path / "models" / "org" / "mini"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    return folder


def seed(folder: Path | str, home: Path, **options: object) -> Model:
    """Seed a model, silently."""
    return seed_model(str(folder), home, lambda _text: None, **{"name": "org/mini", **options})  # type: ignore[arg-type]


def commit_folder(model: Model) -> Path:
    """Return the folder of the snapshot."""
    return hub.snapshot_folder(model.home / "hub", model.snapshot)


def test_the_layout_is_the_hub_s(folder: Path, tmp_path: Path) -> None:
    """Small files by git's hash, large ones by SHA-256; links are relative; `main` names the commit."""
    model = seed(folder, tmp_path / "hf")
    repository = tmp_path / "hf" / "hub" / "models--org--mini"
    assert (repository / "refs" / "main").read_text() == model.snapshot.commit == commit_folder(model).name
    git, sha256 = hashlib.sha1(b"blob 2\0{}").hexdigest(), hashlib.sha256(b"weights").hexdigest()
    assert {path.name for path in (repository / "blobs").iterdir()} == {git, sha256}
    links = {path: os.readlink(commit_folder(model) / path) for path in ("1_Pooling/config.json", "model.safetensors")}
    assert links == {
        "1_Pooling/config.json": f"../../../blobs/{git}",
        "model.safetensors": f"../../blobs/{sha256}",
    }
    assert not (commit_folder(model) / ".git").exists()


def test_the_commit_follows_from_the_content(folder: Path, tmp_path: Path) -> None:
    """And is the one under which an environment serves the same folder."""
    model = seed(folder, tmp_path / "a")
    assert model.snapshot.commit == revisions(str(tmp_path / "models"), "models", "org/mini")["main"].hash()
    assert seed(folder, tmp_path / "b").snapshot.commit == model.snapshot.commit
    (folder / "config.json").write_text("{ }")
    assert seed(folder, tmp_path / "c").snapshot.commit != model.snapshot.commit


def test_what_is_not_in_the_repository_is_noted(folder: Path, tmp_path: Path) -> None:
    """But only where all files are known, and none that is there."""
    noted = tmp_path / "hf" / "hub" / "models--org--mini" / ".no_exist"
    model = seed(folder, tmp_path / "hf")
    names = {path.name for path in (noted / model.snapshot.commit).iterdir()}
    assert "generation_config.json" in names
    assert not names & {"config.json", "model.safetensors"}
    some = seed(folder, tmp_path / "some", include=["*.json"])
    assert [entry.path for entry in some.snapshot.entries] == ["1_Pooling/config.json", "config.json"]
    assert not (tmp_path / "some" / "hub" / "models--org--mini" / ".no_exist").exists()


def test_copies_have_no_links_and_no_second_content(folder: Path, tmp_path: Path) -> None:
    """As the hub does it where there are no links."""
    model = seed(folder, tmp_path / "hf", copies=True)
    assert not model.linked
    assert (commit_folder(model) / "model.safetensors").read_bytes() == b"weights"
    assert not any(path.is_symlink() for path in (tmp_path / "hf").rglob("*"))
    assert not (tmp_path / "hf" / "hub" / "models--org--mini" / "blobs").exists()


def test_the_same_again_changes_nothing_and_another_commit_needs_force(folder: Path, tmp_path: Path) -> None:
    """`main` is moved by force alone; the older commit stays."""
    first = seed(folder, tmp_path / "hf")
    assert (first.new, seed(folder, tmp_path / "hf").new) == (True, False)
    (folder / "config.json").write_text('{"a": 1}')
    with pytest.raises(EnvguardError, match=r"refs/main is there already with another content; nothing was written"):
        seed(folder, tmp_path / "hf")
    second = seed(folder, tmp_path / "hf", force=True)
    snapshots = tmp_path / "hf" / "hub" / "models--org--mini" / "snapshots"
    assert {path.name for path in snapshots.iterdir()} == {first.snapshot.commit, second.snapshot.commit}
    assert (snapshots.parent / "refs" / "main").read_text() == second.snapshot.commit


def test_a_damaged_blob_is_found(folder: Path, tmp_path: Path) -> None:
    """It has the right name and another content."""
    seed(folder, tmp_path / "hf")
    blob = tmp_path / "hf" / "hub" / "models--org--mini" / "blobs" / hashlib.sha256(b"weights").hexdigest()
    blob.write_bytes(b"weight")
    with pytest.raises(EnvguardError, match=f"{blob} is there already"):
        seed(folder, tmp_path / "hf")


def test_a_revision_is_a_name_or_the_commit_itself(folder: Path, tmp_path: Path) -> None:
    """What code pins is what's there."""
    tag = seed(folder, tmp_path / "tag", revision="v1/a")
    assert (tmp_path / "tag" / "hub" / "models--org--mini" / "refs" / "v1" / "a").read_text() == tag.snapshot.commit
    pinned = seed(folder, tmp_path / "pinned", revision="a" * 40)
    assert (pinned.revision, commit_folder(pinned).name) == ("a" * 40, "a" * 40)
    assert not (tmp_path / "pinned" / "hub" / "models--org--mini" / "refs").exists()
    for wrong in ("../x", "a//b", "a b", ".x", "x/..", "-x"):
        with pytest.raises(EnvguardError, match="no branch, tag or commit has such a name"):
            seed(folder, tmp_path / "wrong", revision=wrong)


def test_a_snapshot_of_a_cache_is_carried_under_its_own_name(folder: Path, tmp_path: Path) -> None:
    """Its links lead out of it, to blobs: their content is carried."""
    model = seed(folder, tmp_path / "a", revision="b" * 40)
    carried = seed(commit_folder(model), tmp_path / "b", name="")
    assert (carried.snapshot.name, carried.snapshot.commit) == ("org/mini", "b" * 40)
    assert (commit_folder(carried) / "model.safetensors").read_bytes() == b"weights"


def test_a_folder_needs_the_name_that_code_gives_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it's given in just that form."""
    with pytest.raises(EnvguardError, match="what does the code call this model"):
        seed(folder, tmp_path / "hf", name="")
    monkeypatch.chdir(tmp_path / "models")
    assert seed("org/mini", tmp_path / "hf", name="").snapshot.name == "org/mini"


@pytest.mark.parametrize("name", ["a b", "a/b/c", "../x", "a--b", "a/.b", "/x", "x.git", "a/" + "b" * 97])
def test_a_name_that_the_hub_does_not_allow_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    """It would be a path to anywhere."""
    with pytest.raises(EnvguardError, match="no repository of the hub can have such a name"):
        seed(folder, tmp_path / "hf", name=name)
    assert not (tmp_path / "hf").exists()


def test_a_folder_with_what_cannot_be_carried_is_refused(folder: Path, tmp_path: Path) -> None:
    """Links that lead nowhere, to folders and in circles, and pipes; nothing is written, and nobody waits."""
    bad = folder / "bad\n\x1b[31m"
    for make, what in (
        (lambda: bad.symlink_to("nowhere"), "is a link to 'nowhere', which is not there"),
        (lambda: bad.symlink_to(bad.name), "which is not there"),
        (lambda: bad.symlink_to("."), "is a link to a folder"),
        (lambda: os.mkfifo(bad), "is neither a file nor a folder"),
    ):
        make()
        with pytest.raises(EnvguardError, match=what) as caught:
            seed(folder, tmp_path / "hf")
        assert "\x1b" not in str(caught.value)
        assert not (tmp_path / "hf").exists()
        bad.unlink()


def test_hostile_names_of_files_are_carried_as_they_are(folder: Path, tmp_path: Path) -> None:
    """They are names in a folder, no paths."""
    name = os.fsdecode(b"a\nb\xff.json")
    (folder / name).write_text("{}")
    assert (commit_folder(seed(folder, tmp_path / "hf")) / name).read_text() == "{}"


def test_a_target_within_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """It would carry itself the next time."""
    with pytest.raises(EnvguardError, match="which is to be copied"):
        seed(folder, folder / "hf")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EnvguardError, match="has no files"):
        seed(tmp_path / "empty", tmp_path / "hf")
    with pytest.raises(EnvguardError, match=r"no file of .* matches \*\.xyz"):
        seed(folder, tmp_path / "hf", include=["*.xyz"])


def test_what_is_neither_a_folder_nor_a_name_is_refused(tmp_path: Path) -> None:
    """And a name that is said twice."""
    with pytest.raises(EnvguardError, match="is no folder here, and no name"):
        seed("./nothing/here", tmp_path / "hf", name="")
    with pytest.raises(EnvguardError, match="`--as` names a folder, and `org/none` is none here"):
        seed("org/none", tmp_path / "hf")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"model.safetensors": ""}, "no files of a tokenizer"),
        ({"vocab.txt": "a"}, ""),
        ({"tokenizer_config.json": '{"auto_map": {"AutoTokenizer": ["x.Y", null]}}'}, "auto_map"),
        ({"tokenizer.json": "{}", "config.json": '{"auto_map": {"AutoModel": "x.Y"}}'}, ""),
        ({"tokenizer.json": "[" * 100_000, "config.json": "[" * 100_000}, ""),
    ],
)
def test_a_tokenizer_is_tried_where_there_is_one_and_it_is_no_code(
    tmp_path: Path, files: dict[str, str], why: str
) -> None:
    """Nothing of a model is run."""
    (tmp_path / "m").mkdir()
    for name, text in files.items():
        (tmp_path / "m" / name).write_text(text)
    said = why_not_loaded(seed(tmp_path / "m", tmp_path / "hf"))
    assert why in said
    assert bool(said) == bool(why)


def test_old_transformers_finds_the_mark_that_it_looks_for(folder: Path, tmp_path: Path) -> None:
    """Newer clients take it for a mistake, so they don't get it."""
    for release, expected in (("4.33.3", True), ("4.57.6", False), ("5.0.0", False), ("", False), ("4.21.0", False)):
        cache = tmp_path / (release or "none")
        snapshot = hub.snapshot_of(folder, "org/mini", "", ())
        cache.mkdir()
        hub.lay_out(snapshot, cache, links=True, say=lambda _text: None)
        hub.finish(snapshot, cache, release)
        assert (cache / "version.txt").exists() is expected
