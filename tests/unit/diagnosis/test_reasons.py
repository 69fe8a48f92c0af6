"""From an error to the dimension of the environment that it comes from; sentences about it are `test_mechanical`'s."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.reasons import (
    asked_variables,
    asks_for_home,
    missing_variable,
    of_exception,
    of_question,
    of_refusal,
)
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


@pytest.mark.parametrize(
    ("text", "profile", "dimension"),
    [
        ("assert os.getuid() == 0", "lambda", "uid"),
        ("assert os.getuid() == 0", "offline", ""),
        ("assert 993 == 0\n +  where 993 = <built-in function getuid>()", "lambda", "uid"),
        ("name = getpass.getuser()", "openshift", ""),
        ("name = getpass.getuser()", "container", "user"),
        ("assert os.access(script, os.X_OK)", "noexec_tmp", "tmp_exec"),
        ("assert shutil.which('x', path=folder)", "noexec_tmp", "tmp_exec"),
        ("assert os.access(script, os.X_OK)", "lambda", ""),
        ("assert os.access('.', os.W_OK)", "lambda", "root"),
        ("assert compileall.compile_dir('app')", "lambda", "root"),
        ("resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 4000", "lambda", "open_files"),
        ("resource.getrlimit(resource.RLIMIT_NPROC)", "lambda", "processes"),
        ("os.environ.get('USER', os.environ.get('HOME'))", "lambda", "env"),
        ("os.environ['TERM'] == 'dumb'", "lambda", "env"),
        ("'HOME' in os.environ", "lambda", "home"),
        ("os.path.expandvars('$HOME/.netrc')", "container", "home"),
        ("os.getenv('AWS_REGION')", "lambda", "env"),
        ("os.environ.get('MY_OWN')", "lambda", ""),
        ("Path.home() / '.x'", "container", "home"),
        ("subprocess.run('cat ~/.x', shell=True)", "container", "home"),
        ("subprocess.run(['git', 'describe'])", "lambda", "uid"),
        ("settings.get('HOME')", "lambda", ""),
        ("where None = get('TERM')\n where get = environ({'HOME': '/', 'TZ': 'x'}).get", "container", "env"),
        ("assert None\n where get = environ({'HOME': '/', 'TZ': 'x'}).get", "container", ""),
        ("assert 1 == 2", "lambda", ""),
    ],
)
def test_what_code_asks_for_counts_where_the_environment_changes_it(text: str, profile: str, dimension: str) -> None:
    """As it's written, and as pytest shows it; a dump of all variables says nothing."""
    assert of_question(text, setting(profile)) == dimension


def test_variables_are_found_in_their_order() -> None:
    """Only of the environment: a table has keys of the same names."""
    text = "os.environ['A'] or os.getenv('B') or os.environ.get('C') or 'D' not in os.environ or expandvars('${E}/x')"
    assert asked_variables(text) == ["A", "B", "C", "D", "E"]
    assert asked_variables("settings['A']") == []


def test_who_asks_for_the_home_asks_by_name_or_by_variable() -> None:
    """And not who has a variable of another name."""
    assert asks_for_home("os.path.expanduser('~/x')")
    assert asks_for_home("os.environ['HOME']")
    assert not asks_for_home("os.environ['HF_HOME']")
