"""Which files an encoding of tiktoken consists of: their addresses, their names in a cache, the hashes that tiktoken expects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.caches import declared
from pytest_envguard.errors import EnvguardError, nearest

ALL = "all"
_HOST = "https://openaipublic.blob.core.windows.net"


class EncodingFile(NamedTuple):
    """A file that tiktoken downloads.

    Attributes:
        url: Its address.
        sha256: What tiktoken compares its content with; "" where it compares nothing.
        size: Bytes; 0 where nobody knows before it is there.
    """

    url: str
    sha256: str = ""
    size: int = 0

    @property
    def cached_name(self) -> str:
        """What the file is called in a cache (tiktoken/load.py, `read_file_cached`, from 0.3.0 to 0.14.0)."""
        return hashlib.sha1(self.url.encode(), usedforsecurity=False).hexdigest()

    @property
    def name(self) -> str:
        """What people call it: the end of its address."""
        return self.url.rpartition("/")[2]

    def is_right(self, content: bytes) -> bool:
        """Whether tiktoken takes ``content`` for this file."""
        return not self.sha256 or hashlib.sha256(content).hexdigest() == self.sha256


class Encoding(NamedTuple):
    """An encoding as ``tiktoken.get_encoding`` knows it.

    Attributes:
        name: Such as "cl100k_base".
        files: What it's made of.
        declared_in: The module that says so; "" for what is known here.
        unclear: Whether the module has an address that can't be read without running it.
    """

    name: str
    files: tuple[EncodingFile, ...]
    declared_in: str = ""
    unclear: bool = False


# tiktoken_ext/openai_public.py of tiktoken 0.14.0; the sizes are of files with these hashes.
CL100K = EncodingFile(
    f"{_HOST}/encodings/cl100k_base.tiktoken",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    1681126,
)
O200K = EncodingFile(
    f"{_HOST}/encodings/o200k_base.tiktoken",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    3613922,
)
P50K = EncodingFile(
    f"{_HOST}/encodings/p50k_base.tiktoken",
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    836186,
)
R50K = EncodingFile(
    f"{_HOST}/encodings/r50k_base.tiktoken",
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    835554,
)
VOCABULARY = EncodingFile(
    f"{_HOST}/gpt-2/encodings/main/vocab.bpe",
    "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    456318,
)
ENCODER = EncodingFile(
    f"{_HOST}/gpt-2/encodings/main/encoder.json",
    "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    1042301,
)
PUBLIC = {file.url: file for file in (CL100K, O200K, P50K, R50K, VOCABULARY, ENCODER)}
_OWN = {
    "gpt2": (VOCABULARY, ENCODER),
    "r50k_base": (R50K,),
    "p50k_base": (P50K,),
    "p50k_edit": (P50K,),
    "cl100k_base": (CL100K,),
    "o200k_base": (O200K,),
    "o200k_harmony": (O200K,),
}


def known(modules: Iterable[Path] | None = None) -> dict[str, Encoding]:
    """Return every encoding that tiktoken has, by name: OpenAI's, and those of the plugins that are installed.

    Args:
        modules: The source files of ``tiktoken_ext``; None for those beside this interpreter. They are read, and not run.
    """
    found = {name: Encoding(name, files) for name, files in _OWN.items()}
    for module in declared.modules() if modules is None else modules:
        for name, said in declared.read(module).items():
            files = tuple(_completed(url, sha256) for url, sha256 in said.files)
            if files or name not in found:
                found[name] = Encoding(name, files or (), module.stem, said.unclear)
    return found


def _completed(url: str, sha256: str) -> EncodingFile:
    """Releases before 0.6.0 compare no hashes: the file is the same."""
    public = PUBLIC.get(url)
    if public is not None and sha256 in ("", public.sha256):
        return public
    return EncodingFile(url, sha256)


def chosen(names: Iterable[str], known: Mapping[str, Encoding]) -> list[Encoding]:
    """Return the encodings that ``names`` ask for, each once; `ALL` stands for all of them.

    Raises:
        EnvguardError: A name that tiktoken doesn't have (it may be a model's), or an encoding whose files nobody can name.
    """
    asked = list(dict.fromkeys(names))
    for name in asked:
        if name != ALL and name not in known:
            raise _unknown(name, known)
        if name != ALL and not known[name].files:
            raise EnvguardError(
                f"`{name}`: tiktoken_ext/{known[name].declared_in}.py names no file that could be read without running it",
                f"let tiktoken fill a folder itself: TIKTOKEN_CACHE_DIR=DIR python -c \"import tiktoken; tiktoken.get_encoding('{name}')\"",
            )
    if ALL in asked:
        return [encoding for encoding in known.values() if encoding.files]
    return [known[name] for name in asked]


def _unknown(name: str, known: Mapping[str, Encoding]) -> EnvguardError:
    encoding = declared.encoding_of_model(name)
    if encoding in known:
        return EnvguardError(f"`{name}` is a model, and its encoding is `{encoding}`", f"give `{encoding}`")
    shown = name if name.isprintable() else ascii(name)[1:-1]
    return EnvguardError(f"no encoding is named `{shown}`", nearest(name, [*known, ALL]))
