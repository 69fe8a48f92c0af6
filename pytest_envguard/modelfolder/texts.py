"""All JSON and YAML of a folder: does it parse, and does it say everything once."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import documents, reading
from pytest_envguard.modelfolder.documents import Problem
from pytest_envguard.modelfolder.opened import LOADED, Opened
from pytest_envguard.modelfolder.reading import Entry
from pytest_envguard.modelfolder.wording import error, listed, note, size_of, warning

_LARGEST_README = 2_000_000
_MOST_YAML = 4_000_000  # bytes of all YAML of a folder
_LARGEST_TEMPLATE, _MOST_TEMPLATES = 2_000_000, 100
_YAML = (".yaml", ".yml")
_STRICT = ("tokenizer.json",)  # read by Rust's serde_json too, which has no NaN


def findings(opened: Opened) -> Iterator[FolderFinding]:
    """Check every JSON file, every YAML file, and the metadata of a README."""
    for entry in opened.files():
        if entry.path.endswith(".json") and entry.path not in opened.rotten:
            yield from _of_json(opened, entry)
    templates = [entry for entry in opened.files() if entry.path.endswith(".jinja")]
    for entry in templates[:_MOST_TEMPLATES]:
        yield from _of_template(opened, entry)
    yield from _of_yaml(opened)


def _of_json(opened: Opened, entry: Entry) -> Iterator[FolderFinding]:
    found = opened.json(entry.path)
    name = os.path.basename(entry.path)
    if found.problem is not None:
        yield _unreadable(entry, name, found.problem)
    if found.duplicates:
        yield warning(
            "duplicate-key",
            entry.path,
            f"an object in it has the key {listed(found.duplicates)} twice",
            "Python takes the last one and says nothing; other readers may take the first, or refuse it",
            "remove one of them",
        )
    if found.constants and name in _STRICT:
        yield error(
            "bad-json",
            entry.path,
            f"it has {listed(found.constants)}, which JSON doesn't",
            "the tokenizers library refuses to load it",
            "write a number",
        )
    elif found.constants:
        yield note(
            "loose-json",
            entry.path,
            f"it has {listed(found.constants)}, which JSON doesn't",
            "Python reads it; Rust, Go and JavaScript don't",
        )


def _unreadable(entry: Entry, name: str, problem: Problem) -> FolderFinding:
    if problem.oversized:
        make = error if name in LOADED else warning
        why = f"no model has a {name} of that size" if name in LOADED else "whether it parses isn't known"
        return make("oversized", entry.path, f"it wasn't read: {problem.reason}", why, "is this the right file?")
    where = problem.where(entry.path)
    what = f"it isn't JSON: {problem.reason}"
    if name == "generation_config.json":
        why = "transformers loads the model all the same, without a word and with its own defaults"
        return warning("bad-json", where, what, why, "mend it there, or save it again")
    if name in LOADED:
        return error("bad-json", where, what, "what loads the folder reads it first", "mend it there, or copy it again")
    return warning("bad-json", where, what, "what reads it fails", "mend it there, or remove it")


def _of_template(opened: Opened, entry: Entry) -> Iterator[FolderFinding]:
    if entry.size > _LARGEST_TEMPLATE:
        yield warning(
            "oversized", entry.path, f"it has {size_of(entry.size)} and wasn't read", "", "is this the right file?"
        )
        return
    try:
        reading.beginning(opened.absolute(entry.path), _LARGEST_TEMPLATE).decode()
    except OSError:
        return
    except UnicodeDecodeError as bad:
        yield error(
            "bad-template",
            entry.path,
            f"it isn't UTF-8: {bad.reason} at byte {bad.start}",
            "transformers opens it as UTF-8 when the tokenizer is loaded",
            "save it as UTF-8",
        )


def _of_yaml(opened: Opened) -> Iterator[FolderFinding]:
    texts = [entry for entry in opened.files() if entry.path.endswith(_YAML) and entry.path not in opened.rotten]
    readme = opened.file("README.md")
    if not documents.yaml_readable():
        if texts:
            yield note(
                "not-checked", texts[0].path, "YAML wasn't read: PyYAML isn't installed", "", "pip install pyyaml"
            )
        return
    left = _MOST_YAML
    for entry in texts:
        left -= min(entry.size, documents.LARGEST_YAML)
        if left < 0:
            yield note("not-checked", entry.path, "this and further YAML wasn't read: the folder has more than is read")
            break
        if (problem := _yaml_problem(opened, entry)) is not None:
            what = f"it wasn't read: {problem.reason}" if problem.oversized else f"it isn't YAML: {problem.reason}"
            kind = "oversized" if problem.oversized else "bad-yaml"
            yield warning(kind, problem.where(entry.path), what, "what reads it fails", "mend it there")
    if readme is not None:
        yield from _of_readme(opened, readme)


def _yaml_problem(opened: Opened, entry: Entry) -> Problem | None:
    try:
        return documents.yaml_problem(reading.beginning(opened.absolute(entry.path), _LARGEST_README))
    except OSError:
        return None


def _of_readme(opened: Opened, entry: Entry) -> Iterator[FolderFinding]:
    try:
        matter = documents.front_matter(reading.beginning(opened.absolute(entry.path), _LARGEST_README))
    except OSError:
        return
    problem = documents.yaml_problem(*matter) if matter else None
    if problem is not None and not problem.oversized:
        yield warning(
            "bad-yaml",
            problem.where(entry.path),
            f"the metadata at its beginning isn't YAML: {problem.reason}",
            "loading doesn't read it; huggingface_hub's ModelCard and uploads to a hub fail",
            "mend it there",
        )
