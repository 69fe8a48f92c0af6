from __future__ import annotations

import base64
import os

import pytest

from pytest_envguard.modelfolder.static import inspect
from pytest_envguard.modelfolder.tokenizing import pieces_of

from .folders import CONFIG, TOKENIZER, found, good, notes, write

PIECES = b"".join(b"\x0a\x05\x0a\x03" + name for name in (b"abc", b"def", b"ghi")) + b"\x12\x02\x08\x01"


def _without_fast(folder, cls, **files):
    good(folder)
    (folder / "tokenizer.json").unlink()
    write(folder, "tokenizer_config.json", {"tokenizer_class": cls})
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_bytes(content)
    return folder


@pytest.fixture
def with_sentencepiece(monkeypatch):
    monkeypatch.setattr("pytest_envguard.modelfolder.tokenizing._installed", lambda _: True)


@pytest.mark.usefixtures("with_sentencepiece")
@pytest.mark.parametrize(
    ("cls", "files", "kind"),
    [
        ("LlamaTokenizer", {"tokenizer_model": PIECES}, "sentencepiece"),
        ("LlamaTokenizerFast", {"tokenizer_model": PIECES}, "sentencepiece"),
        ("T5Tokenizer", {"spiece_model": PIECES}, "sentencepiece"),
        ("BertTokenizer", {"vocab_txt": b"a\nb\n"}, "wordpiece"),
        ("GPT2Tokenizer", {"vocab_json": b"{}", "merges_txt": b""}, "bpe"),
        ("PhobertTokenizer", {"vocab_txt": b"a\n", "bpe_codes": b""}, "bpe"),
    ],
)
def test_the_files_of_each_class_are_known(tmp_path, cls, files, kind):
    folder = _without_fast(tmp_path / "m", cls, **files)
    contents = inspect(folder)
    assert (found(folder), contents.tokenizers) == ({}, (kind,))


def test_a_tokenizer_in_a_subfolder_is_found_there(tmp_path):
    folder = _without_fast(tmp_path / "m", "LlamaTokenizer")
    (folder / "tok").mkdir()
    (folder / "tok" / "tokenizer.model").write_bytes(PIECES)
    finding = found(folder)["missing-tokenizer"]
    assert "tokenizer.json or tokenizer.model) at the root, but there is tok/tokenizer.model" in finding.what
    assert finding.severity == "error"


def test_a_model_of_text_without_a_tokenizer_is_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert found(folder)["missing-tokenizer"].severity == "warning"


def test_a_model_of_pictures_needs_no_tokenizer(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    write(folder, "config.json", {"model_type": "vit", "architectures": ["ViTModel"]})
    assert inspect(folder).findings == ()


@pytest.mark.parametrize("cls", ["ByT5Tokenizer", "CanineTokenizer"])
def test_a_tokenizer_of_bytes_needs_no_files(tmp_path, cls):
    assert inspect(_without_fast(tmp_path / "m", cls)).findings == ()


def test_files_of_another_kind_than_the_class_reads_are_an_error(tmp_path):
    folder = _without_fast(tmp_path / "m", "LlamaTokenizer", vocab_txt=b"a\n")
    finding = found(folder)["tokenizer-mismatch"]
    assert finding.what == (
        "tokenizer_class is LlamaTokenizer, which reads tokenizer.model; tokenizer.model isn't at the root,"
        " where wordpiece files are"
    )


def test_tokenizer_json_is_enough_for_a_class_with_a_fast_form(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer"})
    assert inspect(folder).findings == ()
    write(folder, "tokenizer_config.json", {"tokenizer_class": "EsmTokenizer"})
    assert found(folder)["tokenizer-mismatch"].severity == "warning"


def test_a_generic_class_without_tokenizer_json_is_a_warning(tmp_path):
    folder = _without_fast(tmp_path / "m", "PreTrainedTokenizerFast", vocab_txt=b"a\n")
    assert found(folder).keys() == {"tokenizer-mismatch"}


def test_of_an_unknown_class_nothing_is_said(tmp_path):
    folder = _without_fast(tmp_path / "m", "AcmeTokenizer", vocab_txt=b"a\n")
    assert inspect(folder).findings == ()


def test_code_of_its_own_may_read_anything(tmp_path):
    folder = _without_fast(tmp_path / "m", "AcmeTokenizer")
    write(folder, "tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["tok.AcmeTokenizer", None]}})
    (folder / "tok.py").write_text("class AcmeTokenizer: ...\n")
    contents = inspect(folder)
    assert (contents.tokenizers, contents.code) == (("custom",), ("tok.py",))
    assert found(folder).keys() == {"custom-code"}


def test_what_a_sentencepiece_model_needs_is_a_warning_where_it_is_not_installed(tmp_path, monkeypatch):
    folder = _without_fast(tmp_path / "m", "LlamaTokenizer", tokenizer_model=PIECES)
    monkeypatch.setattr("pytest_envguard.modelfolder.tokenizing._installed", lambda name: name == "protobuf")
    finding = found(folder)["needs-package"]
    assert finding.why.endswith("sentencepiece is not installed here")
    monkeypatch.setattr("pytest_envguard.modelfolder.tokenizing._installed", lambda _: True)
    assert "needs-package" in notes(inspect(folder))


def test_a_file_of_tiktoken_is_told_from_a_sentencepiece_model(tmp_path):
    ranks = b"".join(base64.b64encode(bytes([one])) + b" %d\n" % one for one in range(256))
    folder = _without_fast(tmp_path / "m", "LlamaTokenizer", tokenizer_model=ranks)
    assert inspect(folder).tokenizers == ("tiktoken",)


@pytest.mark.usefixtures("with_sentencepiece")
def test_a_sentencepiece_model_that_was_cut_short_is_an_error(tmp_path):
    folder = _without_fast(tmp_path / "m", "LlamaTokenizer", tokenizer_model=PIECES[:-1])
    assert found(folder)["truncated-tokenizer"].where == "tokenizer.model"


def test_pieces_are_counted_without_a_library():
    assert pieces_of(PIECES) == (3, True)
    assert pieces_of(PIECES[:10]) == (2, False)
    assert pieces_of(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")[1] is False


def test_identifiers_outside_of_the_models_vocabulary_are_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "tokenizer.json", {**TOKENIZER, "added_tokens": [{"id": 10, "content": "<new>"}]})
    assert found(folder)["outside-vocabulary"].what.startswith("it has identifiers up to 10, and the model has 10")
    write(folder, "config.json", {**CONFIG, "vocab_size": 11})
    assert inspect(folder).findings == ()
    config = {**CONFIG, "text_config": {"vocab_size": 5}}
    write(folder, "config.json", {key: value for key, value in config.items() if key != "vocab_size"})
    assert "outside-vocabulary" in found(folder)


def test_a_tokenizer_json_that_is_none_is_an_error(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "tokenizer.json", {"version": "1.0"})
    assert found(folder).keys() == {"bad-tokenizer"}


def test_a_tokenizer_that_is_a_dangling_link_is_not_missing_too(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    os.symlink("../../blobs/0a", folder / "tokenizer.json")
    assert found(folder).keys() == {"dangling-link"}
