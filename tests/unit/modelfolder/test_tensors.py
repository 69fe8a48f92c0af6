from __future__ import annotations

import os
import struct

import pytest

from pytest_envguard.modelfolder.static import inspect
from pytest_envguard.modelfolder.tensors import header_of

from .folders import found, good, header, notes, sharded, tensors, write


def _of(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"1234567", "truncated-weights", "it has 7 bytes"),
        (b"\xff" * 100, "bad-weights", "this is no safetensors file"),
        (struct.pack("<Q", 1000) + b"{}", "truncated-weights", "the file only 10 bytes"),
        (struct.pack("<Q", 2) + b"{x", "bad-weights", "its header isn't read: Expecting property name"),
        (struct.pack("<Q", 2) + b"[]", "bad-weights", "no JSON object"),
        (header({"a": _of()}) + bytes(7), "truncated-weights", "1 bytes of 8 bytes are missing"),
        (header({"a": _of()}) + bytes(9), "bad-weights", "1 bytes behind its last tensor"),
        (header({"a": _of(), "b": _of(offsets=(4, 12))}) + bytes(12), "bad-weights", "tensor b overlaps"),
        (header({"a": _of(), "b": _of(offsets=(10, 18))}) + bytes(18), "bad-weights", "a hole of 2 bytes"),
        (header({"a": _of(shape=(3,))}) + bytes(8), "bad-weights", "needs 12 bytes by its dtype and shape, and has 8"),
        (header({"a": _of("F6_E2M3", (4,), (0, 4))}) + bytes(4), "bad-weights", "needs 3 bytes"),
        (header({"a": _of("F128")}) + bytes(8), "bad-weights", "the dtype 'F128'"),
        (header({"a": _of(["F32"])}) + bytes(8), "bad-weights", "the dtype"),
        (header({"a": _of(shape=(2**62, 2**62))}) + bytes(8), "bad-weights", "larger than any memory"),
        (header({"a": _of(offsets=(8, 0))}) + bytes(8), "bad-weights", "that are none"),
        (header({"a": _of(shape=(-1, -2))}) + bytes(8), "bad-weights", "that are none"),
        (header({"a": 7}), "bad-weights", "no dtype, shape and data_offsets"),
        (header({"__metadata__": {"step": 7}}), "bad-weights", "__metadata__"),
    ],
)
def test_a_header_that_safetensors_refuses_is_an_error(tmp_path, content, kind, words):
    (tmp_path / "x.safetensors").write_bytes(content)
    problem = header_of(str(tmp_path / "x.safetensors"), len(content)).problem
    assert problem[0] == kind
    assert words in problem[1]


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"a": _of(shape=(), offsets=(0, 4))},
        {"a": _of(shape=(0, 5), offsets=(0, 0))},
        {"b": _of(offsets=(8, 16)), "a": _of()},
        {"a": _of("C64", (1,), (0, 8)), "__metadata__": {"a": "b"}},
        {"a": _of("F6_E3M2", (4,), (0, 3))},
    ],
    ids=["nothing", "scalar", "empty", "any order", "metadata", "six bits"],
)
def test_a_header_that_safetensors_takes_has_no_problem(tmp_path, described):
    content = header(described)
    size = max(
        [len(content)] + [len(content) + one["data_offsets"][1] for name, one in described.items() if name[0] != "_"]
    )
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    assert header_of(str(path), size).problem == ()


def test_weights_that_were_cut_short_are_an_error(tmp_path):
    folder = good(tmp_path / "m")
    tensors(folder / "model.safetensors", {"a": ("F32", [1000], 4000)}, lost=1000)
    assert found(folder)["truncated-weights"].what == "1.0 kB of 4.0 kB are missing at its end"


def test_a_shard_that_is_missing_is_found_where_it_is(tmp_path):
    folder = sharded(tmp_path / "m")
    (folder / "more").mkdir()
    os.rename(folder / "model-00002-of-00002.safetensors", folder / "more" / "model-00002-of-00002.safetensors")
    finding = found(folder)["missing-shard"]
    assert finding.where == "model-00002-of-00002.safetensors"
    assert "there is one at more/model-00002-of-00002.safetensors" in finding.what


def test_shards_without_an_index_are_an_error(tmp_path):
    folder = sharded(tmp_path / "m")
    (folder / "model.safetensors.index.json").unlink()
    assert found(folder).keys() == {"missing-index"}


def test_a_tensor_that_the_index_places_wrongly_is_an_error(tmp_path):
    folder = sharded(tmp_path / "m")
    shard = "model-00001-of-00002.safetensors"
    index = {"metadata": {}, "weight_map": {"a": shard, "gone": shard, "b": "model-00002-of-00002.safetensors"}}
    write(folder, "model.safetensors.index.json", index)
    finding = found(folder)["missing-tensor"]
    assert (finding.where, finding.what.endswith("aren't there: gone")) == (shard, True)


def test_a_tensor_that_the_index_leaves_out_is_a_note(tmp_path):
    folder = sharded(tmp_path / "m")
    tensors(folder / "model-00001-of-00002.safetensors", {"a": ("F32", [2], 8), "extra": ("F32", [1], 4)})
    assert notes(inspect(folder))["unnamed-tensor"].what.endswith("extra")


def test_a_shard_of_another_save_is_a_warning(tmp_path):
    folder = sharded(tmp_path / "m")
    tensors(folder / "model-00003-of-00003.safetensors", {"z": ("F32", [2], 8)})
    assert found(folder)["unused-shard"].where == "model-00003-of-00003.safetensors"


def test_both_one_file_and_shards_are_a_warning(tmp_path):
    folder = sharded(tmp_path / "m")
    tensors(folder / "model.safetensors", {"a": ("F32", [2], 8)})
    assert found(folder).keys() == {"two-weights"}


@pytest.mark.parametrize("shard", ["/etc/passwd", "../x.safetensors"])
def test_an_index_does_not_lead_out_of_the_folder(tmp_path, shard):
    folder = sharded(tmp_path / "m")
    write(folder, "model.safetensors.index.json", {"metadata": {}, "weight_map": {"a": shard}})
    assert found(folder)["outside-shard"].what == f"it names {shard}, which isn't in the folder"


@pytest.mark.parametrize(
    "index",
    [
        {"weight_map": {}},
        {"metadata": {}},
        {"metadata": {}, "weight_map": {"a": 7}},
        [],
        {"metadata": {}, "weight_map": []},
    ],
)
def test_an_index_that_says_nothing_is_an_error(tmp_path, index):
    folder = sharded(tmp_path / "m")
    write(folder, "model.safetensors.index.json", index)
    assert "bad-index" in found(folder)


def test_metadata_without_a_format_is_a_warning_and_no_metadata_a_note(tmp_path):
    folder = good(tmp_path / "m")
    tensors(folder / "model.safetensors", {"a": ("F32", [2], 8)}, metadata="numpy")
    assert found(folder).keys() == {"weights-format"}
    tensors(folder / "model.safetensors", {"a": ("F32", [2], 8)}, metadata=None)
    contents = inspect(folder)
    assert (found(folder), notes(contents).keys()) == ({}, {"weights-format"})


def test_only_headers_are_read_of_sparse_weights(tmp_path):
    folder = good(tmp_path / "m")
    tensors(folder / "model.safetensors", {"a": ("F32", [2_500_000_000], 10_000_000_000)})
    contents = inspect(folder)
    assert (contents.findings, contents.seconds < 1) == ((), True)
