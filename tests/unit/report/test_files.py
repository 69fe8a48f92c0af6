"""A report is written whole or not at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.report.files import check, replace


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


KILLED = """
import os, signal, sys
from pathlib import Path
from pytest_envguard.report import files
files._fill = lambda stream, data, mode: (stream.write(data[:50000]), stream.flush(), os.kill(os.getpid(), signal.SIGKILL))
files.replace(Path(sys.argv[1]), "x" * 100_000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file is without a name")
def test_who_is_killed_while_he_writes_leaves_nothing(tmp_path: Path) -> None:
    """No half file, under whatever name."""
    file = tmp_path / "a.json"
    file.write_text("former")
    assert subprocess.run([sys.executable, "-c", KILLED, str(file)], timeout=60, check=False).returncode == -9
    assert (file.read_text(), os.listdir(tmp_path)) == ("former", ["a.json"])


def test_where_no_file_is_without_a_name_it_has_one_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is the same."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    (tmp_path / "a.json").write_text("former")
    replace(tmp_path / "a.json", "text")
    check("--report", {"a.json": tmp_path / "a.json"})
    assert (os.listdir(tmp_path), (tmp_path / "a.json").read_text()) == (["a.json"], "text")


@pytest.mark.parametrize("name", ["a" * 250 + ".json", "日" * 83 + ".json"])
def test_a_name_as_long_as_any_can_be(tmp_path: Path, name: str) -> None:
    """In bytes, of which other alphabets take more; and the one that it has meanwhile is no longer."""
    check("--report", {name: tmp_path / name})
    replace(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]


def refused(path: Path) -> str:
    """Return what is said of a path that nothing can be written to."""
    with pytest.raises(EnvguardError) as caught:
        check("--report", {"it": path})
    return str(caught.value)


def test_a_path_that_cannot_be_is_one_clear_error(tmp_path: Path) -> None:
    """Whatever the system says of it, at whichever step."""
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "nowhere.json").symlink_to("no/x.json")
    assert "can't be written: Too many levels of symbolic links" in refused(tmp_path / "loop.json")
    assert f"the folder {tmp_path}/no does not exist" in refused(tmp_path / "nowhere.json")
    assert "can't be written: File name too long" in refused(tmp_path / ("a" * 300 + ".json"))
    # CPython 3.13 says "lstat: embedded null character in path", those before it "embedded null byte".
    assert re.search(
        r"can't be written: (embedded null byte|lstat: embedded null character)", refused(tmp_path / "a\0.json")
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_cannot_be_entered(tmp_path: Path) -> None:
    """It isn't known what is in it."""
    (tmp_path / "closed").mkdir(mode=0)
    assert "can't be written: Permission denied" in refused(tmp_path / "closed" / "a.json")


@pytest.mark.skipif(os.geteuid() != 0, reason="files of others are made by root")
def test_a_file_that_only_its_owner_can_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder such as /tmp writing to it may be allowed, but not putting another in its place."""
    tmp_path.chmod(0o1777)
    (tmp_path / "theirs.json").touch(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "belongs to another user, who alone can replace it" in refused(tmp_path / "theirs.json")


def test_a_file_that_is_mounted_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers do with `-v report.json:/report.json`: nothing can be put in its place."""
    file = tmp_path / "a.json"
    file.touch()
    check("--report", {"a.json": file})
    monkeypatch.setattr("pytest_envguard.report.files._mount", lambda path: str(path == file))
    assert "is mounted by itself" in refused(file)
