"""The mount table that an environment would have."""

from __future__ import annotations

import pytest

from pytest_envguard.model.rules import Mounts, is_within

ROWS = [
    ["/", True, False, None],
    ["/tmp", False, True, 5],
    ["/tmp/project", True, False, None],
    ["/tmp/project/cache", False, False, None],
    ["/proc", False, True, None],
]


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/", "/"),
        ("/tmp", "/tmp"),
        ("/tmp/file", "/tmp"),
        ("/tmpfile", "/"),
        ("/tmp/project", "/tmp/project"),
        ("/tmp/project 2/file", "/tmp"),
        ("/tmp/project/cache/file", "/tmp/project/cache"),
        ("/tmp/project/file (deleted)", "/tmp/project"),
        ("/usr/tmp", "/"),
        ("/proc/1/comm", "/proc"),
    ],
)
def test_the_deepest_mount_above_a_path_is_its_own(path: str, mount: str) -> None:
    """Names that only begin alike are others; the order of the rows doesn't matter."""
    assert Mounts(ROWS).of(path).path == mount
    assert Mounts(ROWS[::-1]).of(path).path == mount


@pytest.mark.parametrize("path", ["pipe:[4026531840]", "socket:[1]", "anon_inode:[eventfd]"])
def test_what_is_in_no_file_system_is_unrestricted(path: str) -> None:
    """Pipes and sockets have no path."""
    found = Mounts(ROWS).of(path)
    assert (found.readonly, found.noexec, found.size) == (False, False, None)


def test_without_a_rule_nothing_is_restricted() -> None:
    """An environment that cuts the network only leaves the files alone."""
    found = Mounts([["/tmp", False, True, None]]).of("/usr/lib")
    assert (found.path, found.readonly, found.noexec) == ("/", False, False)


@pytest.mark.parametrize(
    ("path", "within"), [("/dev/shm", True), ("/dev/shm/file", True), ("/dev/shmem", False), ("/dev", False)]
)
def test_a_path_is_within_a_folder_or_is_it(path: str, within: bool) -> None:
    """Names that only begin alike are not."""
    assert is_within(path, ["/nowhere", "/dev/shm"]) is within
