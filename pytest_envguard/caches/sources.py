"""Where the files of encodings can be had: what somebody names, tiktoken's own caches, litellm, and their own addresses."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.caches.candidates import Candidate, in_archive, in_file, in_folder, is_archive
from pytest_envguard.caches.encodings import EncodingFile
from pytest_envguard.caches.mismatch import mismatch
from pytest_envguard.caches.packages import locate
from pytest_envguard.caches.rebuilding import MADE_OF, MAKEABLE, rebuilt
from pytest_envguard.errors import EnvguardError

_LITELLM = "litellm"
_HINT = (
    "give a source that has it: a file, a folder, a package or a wheel. litellm's has cl100k_base, o200k_base and p50k_base, and "
    "the others are made of that: `pip download --no-deps litellm`, then `--from litellm-….whl`"
)


class Found(NamedTuple):
    """The content of a file, and where it was.

    Attributes:
        content: What tiktoken expects.
        origin: Where it comes from, for people.
    """

    content: bytes
    origin: str


class _Place(NamedTuple):
    """Where to look.

    Attributes:
        name: For people.
        candidates: What may be one of the files there.
        problem: Why nothing is there.
    """

    name: str
    candidates: Callable[[Sequence[EncodingFile]], Iterator[Candidate]] = lambda _files: iter(())
    problem: str = ""


def gather(
    files: Sequence[EncodingFile],
    given: Sequence[str],
    environ: Mapping[str, str],
    download: Callable[[EncodingFile], bytes],
    say: Callable[[str], None],
) -> dict[EncodingFile, Found]:
    """Return the content of every one of ``files``.

    Args:
        files: What is wanted, each once.
        given: Files, folders, packages and wheels to take them from; without any, tiktoken's own caches and litellm are
            looked at, and then the files are downloaded.
        environ: The environment variables.
        download: Returns what is at a file's address; raises `OSError` or `ValueError`.
        say: Told what takes long.

    Raises:
        EnvguardError: One of them can't be had, or isn't what tiktoken expects.
    """
    search = _Search(files)
    for place in [_given(name, files) for name in given] or _usual(environ):
        search.look(place)
    search.rebuild(say)
    for file in () if given else search.missing():
        say(f"downloading {file.url}")
        search.fetch(file, download)
    if missing := search.missing():
        raise search.error(missing[0])
    return {file: search.found[file] for file in files}


class _Search:
    """What was found so far, and what was not."""

    def __init__(self, files: Sequence[EncodingFile]) -> None:
        self._files = files
        self._useful = list(dict.fromkeys((*files, *(MADE_OF if MAKEABLE & {*files} else ()))))
        self.found: dict[EncodingFile, Found] = {}
        self._wrong: dict[EncodingFile, str] = {}
        self._tried: list[str] = []

    def missing(self) -> list[EncodingFile]:
        """Return what is still wanted."""
        return [file for file in self._files if file not in self.found]

    def look(self, place: _Place) -> None:
        """Take what is in ``place``, from all of which others may be made."""
        if not self.missing():
            return
        seen = False
        for candidate in place.candidates(self._useful):
            seen = True
            self._take(candidate)
            if not self.missing():
                return
        self._tried.append(f"{place.name}: {place.problem or ('not in there' if seen else 'none of them is in there')}")

    def _take(self, candidate: Candidate) -> None:
        right = [file for file in candidate.files if file.is_right(candidate.content)]
        for file in right:
            self.found.setdefault(file, Found(candidate.content, candidate.origin))
        for file in () if right or not candidate.named else candidate.files:
            self._wrong.setdefault(file, mismatch(file, candidate.content, candidate.origin))

    def rebuild(self, say: Callable[[str], None]) -> None:
        """Make what is missing of what was found."""
        others = {file.url: one.content for file, one in self.found.items() if file in MADE_OF}
        source = " and ".join(file.name for file in self.found if file in MADE_OF)
        for file in self.missing() if others else ():
            say(f"making {file.name}")
            content = rebuilt(file, others)
            if content is not None and file.is_right(content):
                self.found[file] = Found(content, f"made of {source}")

    def fetch(self, file: EncodingFile, download: Callable[[EncodingFile], bytes]) -> None:
        """Download a file."""
        try:
            content = download(file)
        except (OSError, ValueError) as error:
            self._tried.append(f"{file.url}: {error}")
            return
        if file.is_right(content):
            self.found[file] = Found(content, file.url)
        else:
            self._wrong[file] = mismatch(file, content, file.url)

    def error(self, file: EncodingFile) -> EnvguardError:
        """Return why ``file`` can't be had."""
        if file in self._wrong:
            return EnvguardError(self._wrong[file], "nothing was written; get the file again, or give another source")
        tried = "\n".join(f"  {line}" for line in self._tried)
        return EnvguardError(f"{file.name} can't be had ({file.url}). Looked for in:\n{tried}", _HINT)


# -- places ------------------------------------------------------------------------------------------------------------


def _given(name: str, wanted: Sequence[EncodingFile]) -> _Place:
    """Return what the user means by a source.

    Raises:
        EnvguardError: It's no file, folder or installed package, or it can't be read.
    """
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            return _folder(str(path), path)
        if path.is_file():
            return _archive(path) if is_archive(path) else _Place(name, lambda files: in_file(path, files, wanted))
    except OSError as error:
        raise EnvguardError(f"{path} can't be read: {error.strerror}") from None
    folder = locate(name)
    if folder is not None:
        return _folder(f"{name} ({folder})", folder)
    shown = name if name.isprintable() else ascii(name)[1:-1]
    what = (
        "no such file or folder" if "/" in name else "no such file or folder, and no package of that name is installed"
    )
    wheel = f"a package that isn't installed can be given as its wheel: `pip download --no-deps '{shown}'`"
    raise EnvguardError(f"`{shown}`: {what}", "" if "/" in name else wheel)


def _folder(name: str, folder: Path) -> _Place:
    return _Place(name, lambda files: in_folder(folder, files))


def _archive(path: Path) -> _Place:
    return _Place(str(path), lambda files: in_archive(path, files))


def _usual(environ: Mapping[str, str]) -> list[_Place]:
    """Return where the files may be already: where tiktoken would look itself, and in litellm."""
    variables = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
    places = [_cache(name, environ[name]) for name in variables if environ.get(name)]
    with contextlib.suppress(FileNotFoundError):  # there is no folder for temporary files
        places.append(_cache("tiktoken's default cache", str(Path(tempfile.gettempdir(), "data-gym-cache"))))
    litellm = locate(_LITELLM)
    if litellm is None:
        return [*places, _Place(_LITELLM, problem="not installed beside this command")]
    return [*places, _folder(f"{_LITELLM} ({litellm})", litellm)]


def _cache(what: str, folder: str) -> _Place:
    name = f"{folder} ({what})"
    path = Path(folder)
    if not path.is_dir():
        return _Place(name, problem="no such folder")
    # Somebody else's file in a shared folder is taken for nothing that can't be compared.
    return _Place(name, lambda files: in_folder(path, [file for file in files if file.sha256], deep=False))
