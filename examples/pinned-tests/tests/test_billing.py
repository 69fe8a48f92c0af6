"""The vendor's encoding, and where tiktoken keeps it."""

import pytest

from letter_router import CACHE, billing


@pytest.fixture
def new_blob(tmp_path):
    """The vendor's encoding under a name that no cache knows: as the first start after a deployment finds it."""
    blob = tmp_path / billing.BLOB.name
    blob.write_bytes(billing.BLOB.read_bytes())
    return blob


def test_frequent_words_are_one_token(own_cache):
    """Words of our letters are one token, other words are more."""
    assert billing.tokens("order") == 1 < billing.tokens("ordinance")


def test_every_text_comes_back(own_cache):
    """Bytes stand for what the encoding does not know."""
    encoding = billing.encoding()
    assert encoding.decode(encoding.encode("Grüße, 你好!")) == "Grüße, 你好!"


def test_it_is_kept(own_cache, new_blob):
    """A second start does not need the vendor's file."""
    before = billing.tokens("one lamp", new_blob)
    new_blob.unlink()
    assert billing.tokens("one lamp", new_blob) == before


def test_damaged_file_is_refused(own_cache, new_blob):
    """A file that lost its end on the way is not used."""
    new_blob.write_bytes(new_blob.read_bytes()[:-100])
    with pytest.raises(ValueError, match="Hash mismatch"):
        billing.tokens("one lamp", new_blob)


@pytest.mark.envguard("lambda", tmp_size="64M")
def test_cache_below_the_project(new_blob, monkeypatch):
    """By default the encoding is kept below the project, which is read-only on Lambda."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(CACHE / "tiktoken"))
    assert billing.tokens("one lamp", new_blob) == 3


def test_cache_in_tmp(fake_environment, monkeypatch):
    """The remedy: keep it in /tmp. tiktoken reads and writes its files in Python, so a fake file system will do."""
    lambda_ = fake_environment("lambda", tmp_size="64M")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/tmp/tiktoken")
    blob = lambda_.add(billing.BLOB, "/var/task/models/vendor.tiktoken")
    assert billing.tokens("one lamp", blob) == 3
    assert [file.read_bytes() for file in (lambda_.tmp / "tiktoken").iterdir()] == [blob.read_bytes()]
