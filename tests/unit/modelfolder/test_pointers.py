from __future__ import annotations

import io
import zipfile

import pytest

from pytest_envguard.modelfolder.static import inspect

from .folders import found, good, notes, write

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 90868376\n"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "tokenizer.model"])
def test_a_pointer_of_lfs_is_one_error_with_the_real_size(tmp_path, name):
    folder = good(tmp_path / "m")
    (folder / name).write_text(LFS)
    finding = found(folder)["lfs-pointer"]
    assert (finding.where, finding.what) == (name, "it is a pointer of Git LFS and not the file of 90.9 MB")
    assert found(folder).keys() == {"lfs-pointer"}


def test_a_pointer_of_git_annex_is_an_error(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors").write_text("/annex/objects/SHA256E-s90868376--" + "a" * 64 + ".safetensors\n")
    assert found(folder).keys() == {"annex-pointer"}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            "<!DOCTYPE html>\n<html><head><title>404 Not\x1b[31m Found</title>",
            r"a page of HTML (404 Not\x1b[31m Found)",
        ),
        ("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a page of XML (AccessDenied)"),
        ("\n <html>", "a page of HTML and"),
    ],
)
def test_the_page_of_an_error_is_told_from_the_file(tmp_path, page, words):
    folder = good(tmp_path / "m")
    (folder / "tokenizer.json").write_text(page)
    assert words in found(folder)["error-page"].what


def test_pages_that_are_meant_are_none(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "index.html").write_text("<!DOCTYPE html><html></html>")
    (folder / "openvino_model.xml").write_text("<?xml version='1.0'?><net/>")
    assert inspect(folder).findings == ()


def test_a_file_without_bytes_is_an_error_where_it_needs_some(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "__init__.py").touch()
    (folder / "NOTICE").touch()
    assert inspect(folder).findings == ()
    (folder / "model.safetensors").write_text("")
    assert found(folder).keys() == {"empty-file"}


def test_what_a_broken_download_left_is_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors.incomplete").write_bytes(b"x")
    assert found(folder)["left-over"].where == "model.safetensors.incomplete"


def _archive():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    return made.getvalue()


def test_weights_that_are_pickles_are_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(_archive())
    assert found(folder).keys() == {"pickle"}
    assert inspect(folder).weights == ("pytorch",)


def test_pickles_besides_safetensors_are_a_note(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02}q\x00.")
    (folder / "training_args.bin").write_bytes(_archive())
    assert notes(inspect(folder))["pickle"].what.startswith("pytorch_model.bin: ")


def test_an_archive_that_was_cut_short_is_an_error(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "pytorch_model.bin").write_bytes(_archive()[:-30])
    assert found(folder).keys() == {"truncated-weights"}


def test_another_bin_file_is_no_pickle(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "openvino_model.bin").write_bytes(bytes(100))
    assert inspect(folder).findings == ()


def test_an_index_of_pickles_names_shards_that_have_to_be_there(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    name = "pytorch_model-00001-of-00001.bin"
    write(folder, "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": {"a": name}})
    assert found(folder)["missing-shard"].where == name
