"""Symbolic links and mappings that are refused, as the users of a suite, of a marker and of `cold_start` see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run, run_where_forbidden, write

PROFILES = """
[tool.envguard.profiles.linkless]
symlinks = false
executable_mappings = ["mdwe-filter"]
mmap_limit = "256M"
tmp = "private"
root = "read-only"
"""
SUITE = """
import mmap

def refused(number, action, *arguments, **options):
    with pytest.raises(OSError) as caught:
        action(*arguments, **options)
    assert caught.value.errno == number, caught.value

def all_are_refused(folder):
    refused(errno.EPERM, os.symlink, "a", folder / "link")
    (folder / "file").touch()
    refused(errno.EEXIST, os.symlink, "a", folder / "file")
    refused(errno.ENOENT, os.symlink, "a", folder / "missing" / "link")
    assert subprocess.run(["ln", "-s", "a", folder / "by-ln"], capture_output=True).returncode
    refused(errno.EPERM, mmap.mmap, -1, 4096, prot=7)
    refused(errno.ENOMEM, mmap.mmap, -1, 257 << 20)
    os.link(folder / "file", folder / "hard")
    assert sorted(os.listdir(folder)) == ["file", "hard"]
"""
PLAIN = SUITE + "\ndef test_it(tmp_path):\n    all_are_refused(tmp_path)\n"
NESTED = (
    PLAIN
    + """
@pytest.mark.envguard("noexec_tmp")
def test_stricter(tmp_path):
    all_are_refused(tmp_path)

@pytest.mark.envguard("noexec_tmp", fresh=True)
def test_fresh(tmp_path):
    all_are_refused(tmp_path)

def test_cold(cold_start):
    told = cold_start(
        "import os\\ntry:\\n    os.symlink('a', '/tmp/link')\\nexcept OSError as error:\\n    print(error.errno)",
        profile="container",
    )
    assert told.output.strip() == "1"
"""
)
MARKED = (
    SUITE
    + """
@pytest.mark.envguard("linkless", fresh=True)
def test_marked(tmp_path):
    all_are_refused(tmp_path)

@pytest.mark.envguard(executable_mappings=["mdwe-filter"], mmap_limit="256M")
def test_forked():
    refused(errno.EPERM, mmap.mmap, -1, 4096, prot=7)
    refused(errno.ENOMEM, mmap.mmap, -1, 257 << 20)

def test_plain(tmp_path):
    os.symlink("a", tmp_path / "link")
    mmap.mmap(-1, 257 << 20, prot=7).close()
"""
)


@pytest.fixture
def profiles(project: Path) -> Path:
    """A project with an environment that refuses all of them."""
    (project / "pytest.ini").unlink()
    (project / "pyproject.toml").write_text("[tool.pytest.ini_options]\n" + PROFILES)
    return project


def test_a_suite_is_refused_them_and_so_are_the_environments_inside(profiles: Path, run: Run) -> None:
    """Single tests and fresh programs in stricter environments of their own get the same; what links was refused is listed."""
    write(profiles, NESTED)
    result = run("--envguard=linkless")
    result.check(0, "4 passed")
    assert "link: EPERM (test_it.py:" in result.out
    assert "by-ln`)" in result.out


def test_the_list_of_refusals_is_not_needed(profiles: Path, run: Run) -> None:
    """Nothing else than links waits for an answer then, and they are refused all the same."""
    write(profiles, PLAIN)
    run("--envguard=linkless", "--envguard-refusals=none").check(0, "1 passed")


def test_single_tests_are_refused_them(profiles: Path, run: Run) -> None:
    """Mappings in a fork as well, links in an interpreter of its own; the tests beside them nothing."""
    write(profiles, MARKED)
    run().check(0, "3 passed")


def test_where_namespaces_are_forbidden_it_is_the_same(profiles: Path) -> None:
    """Calls are answered there anyway."""
    write(profiles, PLAIN)
    run_where_forbidden(profiles, "docker", "--envguard=linkless").check(0, "1 passed")


def test_a_limit_that_is_too_small_is_one_error(profiles: Path, run: Run) -> None:
    """Before the first test, with what the loader said."""
    write(profiles, PLAIN)
    result = run("--envguard=linkless:mmap_limit=64K")
    assert result.code == 4, result
    assert "`mmap_limit`: " in result.err and "can't start with it: " in result.err
    assert "Traceback" not in result.err
