from __future__ import annotations

import pytest

from pytest_envguard.modelfolder.static import inspect

from .folders import CONFIG, found, good, notes, write


def test_trust_remote_code_in_a_file_has_no_effect(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "trust_remote_code": True})
    assert found(folder)["trust-in-config"].where == "tokenizer_config.json"


def test_a_configuration_without_a_model_type_is_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "config.json", {"architectures": ["BertModel"]})
    assert found(folder).keys() == {"no-model-type"}
    write(folder, "config.json", {"architecture": "resnet18", "pretrained_cfg": {}})
    assert inspect(folder).findings == ()


def test_a_configuration_that_is_no_object_is_an_error(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "config.json", [CONFIG])
    assert found(folder)["bad-config"].what == "it is no JSON object"


def test_no_architectures_are_a_note(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "config.json", {"model_type": "bert"})
    assert notes(inspect(folder)).keys() == {"no-architectures"}


@pytest.mark.parametrize("key", ["tokenizer_file", "vocab_file", "merges_file"])
def test_a_path_that_transformers_4_opens_is_a_warning(tmp_path, key):
    folder = good(tmp_path / "m")
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", key: "/root/.cache/x/tokenizer.json"})
    finding = found(folder)["absolute-path"]
    assert finding.what == f'"{key}" is an absolute path, /root/.cache/x/tokenizer.json'
    assert "before 5" in finding.why


@pytest.mark.parametrize("path", ["/data/models/base", "C:\\models\\base", "~/models/base"])
def test_a_path_of_another_machine_is_a_warning(tmp_path, path):
    folder = good(tmp_path / "m")
    write(folder, "config.json", {**CONFIG, "encoder": {"checkpoint_path": path}})
    assert found(folder)["absolute-path"].where == "config.json"


def test_where_the_folder_once_was_is_only_a_note(tmp_path):
    folder = good(tmp_path / "m")
    write(folder, "config.json", {**CONFIG, "_name_or_path": "/home/somebody/tiny"})
    contents = inspect(folder)
    assert (found(folder), notes(contents).keys()) == ({}, {"absolute-path"})


def test_texts_that_only_look_like_paths_are_none(tmp_path):
    folder = good(tmp_path / "m")
    texts = {
        "_name_or_path": "acme/tiny",
        "sep_token": "/a/b",
        "model_url": "https://acme.example/a/b",
        "chat_model": "/think",
    }
    write(folder, "config.json", {**CONFIG, **texts})
    assert inspect(folder).findings == ()
