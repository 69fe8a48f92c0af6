from __future__ import annotations

import os
import tracemalloc

import pytest

from pytest_envguard.modelfolder import documents
from pytest_envguard.modelfolder.static import inspect

from .folders import found, good, notes


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (b'{\n "a": 1,\n b}', (3, 2), "Expecting property name enclosed in double quotes"),
        (b"", (1, 1), "Expecting value"),
        (b'\xef\xbb\xbf{"a": 1}', (1, 1), "Unexpected UTF-8 BOM (decode using utf-8-sig)"),
        ('{\n "é": "'.encode() + b"\xe9", (2, 8), "byte 0xe9 isn't UTF-8"),
        ('{"a": 1}'.encode("utf-16"), (1, 1), "byte 0xff isn't UTF-8"),
    ],
)
def test_what_is_not_json_has_its_place_and_reason(text, place, reason):
    problem = documents.parsed(text).problem
    assert problem is not None
    assert ((problem.line, problem.column), problem.reason) == (place, reason)


def test_keys_that_are_there_twice_are_named(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["B"], "x": {"n": 1, "n": 2}}')
    assert found(folder)["duplicate-key"].what == "an object in it has the key n twice"


def test_nan_is_an_error_where_rust_reads_and_a_note_elsewhere(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["B"], "eps": NaN}')
    contents = inspect(folder)
    assert notes(contents)["loose-json"].where == "config.json"
    (folder / "tokenizer.json").write_text('{"added_tokens": [], "model": {"vocab": {}, "dropout": NaN}}')
    assert found(folder)["bad-json"].where == "tokenizer.json"


def test_a_configuration_that_is_broken_is_an_error_at_its_place(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "config.json").write_text('{\n  "model_type": "bert",\n  x}')
    assert found(folder)["bad-json"].where == "config.json:3:3"


def test_generation_config_is_only_ignored_by_transformers(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "generation_config.json").write_text("{")
    assert found(folder)["bad-json"].severity == "warning"


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"[" * 5_000_000, b"[" + b"[]," * 5_000_000 + b"1]", b'{"a":' * 100_000],
    ids=["deep", "deeper", "wide", "nested"],
)
def test_a_bomb_is_refused_with_little_memory(text):
    tracemalloc.start()
    try:
        problem = documents.parsed(text).problem
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert problem is not None
    assert peak < 50_000_000


def test_a_number_of_a_million_digits_costs_nothing():
    assert documents.parsed(b'{"a": ' + b"9" * 1_000_000 + b"}").value == {"a": float("inf")}


def test_a_gigabyte_of_configuration_is_not_read(tmp_path):
    folder = good(tmp_path / "m")
    os.truncate(folder / "config.json", 1_000_000_000)
    contents = inspect(folder)
    assert found(folder)["oversized"].where == "config.json"
    assert contents.seconds < 1


def test_all_json_of_a_folder_together_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_envguard.modelfolder.opened._MOST_READ", 1000)
    folder = good(tmp_path / "m")
    for number in range(10):
        (folder / f"x{number}.json").write_text('"' + "x" * 300 + '"')
    assert found(folder)["oversized"].what == "it wasn't read: the folder has more JSON than is read"


def test_yaml_has_its_place_and_reason(tmp_path):
    pytest.importorskip("yaml")
    folder = good(tmp_path / "m")
    (folder / "recipe.yaml").write_text("a: 1\nb: }\n")
    assert found(folder)["bad-yaml"].where == "recipe.yaml:2:4"


def test_the_metadata_of_a_readme_is_counted_from_the_files_first_line(tmp_path):
    pytest.importorskip("yaml")
    folder = good(tmp_path / "m")
    (folder / "README.md").write_text("---\nlicense: mit\nname: a: b\n---\n# x: y: z\n")
    assert found(folder)["bad-yaml"].where == "README.md:3:8"


def test_metadata_may_come_after_empty_lines_and_end_with_the_file():
    assert documents.front_matter(b"\n\n---\na: 1\n---") == (b"\na: 1", 2)
    assert documents.front_matter(b"--- \r\na: 1\r\n---\r\n") == (b"\r\na: 1\r", 0)
    assert documents.front_matter(b"---\na: 1\n") is None
    assert documents.front_matter(b"----\na: 1\n---\n") is None


def test_a_readme_without_metadata_is_no_yaml(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "README.md").write_text("# a: b: c\n---\nx: y: z\n---\n")
    assert inspect(folder).findings == ()


def test_aliases_of_yaml_are_not_expanded():
    pytest.importorskip("yaml")
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    assert documents.yaml_problem(bomb.encode()) is None


def test_yaml_that_is_nested_deeply_is_not_read():
    pytest.importorskip("yaml")
    problem = documents.yaml_problem(b"[" * 500_000)
    assert problem is not None
    assert problem.oversized


def test_a_template_that_is_not_utf_8_is_an_error(tmp_path):
    folder = good(tmp_path / "m")
    (folder / "chat_template.jinja").write_bytes(b"{{ '\xff' }}")
    assert found(folder)["bad-template"].where == "chat_template.jinja"


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 900_000,
        "- " * 100_000,
        "a: b\n" * 50_000,
        "&a " * 300_000,
        "? " * 100_000,
        "!!x " * 200_000,
        "\t" * 900_000,
    ],
)
def test_hostile_yaml_is_read_in_bounded_time(tmp_path, text):
    pytest.importorskip("yaml")
    folder = good(tmp_path / "m")
    (folder / "x.yaml").write_text(text)
    (folder / "README.md").write_text("---\n" + text)
    assert inspect(folder).seconds < 10


def test_values_of_all_documents_together_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_envguard.modelfolder.opened._MOST_VALUES", 100)
    folder = good(tmp_path / "m")
    for number in range(10):
        (folder / f"x{number}.json").write_text("[" + "[]," * 50 + "1]")
    assert found(folder)["oversized"].what == "it wasn't read: the folder has more JSON than is read"
