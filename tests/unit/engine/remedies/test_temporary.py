"""Temporary folders: for every user to read, gone at the end, and gone after a run that was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_envguard.engine.remedies.temporary import Temporary, remove_abandoned

KILLED = """
import os, signal, sys
from pathlib import Path
from pytest_envguard.engine.remedies.temporary import Temporary
folder = Temporary([]).make(Path(sys.argv[1]), 0o755)
(folder / "file").write_text("x")
(folder / "file").chmod(0o444)
folder.chmod(0o555)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_folders_are_open_to_others_and_removed_at_the_end(tmp_path: Path) -> None:
    """With all that is in them, whatever its modes; a link in them leads nobody out."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    parent = tmp_path / "parent"
    parent.mkdir()
    made = Temporary([parent])
    first, second = made.make(parent, 0o755), made.make(parent, 0o1777)
    assert first.stat().st_mode & 0o7777 == 0o755
    assert second.stat().st_mode & 0o7777 == 0o1777
    assert first.parent.stat().st_mode & 0o7777 == 0o755
    (first / "link").symlink_to(outside)
    (first / "closed").mkdir()
    (first / "closed" / "file").write_text("x")
    (first / "closed").chmod(0o500)

    made.close()

    assert list(parent.iterdir()) == []
    assert (outside / "kept").exists()
    assert outside.stat().st_mode & 0o777 != 0o700


def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """But nothing of a run that goes on, and nobody else's folders."""
    other = tmp_path / "other"
    other.mkdir()
    living = Temporary([])
    kept = living.make(tmp_path, 0o755)
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 3

    remove_abandoned(tmp_path)

    assert set(tmp_path.iterdir()) == {other, kept.parent}
    Temporary([tmp_path])
    assert kept.exists()
    living.close()
