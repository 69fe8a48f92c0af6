"""tiktoken with the company's mirror: what is counted, and where the blobs are kept."""

import pytest

from token_counter import CACHE, encodings


def test_tokens_are_those_of_gpt2(mirror, own_cache):
    """The encoding built from the mirror numbers tokens exactly as GPT-2 does."""
    assert encodings.load("r50k_base").encode("hello world") == [31373, 995]


def test_code_takes_fewer_tokens_in_p50k(mirror, own_cache):
    """p50k_base differs from r50k_base in having tokens for runs of spaces."""
    code = "if x:\n        return"
    assert len(encodings.load("p50k_base").encode(code)) < len(encodings.load("r50k_base").encode(code))


def test_cache_below_the_project(mirror, monkeypatch):
    """By default a blob is kept below the project, and a second start does not download it again."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(CACHE / "tiktoken"))
    encodings.load("r50k_base")
    encodings.load("r50k_base")
    assert mirror.asked == ["/encodings/r50k_base.tiktoken"]


def test_cache_in_tmp(mirror, monkeypatch):
    """A deployer can send the cache to /tmp."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/tmp/tiktoken")
    encodings.load("r50k_base")
    encodings.load("r50k_base")
    assert mirror.asked == ["/encodings/r50k_base.tiktoken"]


def test_cache_of_tiktoken_itself(mirror, monkeypatch):
    """With no cache folder named, tiktoken's own choice is as good."""
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    assert encodings.load("r50k_base").n_vocab == 50257


def test_damaged_blob_is_refused(mirror, own_cache):
    """A blob that lost its end on the way is not used."""
    mirror.blobs["/encodings/r50k_base.tiktoken"] = mirror.blobs["/encodings/r50k_base.tiktoken"][:-1000]
    with pytest.raises(ValueError, match="Hash mismatch"):
        encodings.load("r50k_base")


def test_missing_blob_names_the_mirror(mirror, own_cache):
    """A mirror without the encoding is named in the error."""
    mirror.blobs.clear()
    with pytest.raises(encodings.EncodingUnavailable, match=mirror.url):
        encodings.load("r50k_base")
