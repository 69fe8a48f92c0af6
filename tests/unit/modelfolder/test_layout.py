from __future__ import annotations

import os
import shutil

import pytest

from pytest_envguard.modelfolder.static import inspect

from .folders import CONFIG, found, good, notes, tensors, write


def test_a_model_in_a_subfolder_is_found_there(tmp_path):
    good(tmp_path / "m" / "deeper")
    finding = found(tmp_path / "m")["missing-config"]
    assert finding.what == "it isn't there, but at deeper/config.json"
    assert finding.remedy.startswith("give it deeper")


def test_weights_in_a_subfolder_are_found_there(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "weights").mkdir()
    os.rename(folder / "model.safetensors", folder / "weights" / "model.safetensors")
    assert found(folder)["missing-weights"].what == "there are no weights at the root, but at weights/model.safetensors"


def test_missing_weights_are_an_error_where_the_configuration_names_a_model(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    assert found(folder).keys() == {"missing-weights"}
    write(folder, "config.json", {"model_type": "bert"})
    contents = inspect(folder)
    assert (found(folder), "no-weights" in notes(contents)) == ({}, True)


def test_weights_of_another_name_are_a_warning(tmp_path):
    folder = good(tmp_path / "m")
    os.rename(folder / "model.safetensors", folder / "model.fp16.safetensors")
    assert found(folder)["misnamed-weights"].where == "model.fp16.safetensors"


def test_weights_that_the_configuration_names_are_no_warning(tmp_path):
    folder = good(tmp_path / "m")
    os.rename(folder / "model.safetensors", folder / "mine.safetensors")
    write(folder, "config.json", {**CONFIG, "transformers_weights": "mine.safetensors"})
    assert inspect(folder).findings == ()


@pytest.mark.parametrize("inside", ["models--acme--tiny/snapshots/0a1b", "snapshots/0a1b"])
def test_a_hub_cache_is_told_from_the_snapshot_in_it(tmp_path, inside):
    good(tmp_path / "m" / inside)
    finding = found(tmp_path / "m")["cache-folder"]
    assert finding.where == inside


def test_gguf_needs_no_configuration_but_its_magic(tmp_path):
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF\x03\0\0\0")
    contents = inspect(tmp_path)
    assert ([one.severity for one in contents.findings], contents.weights) == (["note"], ("gguf",))
    (tmp_path / "tiny.gguf").write_bytes(b"GGML")
    assert found(tmp_path).keys() == {"bad-weights"}


def _sentence(folder):
    good(folder)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")]
    write(
        folder,
        "modules.json",
        [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for number, (path, kind) in enumerate(modules)
        ],
    )
    write(folder, "1_Pooling/config.json", {"word_embedding_dimension": 4})
    write(folder, "2_Dense/config.json", {"in_features": 4})
    tensors(folder / "2_Dense" / "model.safetensors", {"linear.weight": ("F32", [2], 8)}, metadata=None)
    return folder


def test_a_folder_of_sentence_transformers_is_recognised(tmp_path):
    assert inspect(_sentence(tmp_path / "m")).findings == ()


def test_the_transformer_of_sentence_transformers_may_have_a_folder_of_its_own(tmp_path):
    folder = _sentence(tmp_path / "m")
    (folder / "0_Transformer").mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        os.rename(folder / name, folder / "0_Transformer" / name)
    text = (folder / "modules.json").read_text().replace('"path": ""', '"path": "0_Transformer"')
    (folder / "modules.json").write_text(text)
    contents = inspect(folder)
    assert (contents.findings, contents.architectures, contents.tokenizers) == ((), ("BertModel",), ("fast",))


@pytest.mark.parametrize(
    ("lost", "where"), [("1_Pooling", "1_Pooling/config.json"), ("2_Dense/model.safetensors",) * 2]
)
def test_a_module_of_sentence_transformers_that_is_missing_is_an_error(tmp_path, lost, where):
    folder = _sentence(tmp_path / "m")
    shutil.rmtree(folder / lost) if (folder / lost).is_dir() else (folder / lost).unlink()
    assert [one.where for one in inspect(folder).findings] == [where]


def test_a_module_does_not_lead_out_of_the_folder(tmp_path):
    folder = _sentence(tmp_path / "m")
    (folder / "modules.json").write_text((folder / "modules.json").read_text().replace("1_Pooling", "../1_Pooling"))
    assert found(folder)["bad-config"].where == "modules.json"


def test_a_pipeline_of_diffusers_needs_its_parts(tmp_path):
    index = {
        "_class_name": "TinyPipeline",
        "unet": ["diffusers", "UNet"],
        "vae": ["diffusers", "VAE"],
        "checker": [None, None],
    }
    write(tmp_path, "model_index.json", index)
    write(tmp_path, "unet/config.json", {"_class_name": "UNet"})
    contents = inspect(tmp_path)
    assert [(one.kind, one.where) for one in contents.findings] == [("missing-module", "vae")]
    assert contents.architectures == ("TinyPipeline",)
    write(tmp_path, "vae/config.json", {"_class_name": "VAE"})
    assert inspect(tmp_path).findings == ()


def test_an_adapter_needs_its_weights_and_says_whose_it_is(tmp_path):
    write(tmp_path, "adapter_config.json", {"base_model_name_or_path": "acme/base"})
    contents = inspect(tmp_path)
    assert [one.kind for one in contents.findings] == ["missing-weights", "other-repository"]
    tensors(tmp_path / "adapter_model.safetensors", {"a": ("F32", [2], 8)})
    assert found(tmp_path) == {}
