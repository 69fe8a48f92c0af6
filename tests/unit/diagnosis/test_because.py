"""What an environment changes, and how that is said."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.because import because, because_in, changes, holding
from pytest_envguard.model.dimensions import DIMENSIONS
from tests.unit.diagnosis.failures import setting


@pytest.mark.parametrize(
    ("profile", "dimension", "changed"),
    [
        ("lambda", "root", True),
        ("openshift", "root", True),  # another user: EACCES
        ("offline", "root", False),
        ("cloudrun", "root", False),
        ("lambda", "home", True),
        ("host:uid=1000", "home", True),
        ("offline", "home", False),
        ("container", "user", True),
        ("host:uid=4711", "user", True),
        ("lambda", "user", False),
        ("host", "user", False),
        ("container", "tmp_exec", True),
        ("noexec_tmp", "tmp_exec", True),
        ("openshift", "tmp_exec", True),  # /dev/shm
        ("lambda", "tmp_exec", False),
        ("openshift", "shm_exec", True),
        ("systemd", "shm_exec", False),
        ("lambda", "shm", True),
        ("openshift", "shm", True),
        ("readonly_root", "shm", True),  # left as it is, it lies below the root
        ("offline", "shm", False),
        ("lambda", "network", False),
        ("offline", "network", True),
        ("offline-drop", "network", True),
        ("lambda", "tmp_size", True),
        ("container", "tmp_size", False),
        ("lambda", "tmp", True),
        ("host:root=read-only", "tmp", True),
        ("offline", "tmp", False),
        ("lambda", "env", True),
        ("host:memory=1G", "memory", True),
        ("lambda", "memory", False),
        ("systemd", "folder", False),  # "project" is what the host has
        ("lambda", "tmp_in_memory", False),
        ("container", "tmp_in_memory", True),
    ],
)
def test_an_environment_changes_what_a_failure_can_come_of(profile: str, dimension: str, changed: bool) -> None:
    """A uid of its own changes what may be written and whose home it is; what an environment leaves alone isn't blamed."""
    assert changes(setting(profile).values, dimension) is changed


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_host_changes_nothing(dimension: str) -> None:
    """Whatever dimension is asked about."""
    assert not changes(setting("host").values, dimension)


@pytest.mark.parametrize(
    ("profile", "dimension", "words"),
    [
        ("lambda", "root", "the root is read-only in lambda"),
        ("openshift", "root", "it doesn't belong to the user 1000680000 of openshift"),
        ("lambda", "home", "HOME is not set in lambda"),
        ("container", "home", "HOME is / in container"),
        ("host:uid=12", "home", "the user is 12 in host:uid=12, not the owner of HOME"),
        ("container", "user", "the user 1000 has no name in container"),
        ("host:user=", "user", "the user has no name in host:user="),
        ("container", "tmp_exec", "/tmp is mounted noexec in container"),
        ("openshift", "tmp_exec", "/dev/shm is mounted noexec in openshift"),
        ("lambda", "shm", "there is no /dev/shm in lambda"),
        ("container", "shm", "/dev/shm has 64 MiB in container"),
        ("systemd", "shm", "/dev/shm is a fresh one in systemd"),
        ("readonly_root", "shm", "/dev/shm is read-only in readonly_root"),
        ("offline", "network", "offline has no network"),
        ("offline-drop", "network", "what is sent to the network vanishes in offline-drop"),
        ("offline-refuse", "network", "the network refuses connections in offline-refuse"),
        ("offline-nxdomain", "network", "offline-nxdomain has no network, and no host name exists there"),
        ("lambda", "tmp_size", "/tmp has 512 MiB in lambda"),
        ("lambda", "tmp", "/tmp is a fresh one in lambda"),
        ("host:root=read-only", "tmp", "/tmp is read-only in host:root=read-only"),
        ("host:memory=1G", "memory", "memory is limited to 1 GiB in host:memory=1G"),
        ("host:cpus=1", "cpus", "there is 1 processor in host:cpus=1"),
        ("host:cpus=2", "cpus", "there are 2 processors in host:cpus=2"),
        ("lambda", "open_files", "no more than 1024 files may be open in lambda"),
        ("lambda", "locale", "LANG is en_US.UTF-8 in lambda"),
        ("lambda", "timezone", "TZ is :UTC in lambda"),
        ("lambda", "env", "lambda has other environment variables"),
        ("lambda", "tmp_mode", "the mode of /tmp is 1777 in lambda"),
        ("host:hidden=/a;/b", "hidden", "/a and /b can't be read in host:hidden=/a;/b"),
        ("host:hostname=box", "hostname", "the host name is box in host:hostname=box"),
    ],
)
def test_it_is_said_in_half_a_sentence(profile: str, dimension: str, words: str) -> None:
    """With the value that the environment has."""
    assert because(setting(profile), dimension) == words


@pytest.mark.parametrize(
    "profile", ["lambda", "container", "kubernetes", "openshift", "cloudrun", "systemd", "offline"]
)
def test_everything_that_a_shipped_profile_changes_can_be_said(profile: str) -> None:
    """Names the environment, in words: no value of Python's, no name of a dimension."""
    known = setting(profile)
    for dimension in DIMENSIONS:
        if changes(known.values, dimension):
            words = because(known, dimension)
            assert profile in words
            assert not {"True", "False", "{", "("} & set(words.split()), words
            assert "_" not in words.replace("sbx_user1051", "").replace("en_US", ""), words


def test_a_permission_that_is_denied_on_a_read_only_root_is_the_users() -> None:
    """The kernel asks who may write before it asks where: EACCES there says that it belongs to somebody else."""
    lambda_ = setting("lambda")
    assert because(lambda_, "root", "EROFS") == "the root is read-only in lambda"
    assert because(lambda_, "root", "EACCES") == "it doesn't belong to the user 993 of lambda"
    assert because(setting("readonly_root"), "root", "EACCES") == "the root is read-only in readonly_root"


def test_environments_that_have_it_in_common_are_named_together() -> None:
    """Those with another value have a clause of their own; cells of one profile are one environment."""
    several = [setting("lambda"), setting("container"), setting("readonly_root")]
    assert because_in(holding(one, "root") for one in several) == (
        "the root is read-only in lambda, container and readonly_root"
    )
    assert (
        because_in(holding(one, "home") for one in several[:2])
        == "HOME is not set in lambda, and HOME is / in container"
    )
    cells = [holding(setting("lambda", f"lambda with litellm {version}"), "root") for version in ("1.0", "2.0")]
    assert because_in(cells) == "the root is read-only in lambda"
    offline = [holding(setting("offline"), "network"), holding(setting("container"), "network")]
    assert because_in(offline) == "offline and container have no network"


def test_a_value_with_braces_is_a_value() -> None:
    """LANG may be anything; nothing in it is filled."""
    braces = setting("host")._replace(name="mine", profile="mine", values={"timezone": "{value} {0}"})
    assert because(braces, "timezone") == "TZ is {value} {0} in mine"


def test_served_hosts_are_all_that_can_be_reached() -> None:
    """A profile with hosts of its own has no other network."""
    served = setting("host")._replace(
        name="mine", profile="mine", values={"origins": {"a.example": "x", "b.example": "y"}}
    )
    assert changes(served.values, "network")
    assert because(served, "network") == "only a.example and b.example can be reached in mine"
