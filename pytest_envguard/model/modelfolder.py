"""What is found in a model folder: a folder of files as `from_pretrained` reads them."""

from __future__ import annotations

from typing import NamedTuple

ERROR = "error"
WARNING = "warning"
NOTE = "note"


class FolderFinding(NamedTuple):
    """Something about a model folder that somebody will stumble over.

    Attributes:
        kind: A short, stable name such as "missing-weights".
        severity: `ERROR` (it can't be loaded, or is not what it should be), `WARNING` (it works, but not everywhere) or `NOTE`.
        where: Path in the folder, with ``:line:column`` behind it where something is in a text; "" for the folder itself.
            What can't be printed is escaped, in all of these texts.
        what: What was found, as a sentence without its full stop.
        why: Why it matters, and in which environment.
        remedy: What to do about it.
    """

    kind: str
    severity: str
    where: str
    what: str
    why: str = ""
    remedy: str = ""


class Reader(NamedTuple):
    """Who will read the folder.

    Attributes:
        environment: Name of the profile.
        uid: User id of the process there.
        gid: Its group id.
    """

    environment: str
    uid: int
    gid: int


class Contents(NamedTuple):
    """What the files say by themselves, with nothing of them executed.

    Attributes:
        folder: Absolute path.
        files: Number of files; a link to one counts, and no folder behind a link is entered.
        size: Bytes of all of them.
        architectures: Names of the classes that ``config.json`` asks for.
        tokenizers: Kinds of tokenizer files that are there, of "fast" (tokenizer.json), "sentencepiece", "wordpiece", "bpe",
            "tiktoken" (its own files, or Mistral's tekken.json) and "custom".
        weights: Formats of weights that are there, of "safetensors", "pytorch", "onnx", "gguf", …
        code: Modules of its own that it needs (``auto_map``), as paths in the folder.
        findings: What was found, the worst first, then by place.
        hashed: Bytes whose SHA-256 was computed.
        seconds: How long it took.
    """

    folder: str
    files: int = 0
    size: int = 0
    architectures: tuple[str, ...] = ()
    tokenizers: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    findings: tuple[FolderFinding, ...] = ()
    hashed: int = 0
    seconds: float = 0.0
