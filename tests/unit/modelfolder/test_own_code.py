from __future__ import annotations

import pytest

from pytest_envguard.modelfolder import own_code
from pytest_envguard.modelfolder.static import inspect

from .folders import READER, found, good, notes, write

MODEL = "import json\nfrom .configuration_tiny import TinyConfig\nclass TinyModel: ...\n"


def _own(folder, **mapped):
    good(folder)
    classes = {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
    write(
        folder, "config.json", {"model_type": "tiny", "architectures": ["TinyModel"], "auto_map": {**classes, **mapped}}
    )
    (folder / "configuration_tiny.py").write_text("class TinyConfig: ...\n")
    (folder / "modeling_tiny.py").write_text(MODEL)
    return folder


def test_code_of_its_own_is_a_warning_and_its_files_are_named(tmp_path):
    folder = _own(tmp_path / "m")
    contents = inspect(folder, reader=READER)
    assert [one.kind for one in contents.findings if one.severity != "note"] == ["custom-code"]
    assert "has to be writable in container" in contents.findings[0].why
    assert contents.code == ("configuration_tiny.py", "modeling_tiny.py")


def test_a_module_that_is_missing_is_found_where_it_is(tmp_path):
    folder = _own(tmp_path / "m")
    (folder / "code").mkdir()
    (folder / "modeling_tiny.py").rename(folder / "code" / "modeling_tiny.py")
    finding = found(folder)["missing-code"]
    assert finding.where == "modeling_tiny.py"
    assert finding.what.endswith("it isn't there, but at code/modeling_tiny.py")


def test_a_module_that_another_one_imports_is_needed_too(tmp_path):
    folder = _own(tmp_path / "m")
    (folder / "modeling_tiny.py").write_text(MODEL + "from .layers import Layer\n")
    assert found(folder)["missing-code"].where == "layers.py"
    (folder / "layers.py").write_text("Layer = 1\n")
    assert inspect(folder).code == ("configuration_tiny.py", "layers.py", "modeling_tiny.py")


def test_a_class_that_is_not_in_its_module_is_an_error(tmp_path):
    folder = _own(tmp_path / "m")
    (folder / "modeling_tiny.py").write_text("class TinyModelV2: ...\n")
    assert found(folder)["missing-code"].what == "it has no TinyModel, which auto_map in config.json names"
    (folder / "modeling_tiny.py").write_text("from .configuration_tiny import *\n")
    assert found(folder).keys() == {"custom-code"}


def test_code_in_another_repository_is_a_warning(tmp_path):
    folder = _own(tmp_path / "m", AutoModelForCausalLM="acme/other--modeling_tiny.TinyLM")
    assert "acme/other--modeling_tiny.TinyLM" in found(folder)["other-repository"].what


@pytest.mark.parametrize("reference", ["sub.module.Class", "Class"])
def test_a_reference_that_transformers_cannot_split_is_an_error(tmp_path, reference):
    assert found(_own(tmp_path / "m", AutoModelForCausalLM=reference))["bad-config"].where == "config.json"


@pytest.mark.parametrize("mapped", [["a.B"], "a.B", 7])
def test_an_auto_map_that_is_no_object_is_an_error(tmp_path, mapped):
    folder = good(tmp_path / "m")
    write(folder, "config.json", {"model_type": "tiny", "auto_map": mapped})
    assert "bad-config" in found(folder)


def test_packages_that_this_python_lacks_are_a_note(tmp_path):
    folder = _own(tmp_path / "m")
    (folder / "modeling_tiny.py").write_text("import einops_of_acme\n" + MODEL)
    assert notes(inspect(folder))["missing-package"].what.startswith("it imports einops_of_acme,")


def test_imports_are_those_of_statements_outside_of_try_and_if():
    text = '''"""
import quoted
"""
import a.b as c, d
from e.f import (
    g,
)
from . import h
if True:
    import i
try:
    import j
except ImportError:
    import k
x = "import l"; import m
'''
    assert own_code.imports(text) == {"a", "d", "e"}


@pytest.mark.parametrize("text", ["(" * 50_000, "x = 1" + "+1" * 50_000, "'''", "\tif x:\n  y\n z"])
def test_code_that_brings_down_parsers_is_only_cut_into_tokens(text):
    assert own_code.imports(text) == set()


def test_modules_that_import_each_other_in_a_circle_come_to_an_end(tmp_path):
    folder = _own(tmp_path / "m")
    (folder / "configuration_tiny.py").write_text("from .modeling_tiny import TinyModel\nclass TinyConfig: ...\n")
    assert len(inspect(folder).code) == 2


def test_patterns_take_no_longer_than_the_text_is_long(tmp_path):
    folder = _own(tmp_path / "m")
    (folder / "modeling_tiny.py").write_text("class TinyModel: ...\n" + "\n" * 300_000)
    assert inspect(folder).seconds < 5
