"""Where encodings are taken from: files, folders, wheels, caches; what is wrong with them; what is made of others."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_envguard.caches import candidates, rebuilding, sources
from pytest_envguard.caches.encodings import CL100K, P50K, R50K, EncodingFile
from pytest_envguard.caches.mismatch import mismatch
from pytest_envguard.errors import EnvguardError

CONTENT = b"YQ== 0\nYg== 1\n"


def encoding_file(name: str = "letters", content: bytes = CONTENT) -> EncodingFile:
    """Return a file that has this content."""
    return EncodingFile(f"https://encodings.example/{name}.tiktoken", hashlib.sha256(content).hexdigest(), len(content))


LETTERS = encoding_file()
OTHER = encoding_file("other", b"eg== 0\n")


def gather(
    given: Sequence[str], *files: EncodingFile, network: bytes | None = None, environ: dict[str, str] | None = None
) -> dict[EncodingFile, sources.Found]:
    """Gather with a network that has one content, or none."""

    def download(_file: EncodingFile) -> bytes:
        if network is None:
            raise OSError("the network is unreachable")
        return network

    return sources.gather(files or [LETTERS], given, environ or {}, download, lambda _text: None)


def wheel(folder: Path, **members: bytes) -> Path:
    """Make a wheel."""
    path = folder / "pack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"pack/data/{name}", content)
    return path


def test_a_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    """Its content says what it is, of several too."""
    (tmp_path / "x").write_bytes(CONTENT)
    (tmp_path / "y").write_bytes(b"eg== 0\n")
    found = gather([str(tmp_path / "y"), str(tmp_path / "x")], LETTERS, OTHER)
    assert found == {LETTERS: (CONTENT, str(tmp_path / "x")), OTHER: (b"eg== 0\n", str(tmp_path / "y"))}


@pytest.mark.parametrize("name", [LETTERS.cached_name, "letters.tiktoken", "anything of the same size"])
def test_a_folder_is_searched_by_name_and_by_content(tmp_path: Path, name: str) -> None:
    """At any depth; packages give their copies names of their own."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / name).write_bytes(CONTENT)
    (tmp_path / "same size").write_bytes(b"x" * len(CONTENT))
    assert gather([str(tmp_path)])[LETTERS].content == CONTENT


def test_a_wheel_is_searched_without_being_unpacked(tmp_path: Path) -> None:
    """Its members are named."""
    path = wheel(tmp_path, **{LETTERS.cached_name: CONTENT})
    assert gather([str(path)]) == {LETTERS: (CONTENT, f"{path}, pack/data/{LETTERS.cached_name}")}
    assert os.listdir(tmp_path) == [path.name]


def test_an_installed_package_is_searched_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that would fail on import serves as well."""
    (tmp_path / "envguard_carrier").mkdir()
    (tmp_path / "envguard_carrier" / "__init__.py").write_text("raise SystemExit(1)")
    (tmp_path / "envguard_carrier" / "letters.tiktoken").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    assert gather(["envguard-carrier"])[LETTERS].content == CONTENT


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CONTENT.replace(b"\n", b"\r\n"), "its lines end with CRLF"),
        (CONTENT[:5], f"it has 5 of {len(CONTENT)} bytes"),
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error/>", "a page"),
        (b"\xef\xbb\xbf" + CONTENT, "a byte order mark"),
        (b"\x1f\x8b\x08", "it is compressed"),
        (CONTENT + b"\n", "it was changed, or is another version"),
    ],
)
def test_a_wrong_file_is_one_error_with_both_hashes_and_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    """The one that the user has named."""
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(EnvguardError) as caught:
        gather([str(tmp_path / "x")])
    assert reason in caught.value.message
    for sha256 in (LETTERS.sha256, hashlib.sha256(content).hexdigest()):
        assert sha256 in caught.value.message


def test_one_encoding_for_another_is_said(tmp_path: Path) -> None:
    """By its hash."""
    other = EncodingFile("https://x/y", "0" * 64)
    known = rebuilding.EncodingFile(CL100K.url, hashlib.sha256(CONTENT).hexdigest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sources.mismatch.__globals__["PUBLIC"], CL100K.url, known)
        assert "it is cl100k_base.tiktoken" in mismatch(other, CONTENT, "x")


def test_a_wrong_file_in_a_package_does_not_hide_a_right_one(tmp_path: Path) -> None:
    """The next source is asked."""
    (tmp_path / "letters.tiktoken").write_bytes(b"wrong")
    (tmp_path / "right").write_bytes(CONTENT)
    assert gather([str(tmp_path)])[LETTERS].origin == str(tmp_path / "right")


def test_given_sources_are_the_only_ones(tmp_path: Path) -> None:
    """Nothing is downloaded behind somebody's back."""
    with pytest.raises(EnvguardError, match=r"letters.tiktoken can't be had .*\n  .*: none of them is in there"):
        gather([str(tmp_path)], network=CONTENT)


def test_own_caches_are_looked_at_before_the_network(tmp_path: Path) -> None:
    """In tiktoken's order; a wrong file in them is passed over."""
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "new" / LETTERS.cached_name).write_bytes(b"wrong")
    (tmp_path / "old" / LETTERS.cached_name).write_bytes(CONTENT)
    environ = {"TIKTOKEN_CACHE_DIR": str(tmp_path / "new"), "DATA_GYM_CACHE_DIR": str(tmp_path / "old")}
    assert gather([], environ=environ)[LETTERS].origin == str(tmp_path / "old" / LETTERS.cached_name)
    assert gather([], network=CONTENT)[LETTERS].origin == LETTERS.url


def test_a_shared_cache_is_not_trusted_where_nothing_can_be_compared(tmp_path: Path) -> None:
    """Anybody may have put a file of that name there; a file that somebody names is taken."""
    plain = EncodingFile("https://encodings.example/plain.tiktoken")
    (tmp_path / plain.cached_name).write_bytes(b"x")
    assert gather([], plain, environ={"TIKTOKEN_CACHE_DIR": str(tmp_path)}, network=b"y")[plain].content == b"y"
    assert gather([str(tmp_path / plain.cached_name)], plain)[plain].content == b"x"
    assert gather([str(tmp_path)], plain)[plain].content == b"x"


def test_without_a_network_all_sources_that_were_tried_are_named(tmp_path: Path) -> None:
    """And what would help."""
    with pytest.raises(EnvguardError) as caught:
        gather([], environ={"TIKTOKEN_CACHE_DIR": str(tmp_path), "DATA_GYM_CACHE_DIR": str(tmp_path / "none")})
    lines = caught.value.message.splitlines()
    assert lines[1] == f"  {tmp_path} (TIKTOKEN_CACHE_DIR): none of them is in there"
    assert lines[2] == f"  {tmp_path / 'none'} (DATA_GYM_CACHE_DIR): no such folder"
    assert lines[-1] == f"  {LETTERS.url}: the network is unreachable"
    assert "pip download --no-deps litellm" in caught.value.hint


def test_a_wrong_download_is_an_error() -> None:
    """As a proxy's page."""
    with pytest.raises(EnvguardError, match=f"{LETTERS.url} is not letters.tiktoken .* a page"):
        gather([], network=b"<html>please log in")


@pytest.mark.parametrize("name", ["nothing-here", "no/such/file", "-x", "\x1b[2J"])
def test_a_source_that_is_nothing_is_an_error(name: str) -> None:
    """Not a search of the index for it."""
    with pytest.raises(EnvguardError, match="no such file or folder") as caught:
        gather([name])
    assert "\x1b" not in str(caught.value)


def test_a_broken_wheel_is_an_error(tmp_path: Path) -> None:
    """Both one that was cut and one that is none."""
    path = wheel(tmp_path, **{LETTERS.cached_name: CONTENT * 1000})
    whole = path.read_bytes()
    for content in (whole[:-30], b"PK\x03\x04", whole.replace(b"YQ==", b"YQ=!")):
        path.write_bytes(content)
        with pytest.raises(EnvguardError, match="is no wheel that can be read"):
            gather([str(path)])


def test_a_member_far_too_large_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip bomb is no encoding."""
    monkeypatch.setattr(candidates, "MOST", 1000)
    path = wheel(tmp_path, **{LETTERS.cached_name: b"0" * 1001})
    with pytest.raises(EnvguardError, match="can't be had"):
        gather([str(path)])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nor is it read."""
    os.mkfifo(tmp_path / LETTERS.cached_name)
    with pytest.raises(EnvguardError, match="can't be had"):
        gather([str(tmp_path)])


def test_one_file_for_several_must_be_one_of_them(tmp_path: Path) -> None:
    """It can't be guessed which."""
    (tmp_path / "x").write_bytes(b"something")
    with pytest.raises(EnvguardError, match=r"none of letters.tiktoken, other.tiktoken has this name or this content"):
        gather([str(tmp_path / "x")], LETTERS, OTHER)


def test_r50k_is_made_of_the_beginning_of_p50k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If that has the right hash: then nobody is asked for it."""
    lines = [b"%b %d\n" % (base64.b64encode(b"%d" % number), number) for number in range(50300)]
    p50k = EncodingFile(P50K.url, hashlib.sha256(b"".join(lines)).hexdigest(), len(b"".join(lines)))
    r50k = EncodingFile(R50K.url, hashlib.sha256(b"".join(lines[:50256])).hexdigest())
    for room in (rebuilding, sources):
        monkeypatch.setattr(room, "MADE_OF", (p50k, r50k))
        monkeypatch.setattr(room, "MAKEABLE", {r50k})
    monkeypatch.setattr(rebuilding, "R50K", r50k)
    (tmp_path / "p50k").write_bytes(b"".join(lines))
    assert gather([str(tmp_path)], r50k) == {r50k: (b"".join(lines[:50256]), "made of p50k_base.tiktoken")}


def test_merges_and_numbers_are_found_again_in_ranks() -> None:
    """As GPT-2's files write them: a space is a letter."""
    ranks = {b"a": 0, b" ": 1, b"b": 2, b"ab": 3, b" ab": 4}
    assert rebuilding.vocabulary(ranks).decode() == "#version: 0.2\na b\nĠ ab\n"
    assert json.loads(rebuilding.encoder(ranks)) == {"a": 0, "Ġ": 1, "b": 2, "ab": 3, "Ġab": 4, "<|endoftext|>": 5}
