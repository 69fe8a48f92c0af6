"""A model folder at hand: its names, and its documents, each read once."""

from __future__ import annotations

import os

from pytest_envguard.model.modelfolder import Reader
from pytest_envguard.modelfolder import documents, reading
from pytest_envguard.modelfolder.documents import Document, Problem
from pytest_envguard.modelfolder.reading import Entry, Tree

_MOST_READ = 256_000_000  # bytes of documents in one folder
_MOST_VALUES = 8_000_000  # in all of them, of about 70 bytes of memory each
_KEPT = 1_000_000  # bytes of a document that is kept whatever its name is
_DOCS = (
    "readme",
    "license",
    "licence",
    "notice",
    "changelog",
    "model_card",
    "use_policy",
    ".gitattributes",
    ".gitignore",
)
_DOCS_ENDS = (".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".html", ".ipynb", ".log")

#: Documents that loaders read (transformers 5.23.0, tokenization_utils_base.py and utils/__init__.py; sentence-transformers
#: 6.2.0, base/model.py; diffusers, configuration_utils.py; peft, utils/constants.py).
LOADED = frozenset(
    {
        "config.json",
        "tokenizer_config.json",
        "tokenizer.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "tekken.json",
        "chat_template.json",
        "preprocessor_config.json",
        "processor_config.json",
        "video_preprocessor_config.json",
        "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
        "adapter_config.json",
        "modules.json",
        "config_sentence_transformers.json",
        "sentence_bert_config.json",
        "model_index.json",
        "scheduler_config.json",
        "params.json",
    }
)


class Opened:
    """What is known of a folder while it's checked.

    Attributes:
        tree: All names.
        reader: Who will read it.
        rotten: Paths of files that are something else than their names say: nothing more is said of them.
    """

    def __init__(self, tree: Tree, reader: Reader | None = None) -> None:
        self.tree = tree
        self.reader = reader
        self.rotten: set[str] = set()
        self._entries = {entry.path: entry for entry in tree.entries}
        self._documents: dict[str, Document] = {}
        self._read = self._values = 0
        self._by_name: dict[str, list[str]] | None = None

    def files(self) -> list[Entry]:
        """Return the files, by path."""
        return [entry for entry in self.tree.entries if entry.kind == reading.FILE]

    def file(self, path: str) -> Entry | None:
        """Return a file, None where it isn't there; behind a link to a folder too."""
        found = self._entries.get(path)
        if found is None and self._behind_link(path):
            return _looked_up(self.tree.root, path)
        return found if found is not None and found.kind == reading.FILE else None

    def _behind_link(self, path: str) -> bool:
        folder = os.path.dirname(path)
        while folder:
            entry = self._entries.get(folder)
            if entry is not None:
                return entry.kind == reading.FOLDER and bool(entry.link)
            folder = os.path.dirname(folder)
        return False

    def named(self, path: str) -> bool:
        """Return whether there is anything of a name, whatever it is."""
        return path in self._entries

    def has_folder(self, path: str) -> bool:
        """Return whether there is such a folder."""
        entry = self._entries.get(path)
        return path == "" or (entry is not None and entry.kind == reading.FOLDER)

    def absolute(self, path: str) -> str:
        """Return the absolute path of a file in the folder."""
        return os.path.join(self.tree.root, path)

    def at_root(self, base: str = "") -> list[Entry]:
        """Return the files directly in the folder, or in one in it."""
        return [entry for entry in self.files() if os.path.dirname(entry.path) == base]

    def elsewhere(self, name: str, base: str = "") -> list[str]:
        """Return where files of a name are that should be directly in ``base``."""
        if self._by_name is None:
            self._by_name = {}
            for entry in self.files():
                self._by_name.setdefault(os.path.basename(entry.path), []).append(entry.path)
        return [path for path in self._by_name.get(name, ()) if os.path.dirname(path) != base]

    def json(self, path: str) -> Document:
        """Return what a JSON file says; one that isn't there says nothing."""
        found = self._documents.get(path)
        if found is None:
            found = self._read_json(path)
            entry = self._entries.get(path)
            if os.path.basename(path) in LOADED or (entry is not None and entry.size <= _KEPT):
                self._documents[path] = found
        return found

    def _read_json(self, path: str) -> Document:
        entry = self.file(path)
        if entry is None or path in self.rotten:
            return Document()
        if (self._read + entry.size > _MOST_READ or self._values > _MOST_VALUES) and entry.size <= documents.LARGEST:
            return Document(problem=Problem("the folder has more JSON than is read", oversized=True))
        tokenizer = os.path.basename(path) in {"tokenizer.json", "tekken.json"}
        found = documents.json_file(self.absolute(path), entry.size, tokenizer=tokenizer)
        if found.problem is None or not found.problem.oversized:
            self._read += entry.size
            self._values += found.values
        return found


def _looked_up(root: str, path: str) -> Entry | None:
    try:
        found = os.stat(os.path.join(root, path))
    except OSError:
        return None
    entry = Entry(path, reading.FILE, found.st_size, found.st_mode & 0o7777, found.st_uid, found.st_gid, found.st_mtime)
    return entry if reading.is_regular(found.st_mode) else None


def is_document(path: str) -> bool:
    """Return whether a file is for people, so that nothing fails without it."""
    name = os.path.basename(path).lower()
    return name.startswith(_DOCS) or name.endswith(_DOCS_ENDS)
