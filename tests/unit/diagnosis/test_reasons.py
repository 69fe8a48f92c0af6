"""From an error to the dimension of the environment that it comes from; sentences about it are `test_mechanical`'s."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.reasons import missing_variable, of_exception, of_refusal
from pytest_envguard.model.evidence import Evidence, Raised
from pytest_envguard.model.refusal import Refusal
from tests.unit.diagnosis.failures import evidence, os_error, raised, refusal, setting


@pytest.mark.parametrize(
    ("refused", "profile", "dimension"),
    [
        (refusal("open", "/p/x", "EROFS"), "lambda", "root"),
        (refusal("open", "/p/x", "EROFS"), "openshift", ""),
        (refusal("open", "/p/x", "EACCES"), "openshift", "root"),
        (refusal("open", "/p/x", "EACCES"), "offline", ""),
        (refusal("open", "/srv/x", "EACCES"), "host:hidden=/srv", "hidden"),
        (refusal("open", "/dev/shm/x", "ENOENT"), "lambda", "shm"),
        (refusal("open", "/dev/shm/x", "ENOSPC"), "container", "shm"),
        (refusal("open", "/dev/shm/x", "ENOENT"), "offline", ""),
        (refusal("exec", "/tmp/x", "EACCES"), "container", "tmp_exec"),
        (refusal("exec", "/tmp/x", "EACCES"), "lambda", "root"),
        (refusal("map executable", "/dev/shm/x", "EPERM"), "openshift", "tmp_exec"),
        (refusal("write", "/tmp/x", "ENOSPC"), "lambda", "tmp_size"),
        (refusal("write", "/var/x", "ENOSPC"), "lambda", ""),
        (refusal("connect", "10.0.0.1:80", "ENETUNREACH"), "offline", "network"),
        (refusal("connect", "10.0.0.1:80", "ECONNREFUSED"), "offline-refuse", "network"),
        (refusal("connect", "10.0.0.1:80", "ECONNREFUSED"), "offline", ""),
        (refusal("connect", "127.0.0.1:80", "ECONNREFUSED"), "offline-refuse", ""),
        (refusal("connect", "10.0.0.1:80", "ENETUNREACH"), "lambda", ""),
        (refusal("look up", "a.b", "ECONNREFUSED"), "offline", "network"),
        (refusal("chmod", "/p/x", "EPERM"), "host:capabilities=none", "capabilities"),
    ],
)
def test_a_refusal_comes_from_what_the_environment_changes(refused: Refusal, profile: str, dimension: str) -> None:
    """By operation, errno and path; what the environment leaves alone isn't blamed."""
    assert of_refusal(refused, Evidence(), setting(profile)) == dimension


@pytest.mark.parametrize(
    ("failure", "profile", "dimension"),
    [
        (os_error("ENOENT", "/home/sbx_user1051/.x"), "lambda", "home"),
        (os_error("ENOENT", "/tmp/prepared/x"), "lambda", "tmp"),
        (os_error("ENOENT", "/tmp/prepared/x"), "offline", ""),
        (os_error("EROFS", ""), "lambda", "root"),
        (os_error("EACCES", "/tmp/tool", "subprocess.py:1"), "container", "tmp_exec"),
        (os_error("EACCES", "/tmp/file"), "container", "root"),
        (os_error("ETIMEDOUT", "", "socket.py:1"), "offline-drop", "network"),
        (os_error("ETIMEDOUT", "", "socket.py:1"), "offline", ""),
        (raised("MemoryError", "Unable to allocate 8 GiB"), "host:memory=1G", "memory"),
        (raised("locale.Error", "unsupported locale setting"), "lambda", "locale"),
        (raised("ValueError", "No username set in the environment"), "container", "user"),
    ],
)
def test_an_exception_comes_from_what_the_environment_changes(failure: Raised, profile: str, dimension: str) -> None:
    """By its errno and path, or by what it says."""
    assert of_exception(failure, evidence(failure), setting(profile)) == dimension


@pytest.mark.parametrize(
    ("message", "profile", "variable"),
    [
        ("'HOME'", "lambda", "HOME"),
        ("'HOME'", "container", ""),
        ("'USER'", "container", "USER"),
        ("'XDG_CACHE_HOME'", "lambda", "XDG_CACHE_HOME"),
        ("'API_URL'", "lambda", ""),
        ("'getpwuid(): uid not found: 1'", "lambda", ""),
    ],
)
def test_a_variable_that_the_environment_removes_is_known(message: str, profile: str, variable: str) -> None:
    """By its name, or a pattern such as XDG_*; a key of some other table isn't one."""
    assert missing_variable(raised("KeyError", message), setting(profile)) == variable
    assert missing_variable(raised("ValueError", message), setting(profile)) == ""
