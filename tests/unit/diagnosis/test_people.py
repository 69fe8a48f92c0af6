"""Who did it: the innermost code that isn't Python's own, and who asked in a thread that tells nothing."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.people import People, attributed
from pytest_envguard.diagnosis.ties import PROJECT, author_of
from tests.unit.diagnosis.failures import evidence, os_error, raised, refusal, setting

INSTALLED = setting("offline", "offline", aiohttp="3.9", requests="2.32", tokens="2.0", click="8.1")
THREAD = "/usr/lib/python3.11/socket.py:962"
NO_NAME = raised("aiohttp.ClientConnectorDNSError", "[Temporary failure in name resolution]", "aiohttp/connector.py:9")


@pytest.mark.parametrize(
    ("place", "author"),
    [
        ("test_a.py:3", PROJECT),
        ("/srv/app/a.py:3", PROJECT),
        ("/home/me/venv/lib/python3.11/site-packages/x.py:3", PROJECT),
        (THREAD, ""),
        ("/usr/local/lib/python3.13t/concurrent/futures/thread.py:58", ""),
        ("<frozen importlib._bootstrap>:241", ""),
        ("", ""),
    ],
)
def test_a_line_of_pythons_own_is_nobodys(place: str, author: str) -> None:
    """A thread of an executor begins there."""
    assert author_of(refusal("look up", "b'example.com'", "EAI_AGAIN", place=place)) == author


def test_a_program_and_a_library_are_not_the_project() -> None:
    """Whatever their line."""
    assert author_of(refusal("open", "/x", "EROFS", process="cp a b")) == ""
    assert author_of(refusal("open", "/x", "EROFS", "aiohttp", "aiohttp/a.py:1")) == "aiohttp"


def test_who_asked_in_a_thread_is_who_failed_of_it() -> None:
    """The innermost line of the exception that says the same."""
    asked = refusal("look up", "b'example.com'", "ENETUNREACH", place=THREAD)
    (found,) = attributed([asked], evidence(raised("ValueError", "x", "tokens/a.py:1"), NO_NAME), INSTALLED)
    assert (found.library, found.place) == ("aiohttp", "aiohttp/connector.py:9")
    own = raised("socket.gaierror", "[Errno -3] Temporary failure in name resolution", "socket.py:962")
    (found,) = attributed([asked], evidence(own), INSTALLED)
    assert (found.library, found.place) == ("", "test_a.py:3")


def test_what_nothing_failed_of_stays_nobodys() -> None:
    """Another error, an assertion, or none: nobody is blamed."""
    asked = refusal("look up", "b'example.com'", "ENETUNREACH", place=THREAD)
    vague = raised("AssertionError", "assert 'Temporary failure in name resolution' == ''", "aiohttp/a.py:1")
    for failure in (evidence(), evidence(os_error("EROFS", "/x", "aiohttp/a.py:1")), evidence(vague)):
        assert attributed([asked], failure, INSTALLED) == (asked,)


def test_what_a_framework_calls_is_the_projects_doing() -> None:
    """The project's function stands before the framework's in the traceback."""
    people = People(INSTALLED)
    assert people.author(raised("OSError", "x", "os.py:1", "cli.py:4", "click/core.py:9"))[::2] == ("", "cli.py:4")
    assert people.author(raised("OSError", "x", "os.py:1", "click/core.py:9"))[0] == "click"


def test_who_carries_a_request_acts_for_others() -> None:
    """If it's asked who wanted the answer, and somebody did."""
    people = People(INSTALLED)
    error = raised("ConnectionError", "x", "requests/adapters.py:1", "tokens/load.py:2")
    assert people.author(error) == ("requests", "2.32", "requests/adapters.py:1")
    assert people.author(error, wanted=True) == ("tokens", "2.0", "tokens/load.py:2")
    alone = raised("ConnectionError", "x", "requests/adapters.py:1")
    assert people.author(alone, wanted=True)[0] == "requests"


def test_a_distribution_is_named_as_it_is_installed() -> None:
    """Not as its module is, which metadata would find as well."""
    people = People(setting("lambda", "lambda", requests_cache="1.2"))
    assert people.library("requests_cache") == ("requests-cache", "1.2")
    assert People(INSTALLED).library("unknown_one") == ("unknown_one", "")
