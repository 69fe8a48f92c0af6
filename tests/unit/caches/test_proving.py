"""Is it tried, and what is said of it?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_envguard.caches import trial
from pytest_envguard.caches.proving import Item, Proof, Trial, prove
from pytest_envguard.caches.wording import shown
from pytest_envguard.model.plan import Plan


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "state"),
    [
        (-2, -2, 0o644, "ok"),
        (-2, -2, 0o640, "failed"),
        (-2, None, 0o640, "ok"),
        (None, None, 0o600, "ok"),
        (None, None, 0o040, "failed"),
        (0, 0, 0o000, "ok"),
    ],
)
def test_modes_are_those_for_the_profile_s_user(
    tmp_path: Path, uid: int | None, gid: int | None, mode: int, state: str
) -> None:
    """The first class that the user is in counts, as for the kernel; root reads everything."""
    from pytest_envguard.caches.proving import _modes

    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "file").write_text("")
    (folder / "file").chmod(mode)
    mine = folder.stat()
    who = Trial("x", None, "", mine.st_uid + 2 if uid == -2 else mine.st_uid if uid is None else uid,
                mine.st_gid + 2 if gid == -2 else mine.st_gid if gid is None else gid)  # fmt: skip
    if uid is None and mine.st_uid == 0 and state == "failed":
        pytest.skip("root reads everything")
    assert _modes(folder, who).state == state


def test_a_closed_folder_fails_before_anything_is_run(tmp_path: Path) -> None:
    """The environment would show it open: it was told that it's needed."""
    tmp_path.chmod(0o700)
    stranger = Trial("x", Plan("x", "x"), "", os.getuid() + 1, os.getgid() + 1)
    proof = prove(stranger, {}, {"folder": str(tmp_path), "encodings": []})
    assert proof.failed
    assert "has mode 0700: `chmod -R a+rX` on the folder" in proof.items[0].detail


def test_without_an_environment_the_reason_is_kept() -> None:
    """Nothing is claimed."""
    proof = prove(Trial("lambda", None, "no namespaces"), {}, {})
    assert proof == Proof("", -1, (), "no namespaces")
    assert not proof.failed


def test_what_could_not_be_tried_is_no_failure() -> None:
    """Unknown stays unknown."""
    assert not Proof("x", 1, (Item("a", trial.NOT_TRIED), Item("b", trial.OK))).failed
    assert Proof("x", 1, (Item("a", trial.FAILED), Item("b", trial.OK))).failed


def test_the_trial_says_what_it_could_not_read_and_where_it_could_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here, where nothing is read-only."""
    monkeypatch.setenv("ENVGUARD_X", "before")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "sub").mkdir()
    trial.run("mark:", {"ENVGUARD_X": "1"}, {"folder": str(tmp_path), "encodings": []})
    out = capsys.readouterr().out
    assert out.startswith("mark:{")
    assert os.environ["ENVGUARD_X"] == "1"
    assert "ENOENT" in out
    assert "a file was made in the folder" in out


def test_nothing_unprintable_is_printed() -> None:
    """Whatever a file is called."""
    assert shown("a\n\x1b[31m\udcff世") == "a\\n\\x1b[31m\\udcff世"
