"""Which releases of a package there are, as uv finds them: with the user's indexes, folders, credentials and dates.

uv lists no releases. It's asked for the newest one below another, again and again: the first question of a package goes to the
index, the others are answered from uv's cache within 20 ms each.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from packaging.version import Version

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import Choice
from pytest_envguard.matrix.store import DAY, Store, digest
from pytest_envguard.matrix.uv import NOT_RESOLVABLE, OFFLINE, Uv, UvError

_UNKNOWN = r"was not found in the (?:package registry|provided package locations)|not found in the package registry"
_MOST_MINORS = 256  # more is more than a run can have
_AT_ONCE = 4

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")

# Package to the release that the project gets or allows: (name, "latest" or "lowest").
Allowed = Callable[[str, str], "str | None"]


class Release(NamedTuple):
    """One release of a package.

    Attributes:
        version: As the index writes it.
        day: When its newest file was uploaded, ISO date in UTC; "" where the index doesn't say.
    """

    version: str
    day: str


class Releases:
    """The releases that uv finds; what it says is remembered for the day.

    Attributes:
        say: Told what is looked up, for long searches.
    """

    def __init__(
        self,
        uv: Uv,
        store: Store,
        python: str,
        surroundings: str,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            uv: Ready to run.
            store: Where answers are kept.
            python: Path of the interpreter that releases must fit.
            surroundings: Changes with everything that decides which indexes are asked.
            say: See above.
        """
        self.say = say or (lambda _: None)
        self._uv = uv
        self._store = store
        self._python = python
        self._surroundings = surroundings
        self._locks: dict[str, threading.Lock] = {}
        self._asked: set[str] = set()  # packages that the index itself was asked for in this run
        self._lock = threading.Lock()

    def exists(self, name: str, version: str) -> bool:
        """Return whether a release can be had at all; of this Python or another, today or later.

        True as well where the index can't be reached: what is known of it by then, the cell itself finds out.

        Raises:
            EnvguardError: No package has this name.
        """
        try:
            return self.newest(name, f"=={version}") is not None
        except UvError as error:
            if error.failure.kind == OFFLINE:
                return True
            raise

    def newest(self, name: str, specifier: str = "", as_of: str = "") -> Release | None:
        """Return the newest release that a specifier allows, None if there is none.

        One that doesn't fit the interpreter is none, unless the specifier is this very version.

        Args:
            name: Normalised.
            specifier: PEP 440.
            as_of: A moment (ISO) before which it was uploaded.

        Raises:
            EnvguardError: No package has this name.
            UvError: uv can't say.
        """
        return self._ask(name, specifier, as_of, "highest")

    def oldest(self, name: str, specifier: str = "", as_of: str = "") -> Release | None:
        """Return the oldest release that a specifier allows; for the rest see `newest`."""
        return self._ask(name, specifier, as_of, "lowest")

    def _ask(self, name: str, specifier: str, as_of: str, which: str) -> Release | None:
        key = digest(self._surroundings, self._python, name, specifier, as_of, which)
        known = self._store.recall("release", key, DAY)
        if known:
            return Release(*known.value) if known.value else None
        try:
            found = self._found(name, specifier, as_of, which)
        except UvError as error:
            older = self._store.recall("release", key, None) if error.failure.kind == OFFLINE else None
            if older and older.value:
                return Release(*older.value)
            raise
        if found or not _exact(specifier):  # what is missing may be on its way
            self._store.remember("release", key, list(found) if found else None)
        return found

    def _found(self, name: str, specifier: str, as_of: str, which: str) -> Release | None:
        options = ["--no-deps", "--quiet", "--no-header", "--format=pylock.toml", f"--python={self._python}"]
        options += [f"--resolution={which}"]
        options += [f"--exclude-newer={as_of}"] if as_of else []
        try:
            lock = self._run(name, f"{name}{specifier}\n", options)
        except UvError as error:
            if error.failure.kind != NOT_RESOLVABLE:
                raise
            reason = error.failure.reason
            if re.search(_UNKNOWN, reason):
                raise EnvguardError(
                    f"no package is named `{name}`: {reason}",
                    "check how it's spelled, and which indexes uv and pip are set to",
                ) from None
            # Not for this Python, no file that fits this machine: it is there, and its cell will say why it can't be had.
            there = _exact(specifier) and not re.search(r"there (?:is|are) no versions?|(?:is|are) available", reason)
            return Release(specifier.removeprefix("=="), "") if there else None
        return _only(lock)

    def _run(self, name: str, requirements: str, options: Sequence[str]) -> str:
        with self._lock:
            first = self._locks.setdefault(name, threading.Lock())
        with first:
            if name not in self._asked:
                try:
                    found = self._uv.compile(requirements, *options)
                except UvError as error:
                    if error.failure.kind == NOT_RESOLVABLE:
                        self._asked.add(name)
                    raise
                self._asked.add(name)
                return found
        try:
            return self._uv.compile(requirements, "--offline", *options)
        except UvError as error:
            if error.failure.kind != OFFLINE:
                raise
            return self._uv.compile(requirements, *options)

    def last_of_each_minor(self, name: str, specifier: str, as_of: str = "") -> tuple[str, ...]:
        """Return the newest release of each minor version that a specifier allows, oldest first.

        Raises:
            EnvguardError: No package has this name, or there are more than a run can have.
            UvError: uv can't say.
        """
        found: list[str] = []
        bound = specifier
        while release := self.newest(name, bound, as_of):
            found.append(release.version)
            self.say(f"{name}: {len(found)} releases found, down to {release.version}")
            if len(found) > _MOST_MINORS:
                raise EnvguardError(
                    f"`{name}{specifier}` are more than {_MOST_MINORS} minor versions", "narrow the range down"
                )
            bound = f"{specifier},<{_minor(release.version)}" if specifier else f"<{_minor(release.version)}"
        return tuple(reversed(found))

    def between(self, name: str, low: str, high: str) -> tuple[str, ...]:
        """Return all releases from ``low`` to ``high`` (both with it, where they exist), oldest first.

        Raises:
            EnvguardError: No package has this name, or uv can't say.
        """
        with _explained(f"the releases of `{name}` from {low} to {high}"):
            return self._between(name, low, high)

    def _between(self, name: str, low: str, high: str) -> tuple[str, ...]:
        specifier = f">={low},<={high}"
        tops = self.last_of_each_minor(name, specifier)
        counted = [0]

        def down(top: str) -> list[str]:
            found = [top]
            floor = max(Version(_minor(top)), Version(low))
            while release := self.newest(name, f">={floor},<{found[-1]}"):
                found.append(release.version)
                counted[0] += 1
                self.say(f"{name}: {len(tops) + counted[0]} releases found between {low} and {high}")
            return found[::-1]

        return tuple(version for found in self._in_parallel(down, tops) for version in found)

    def _in_parallel(self, answer: Callable[[_Question], _Answer], questions: Sequence[_Question]) -> list[_Answer]:
        """Return the answers in the order of the questions; Ctrl-C doesn't wait for them."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return list(pool.map(answer, questions))
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                self._uv.stop()
                raise

    def nearest(self, name: str, version: str) -> tuple[str, ...]:
        """Return the next lower and the next higher release than one that isn't there, as far as they exist."""
        lower = self.newest(name, f"<{version}")
        higher = self.oldest(name, f">{version}")
        return tuple(release.version for release in (lower, higher) if release)

    def day(self, name: str, version: str) -> str:
        """Return when a release came out, ISO date; "" where the index doesn't say.

        Raises:
            EnvguardError: No package has this name, or uv can't say.
        """
        with _explained(f"when {name} {version} came out"):
            release = self.newest(name, f"=={version}")
        return release.day if release else ""

    def missing(self, name: str, version: str) -> EnvguardError:
        """Return what to tell somebody who has asked for a version that isn't there."""
        near = self.nearest(name, version)
        return EnvguardError(
            f"{name} {version} is not on the index",
            f"nearest: {' and '.join(near)}" if near else "it has no release at all",
        )

    def resolve_choices(
        self, asked: Mapping[str, Iterable[Choice]], allowed: Allowed, as_of: str = ""
    ) -> dict[str, dict[Choice, tuple[str, ...]]]:
        """Return the versions that each choice of each package stands for, oldest first; a range can stand for none.

        Args:
            asked: Package to choices.
            allowed: Says what ``latest`` and ``lowest`` are.
            as_of: A moment before which releases of ranges were uploaded.

        Raises:
            EnvguardError: A package or an exact version that isn't there, or an index that can't be reached.
        """
        pairs = [(name, choice) for name, choices in asked.items() for choice in choices]

        def answered(pair: tuple[str, Choice]) -> tuple[str, ...]:
            name, choice = pair
            with _explained(f"which releases `{name}` `{choice.text}` stands for"):
                return self._stands_for(name, choice, allowed, as_of)

        answers = self._in_parallel(answered, pairs)
        found: dict[str, dict[Choice, tuple[str, ...]]] = {name: {} for name in asked}
        for (name, choice), versions in zip(pairs, answers, strict=True):
            found[name][choice] = versions
        return found

    def _stands_for(self, name: str, choice: Choice, allowed: Allowed, as_of: str) -> tuple[str, ...]:
        if choice.kind == "exact":
            if not self.exists(name, choice.text):
                raise self.missing(name, choice.text)
            return (choice.text,)
        if choice.kind == "range":
            return self.last_of_each_minor(name, choice.text, as_of)
        version = allowed(name, choice.kind)
        return (version,) if version else ()


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except UvError as error:
        offline = error.failure.kind == OFFLINE
        raise EnvguardError(
            f"{what}: that can't be found out: {error.failure.reason}",
            "name exact versions, which need no index once their cells are built" if offline else "",
        ) from None


def _exact(specifier: str) -> bool:
    return re.fullmatch(r"==[^,*]+", specifier) is not None


def _minor(version: str) -> str:
    """Return the first version of the same minor version: 1.53.9 is one of 1.53."""
    parsed = Version(version)
    epoch = f"{parsed.epoch}!" if parsed.epoch else ""
    major, minor, *_ = (*parsed.release, 0)
    return f"{epoch}{major}.{minor}"


def _only(lock: str) -> Release | None:
    packages = read_lock(lock)
    return Release(packages[0]["version"], uploaded(packages[0])) if packages else None


def read_lock(lock: str) -> list[dict[str, Any]]:
    """Return the packages of a pylock.toml."""
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    packages: list[dict[str, Any]] = tomllib.loads(lock).get("packages", [])
    return packages


def uploaded(package: Mapping[str, Any]) -> str:
    """Return the day on which the newest file of a package in a lock was uploaded, "" if unknown."""
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
    times = [file["upload-time"] for file in files if "upload-time" in file]
    return max(times).date().isoformat() if times else ""
