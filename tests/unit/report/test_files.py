"""A report is written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard.report.files import replace


def test_a_new_file_has_the_mode_that_the_user_gives_new_files(tmp_path: Path) -> None:
    """And nothing is left beside it."""
    former = os.umask(0o027)
    try:
        replace(tmp_path / "a.json", "text\n")
    finally:
        os.umask(former)
    assert (tmp_path / "a.json").read_text() == "text\n"
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_that_was_there_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written."""
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("former")
    real.chmod(0o604)
    link.symlink_to("real.json")
    replace(link, "text")
    assert (link.is_symlink(), real.read_text(), real.stat().st_mode & 0o777) == (True, "text", 0o604)


FULL = """
import resource, sys
from pathlib import Path
from pytest_envguard.report.files import replace
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace(Path(sys.argv[1]), "x" * 100_000)
except OSError as error:
    print(error.strerror)
"""


def test_where_there_is_no_room_the_former_one_stays(tmp_path: Path) -> None:
    """Whole, and no half one beside it."""
    file = tmp_path / "a.json"
    file.write_text("former")
    done = subprocess.run([sys.executable, "-c", FULL, str(file)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("File too large\n", "")
    assert (file.read_text(), os.listdir(tmp_path)) == ("former", ["a.json"])


def test_a_part_that_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """Not even if the kernel gives its number again."""
    (tmp_path / f".a.json.{os.getpid()}.part").write_text("half")
    replace(tmp_path / "a.json", "text")
    assert (os.listdir(tmp_path), (tmp_path / "a.json").read_text()) == (["a.json"], "text")


def test_a_text_that_no_encoding_has_is_written_with_escapes(tmp_path: Path) -> None:
    """A file name's odd byte costs no report."""
    replace(tmp_path / "a.md", "a\udcff")
    assert (tmp_path / "a.md").read_text() == "a\\udcff"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Is an error that the caller tells."""
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "gone" / "a.json", "text")
