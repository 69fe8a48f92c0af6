"""uv is asked which releases there are, and what it says is remembered for the day."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import Choice
from pytest_envguard.matrix.releases import Release, Releases
from pytest_envguard.matrix.store import Store, open_store
from pytest_envguard.matrix.uv import Uv, UvError, find
from tests.unit.matrix import shelf

VERSIONS = ("0.9", "1.0", "1.0.1", "1.1rc1", "1.1", "1.1.2", "1.2.0", "2.0", "3.0rc1")


class Counted(Uv):
    """uv, with its command lines counted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(find(), os.environ, folder)
        self.asked: list[tuple[str, ...]] = []

    def run(self, *arguments: str, given: str = "", environ: Mapping[str, str] | None = None) -> str:
        """Take note, then run it."""
        self.asked.append((*arguments, given.strip()))
        return super().run(*arguments, given=given, environ=environ)


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Return uv with an index of apples, one of which needs a Python that isn't out."""
    shelf.alone(monkeypatch, tmp_path)
    for version in VERSIONS:
        shelf.wheel(tmp_path / "files", "apple", version)
    later = shelf.wheel(tmp_path / "files", "apple", "2.1", python=">=9")
    shelf.wheel(tmp_path / "files", "pear", "1.0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", shelf.index(tmp_path / "files", {later.name: ">=9"}))
    return Counted(tmp_path)


@pytest.fixture
def store(uv: Counted) -> Store:
    """Return an empty store."""
    return open_store()


@pytest.fixture
def apples(uv: Counted, store: Store) -> Releases:
    """Return the releases of the index."""
    return Releases(uv, store, sys.executable, "here")


def test_a_version_exists_or_not(apples: Releases) -> None:
    """One for another Python does, its cell will say what is wrong with it."""
    assert apples.exists("apple", "1.0.1") and apples.exists("apple", "1.1rc1") and apples.exists("apple", "2.1")
    assert not apples.exists("apple", "1.0.2")


def test_the_nearest_ones_are_named_for_one_that_does_not_exist(apples: Releases) -> None:
    """Below and above it, as far as there are any."""
    assert str(apples.missing("apple", "1.0.2")) == "apple 1.0.2 is not on the index\nhint: nearest: 1.0.1 and 1.1"
    assert str(apples.missing("apple", "9")) == "apple 9 is not on the index\nhint: nearest: 2.0"


def test_an_unknown_package_is_an_error(apples: Releases) -> None:
    """It has no nearest release, and no version of it is missing."""
    with pytest.raises(EnvguardError, match="no package is named `aple`"):
        apples.exists("aple", "1.0")


def test_a_range_stands_for_the_last_of_each_minor(apples: Releases) -> None:
    """Without what is no release yet, or needs another Python."""
    assert apples.last_of_each_minor("apple", ">=1.0,<3") == ("1.0.1", "1.1.2", "1.2.0", "2.0")
    assert apples.last_of_each_minor("apple", "==1.1.*") == ("1.1.2",)
    assert apples.last_of_each_minor("apple", "~=1.0") == ("1.0.1", "1.1.2", "1.2.0")
    assert apples.last_of_each_minor("apple", ">=5") == ()


def test_all_releases_between_two_are_found(apples: Releases) -> None:
    """Both with them, and said how many there are by now."""
    said: list[str] = []
    apples.say = said.append
    assert apples.between("apple", "1.0", "2.0") == ("1.0", "1.0.1", "1.1", "1.1.2", "1.2.0", "2.0")
    assert said[-1] == "apple: 6 releases found between 1.0 and 2.0"


def test_only_the_first_question_goes_to_the_index(apples: Releases, uv: Counted) -> None:
    """The others are answered by what uv has read then."""
    apples.last_of_each_minor("apple", ">=1.0,<3")
    apples.newest("pear")
    online = [words[-1] for words in uv.asked if "--offline" not in words]
    assert online == ["apple>=1.0,<3", "pear"] and len(uv.asked) == 6


def test_answers_are_remembered(apples: Releases, uv: Counted, store: Store) -> None:
    """Another run asks nothing, unless it has other indexes; that a version is missing is asked again."""
    assert apples.newest("apple", "<1") == Release("0.9", "") and not apples.exists("apple", "7.0")
    uv.asked.clear()
    again = Releases(uv, store, sys.executable, "here")
    assert again.newest("apple", "<1") == Release("0.9", "") and uv.asked == []
    assert not again.exists("apple", "7.0") and len(uv.asked) == 1
    Releases(uv, store, sys.executable, "elsewhere").newest("apple", "<1")
    assert len(uv.asked) == 2


def test_an_index_that_is_gone_leaves_what_was_known(
    uv: Counted, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exact version is then taken at its word; `latest` can't be answered."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    gone = Releases(Counted(uv.folder), store, sys.executable, "here")
    assert gone.exists("apple", "77.0")
    with pytest.raises(UvError):
        gone.newest("apple")
    with pytest.raises(EnvguardError, match="`latest` stands for: that can't be found out: Failed to fetch"):
        gone.resolve_choices({"apple": [Choice("latest", "latest")]}, lambda name, _: gone.newest(name).version)  # type: ignore[union-attr]
    known = Releases(uv, store, sys.executable, "here")
    known.newest("apple", "<1")
    (path,) = (store.root / "remembered" / "release").iterdir()
    path.write_text(path.read_text().replace('"when": ', '"when": -'))  # long ago
    assert gone.newest("apple", "<1") == Release("0.9", "")


def test_choices_become_versions(apples: Releases) -> None:
    """Each of its kind; what the project allows is somebody else's answer."""
    exact, latest, lowest, some = (
        Choice("exact", "1.0"),
        Choice("latest", "latest"),
        Choice("lowest", "lowest"),
        Choice("range", "<1"),
    )
    found = apples.resolve_choices(
        {"apple": [exact, latest, some], "pear": [lowest]}, lambda _, which: {"latest": "2.0"}.get(which)
    )
    assert found == {"apple": {exact: ("1.0",), latest: ("2.0",), some: ("0.9",)}, "pear": {lowest: ()}}


def test_an_exact_choice_that_is_not_there_is_an_error(apples: Releases) -> None:
    """Before anything is built."""
    with pytest.raises(EnvguardError, match=r"pear 2\.0 is not on the index"):
        apples.resolve_choices({"pear": [Choice("exact", "1.0"), Choice("exact", "2.0")]}, lambda *_: None)


def test_ctrl_c_does_not_wait_for_the_index(tmp_path: Path) -> None:
    """One that never answers is left alone at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        script = (
            "import os, signal, sys\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests may ignore it
            "from pathlib import Path\nfrom pytest_envguard.matrix.axes import Choice\n"
            "from pytest_envguard.matrix.releases import Releases\nfrom pytest_envguard.matrix.store import open_store\n"
            "from pytest_envguard.matrix.uv import Uv, find\n"
            "asked = Releases(Uv(find(), os.environ, Path('/')), open_store(), sys.executable, 'x')\n"
            "asked.resolve_choices({'apple': [Choice('exact', '1')], 'pear': [Choice('exact', '1')]}, lambda *_: None)\n"
        )
        environ = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "PYTEST_ENVGUARD_CACHE": str(tmp_path),
            "UV_DEFAULT_INDEX": f"http://127.0.0.1:{silent.getsockname()[1]}/simple",
            "UV_NO_CONFIG": "1",
        }
        process = subprocess.Popen([sys.executable, "-c", script], env=environ, stderr=subprocess.PIPE, text=True)
        silent.settimeout(60)
        try:
            silent.accept()
        except TimeoutError:
            process.kill()
            pytest.fail(f"uv did not ask: {process.communicate()[1]}")
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err and time.monotonic() - began < 5


def test_the_real_index_says_when_a_release_came_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The day of its newest file; as of an earlier day it isn't there."""
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    real = Releases(Uv(find(), os.environ, tmp_path), open_store(), sys.executable, "real")
    assert real.day("six", "1.16.0") == "2021-05-05"
    assert real.newest("six", "<1.17", "2021-05-01T00:00:00Z") == Release("1.15.0", "2020-05-21")
