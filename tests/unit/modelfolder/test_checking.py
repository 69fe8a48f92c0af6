"""The three phases in their order, without loading anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.modelfolder import Reader
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.modelfolder.checking import Asked, check, real_folder
from pytest_envguard.modelfolder.loading import Place, Wanted


@pytest.mark.parametrize("name", ["none", "n\0o", "x" * 300, "loop"])
def test_a_folder_that_is_not_there_is_one_error(tmp_path: Path, name: str) -> None:
    """Also a name that no file can have, and a link that leads to itself."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(EnvguardError):
        real_folder(tmp_path / name)


def test_links_to_a_folder_are_followed(tmp_path: Path) -> None:
    """What is shown in an environment is the folder itself."""
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to("m")
    assert real_folder(tmp_path / "link") == (tmp_path / "m").resolve()


def never(_folder: Path) -> Place:
    raise AssertionError("nothing is to be loaded")


def test_the_files_alone_need_no_environment(tmp_path: Path) -> None:
    """Nothing is planned for it, and the report names whose eyes it was seen with."""
    found = check(tmp_path, never, Reader("lambda", 993, 990), Asked(loads=False))
    assert found.environment == "lambda"
    assert found.loading.skipped == "it was asked for the files alone"
    assert not found.good


@pytest.mark.parametrize(
    ("mode", "reader", "reason"),
    [
        (0o700, Reader("p", os.getuid() + 1, os.getgid() + 1), "may not enter the folder (mode 0700)"),
        (0o750, Reader("p", os.getuid() + 1, os.getgid()), ""),
        (0o755, Reader("p", os.getuid() + 1, os.getgid() + 1), ""),
        (0o700, Reader("p", os.getuid(), 0), ""),
        (0o700, Reader("p", 0, 0), ""),
    ],
)
def test_a_folder_that_is_closed_to_the_reader_is_not_loaded(
    tmp_path: Path, mode: int, reader: Reader, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its owner, its group and the others, in this order."""
    monkeypatch.setattr("pytest_envguard.modelfolder.checking.load", lambda *_args, **_more: pytest.fail("it loads"))
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text("{}")
    folder.chmod(mode)
    place = Place(Profile("p"), Plan("p", ""), reader)
    try:
        found = check(folder, lambda _: place, reader, Asked())
    except pytest.fail.Exception:
        assert not reason
    else:
        assert reason
        assert found.loading.skipped.endswith(reason)


def test_without_a_tokenizer_nothing_is_loaded_unless_the_model_is_asked_for(tmp_path: Path) -> None:
    """A vision model has none."""
    place = Place(Profile("host"), Plan("host", ""))
    found = check(tmp_path, lambda _: place, None, Asked(wanted=Wanted()))
    assert found.loading.skipped == "there are no tokenizer's files in it, and the model was not asked for"
