from __future__ import annotations

import os
import socket

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.modelfolder.static import inspect

from .folders import READER, found, good, notes, sharded, write


def test_a_good_folder_has_nothing_to_be_said_of(tmp_path):
    contents = inspect(good(tmp_path / "m"), hashes=True)
    assert contents.findings == ()
    assert (contents.files, contents.architectures) == (5, ("BertModel",))
    assert (contents.tokenizers, contents.weights, contents.code) == (("fast",), ("safetensors",), ())
    assert contents.folder == str(tmp_path / "m")
    assert contents.size == sum(one.stat().st_size for one in (tmp_path / "m").iterdir())


def test_good_shards_have_nothing_to_be_said_of(tmp_path):
    assert inspect(sharded(tmp_path / "m")).findings == ()


def test_a_folder_that_is_not_there_is_one_error_with_the_nearest_name(tmp_path):
    good(tmp_path / "model")
    with pytest.raises(EnvguardError, match="there is no folder") as failed:
        inspect(tmp_path / "modell")
    assert failed.value.hint == "did you mean model?"


def test_a_file_is_no_folder(tmp_path):
    with pytest.raises(EnvguardError, match="is a file"):
        inspect(good(tmp_path / "m") / "config.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list any folder")
def test_a_folder_that_cannot_be_listed_is_one_error(tmp_path):
    folder = good(tmp_path / "m")
    folder.chmod(0)
    with pytest.raises(EnvguardError, match="can't be listed: Permission denied"):
        inspect(folder)


def test_an_empty_folder_is_not_a_model(tmp_path):
    assert found(tmp_path)["not-a-model"].what == "it is empty"


def test_a_folder_of_something_else_is_not_a_model(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert found(tmp_path).keys() == {"not-a-model"}


def test_names_that_cannot_be_printed_are_escaped_everywhere(tmp_path):
    folder = good(tmp_path / "m")
    for name in (b"a\nb.json", b"\xff.json", b"\x1b[31mred.json", "\u202egpj.json".encode()):
        with open(os.path.join(os.fsencode(folder), name), "w") as file:
            file.write("{")
    contents = inspect(folder, reader=READER, hashes=True)
    places = {one.where for one in contents.findings if one.kind == "bad-json"}
    assert places == {r"a\nb.json:1:2", r"\xff.json:1:2", r"\x1b[31mred.json:1:2", r"\u202egpj.json:1:2"}
    assert all(text.isprintable() for one in contents.findings for text in one)


def test_the_worst_comes_first_and_a_flood_is_counted(tmp_path):
    folder = good(tmp_path / "m")
    for number in range(50):
        os.symlink("nowhere", folder / f"{number:02}.json")
    (folder / "x.yaml").write_text("a: [")
    found_here = inspect(folder).findings
    severities = [one.severity for one in found_here]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    dangling = [one for one in found_here if one.kind == "dangling-link"]
    assert len(dangling) == 11
    assert dangling[-1].what == "40 more of these were found"


def test_nothing_waits_for_a_fifo_or_a_socket(tmp_path):
    folder = good(tmp_path / "m")
    os.mkfifo(folder / "vocab.json")
    here = os.getcwd()
    os.chdir(folder)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("s.json")
            assert found(folder)["special-file"].where in {"s.json", "vocab.json"}
    finally:
        os.chdir(here)


def test_nothing_of_the_folder_is_run(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "config.json", {"model_type": "t", "auto_map": {"AutoModel": "evil.Model"}})
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: ...\n")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.")
    assert "custom-code" in found(folder, hashes=True)
    assert not (tmp_path / "ran").exists()


def test_a_tokenizer_alone_is_only_worth_a_note(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "config.json").unlink()
    (folder / "model.safetensors").unlink()
    contents = inspect(folder)
    assert [one.severity for one in contents.findings] == ["note"]
    assert "tokenizer-only" in notes(contents)
