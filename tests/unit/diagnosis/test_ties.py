"""Which refusal has to do with which exception; what rules make of it is `test_matching`'s."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.ties import (
    Ties,
    agrees,
    error_of,
    host_of,
    is_noexec,
    is_same_path,
    is_standard,
    is_timeout,
    mapped_path,
    path_of,
    printed,
)
from pytest_envguard.model.evidence import Evidence, Frame, Raised
from tests.unit.diagnosis.failures import evidence, os_error, raised, refusal


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("[Errno 30] Read-only file system: 'x'", "EROFS"),
        ("InternalError: Read-only file system (os error 30)", "EROFS"),
        ("can't write: Read-only file system", "EROFS"),
        ("dd: No space left on device", "ENOSPC"),
        ("<urlopen error [Errno 101] Network is unreachable>", "ENETUNREACH"),
        ("[Errno -3] Temporary failure in name resolution", "EAI_AGAIN"),
        ("getaddrinfo failed", "EAI_AGAIN"),
        ("error 30 of something", ""),
        ("[Errno 99999]", ""),
        ("", ""),
    ],
)
def test_an_errno_is_found_in_a_text(message: str, error: str) -> None:
    """By its number as Python and Rust write it, or in the system's words."""
    assert error_of(raised("RuntimeError", message)) == error


def test_an_errno_of_its_own_goes_first() -> None:
    """A text may tell another one, of what it caught."""
    assert error_of(raised("OSError", "[Errno 30]", error="EACCES")) == "EACCES"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/p/a", "/p/a", True),
        ("a", "/p/a", True),
        ("./a", "/p/a", True),
        ("b/a", "/p/b/a", True),
        ("/a", "/p/a", False),
        ("a", "/p/ba", False),
        ("", "/p/a", False),
    ],
)
def test_a_relative_path_may_be_the_same_file(one: str, other: str, same: bool) -> None:
    """Whichever of the two it is."""
    assert is_same_path(one, other) is same
    assert is_same_path(other, one) is same


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("1.1.1.1:80", "1.1.1.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("example.com", "example.com"),
        ("b'example.com'", "example.com"),
        ("/tmp/a:b", "/tmp/a:b"),
    ],
)
def test_a_host_is_told_without_its_port(target: str, host: str) -> None:
    """As an exception names it."""
    assert host_of(target) == host


def test_errors_agree_or_contradict_or_are_not_told() -> None:
    """A mapping is refused with EPERM, and its exception has only a text; names fail by the packets that ask for them."""
    write = refusal("open", "/a", "EROFS")
    assert agrees(os_error("EROFS", "/b"), write) is True
    assert agrees(os_error("EACCES", "/a"), write) is False
    assert agrees(raised("ValueError", "x"), write) is None
    unmapped = raised("ImportError", "/a.so: failed to map segment from shared object")
    assert agrees(unmapped, refusal("map executable", "/a.so", "EPERM")) is True
    no_name = raised("socket.gaierror", "[Errno -3] Temporary failure in name resolution")
    assert agrees(no_name, refusal("look up", "a.b", "ENETUNREACH")) is True
    assert agrees(no_name, refusal("connect", "10.0.0.1:53", "ENETUNREACH")) is True
    assert agrees(no_name, refusal("connect", "10.0.0.1:80", "ENETUNREACH")) is False
    assert agrees(os_error("ENETUNREACH", ""), refusal("connect", "10.0.0.1:80", "ENETUNREACH")) is True


def test_refusals_of_the_outermost_exception_come_first() -> None:
    """Of each the last one first."""
    inner, outer = os_error("EROFS", "/x/inner"), os_error("EACCES", "/x/outer")
    first, second = refusal("open", "/x/inner", "EROFS"), refusal("open", "/x/outer", "EACCES")
    ties = Ties(evidence(outer, inner), [first, second])
    assert ties.tied == (second, first)
    assert (ties.exception(first), ties.exception(second)) == (1, 0)
    assert ties.exception(refusal("open", "/elsewhere/file", "EPERM")) is None


def test_a_rename_may_name_either_of_two_files() -> None:
    """The exception names the first, the system refused the second; of another call it would be another file."""
    failed = os_error("EROFS", "/tmp/a")
    assert Ties(evidence(failed), [refusal("rename", "/p/b", "EROFS")]).tied
    assert not Ties(evidence(failed), [refusal("open", "/p/b", "EROFS")]).tied


def test_the_last_refusal_is_one_of_the_phase_that_failed() -> None:
    """Neither of an import before, nor of what was tidied up after."""
    phases = [refusal("open", f"/{name}", "EROFS", phase=name) for name in ("import", "setup", "call", "teardown")]
    assert Ties(evidence(raised("ValueError", "x")), phases).last() == phases[2]
    imported = Raised("ValueError", ("ValueError",), "x", "", "", (Frame("a", "a.py:1", "<module>"),))
    assert Ties(evidence(imported), phases[:1]).last() == phases[0]
    assert Ties(evidence(raised("ValueError", "x")), phases[:1]).last() is None


def test_the_same_line_ties_only_what_tells_no_other_error() -> None:
    """Nor where the exception says another reason without an errno."""
    write = refusal("open", "/p/app.db", "EROFS")
    assert Ties(evidence(raised("sqlite3.OperationalError", "unable to open database file")), [write]).tied
    assert not Ties(evidence(os_error("ENOSPC", "")), [write]).tied
    assert not Ties(evidence(raised("RuntimeError", "Could not determine home directory.")), [write]).tied
    assert not Ties(evidence(raised("Failed", "Timeout (>1.0s) from pytest-timeout.")), [write]).tied


@pytest.mark.parametrize(
    ("failure", "slow"),
    [
        (raised("Failed", "Timeout (>10.0s) from pytest-timeout."), True),
        (raised("TimeoutError", ""), True),
        (raised("httpx.ConnectTimeout", ""), True),
        (raised("ValueError", "the request timed out"), True),
        (raised("ValueError", "timeout must be a number"), False),
        (os_error("EROFS", "/timeouts"), False),
    ],
)
def test_what_took_too_long_is_known_by_class_or_text(failure: Raised, slow: bool) -> None:
    """Not by the mere word."""
    assert is_timeout(failure) is slow


def test_a_mount_without_execution_is_that_of_the_path() -> None:
    """Without a path any that was measured."""
    measured = evidence(facts=[("noexec", "/tmp"), ("address space", "1")])
    assert is_noexec(measured, "/tmp/a/b.so")
    assert is_noexec(measured, "")
    assert not is_noexec(measured, "/tmpfs/b.so")
    assert not is_noexec(Evidence(), "")


def test_the_file_that_could_not_be_mapped_is_in_the_text() -> None:
    """With or without words of the C library in front."""
    tail = ": failed to map segment from shared object"
    assert mapped_path(raised("ImportError", f"/tmp/a b/x.so{tail}")) == "/tmp/a b/x.so"
    assert mapped_path(raised("OSError", f"cannot load library '/tmp/x.so': /tmp/x.so{tail}")) == "/tmp/x.so"
    assert mapped_path(raised("ImportError", "/tmp/x.so: no such file")) == ""


def test_the_standard_library_acts_for_others() -> None:
    """So does what runs the tests."""
    assert is_standard(Frame("multiprocessing.context", "/usr/lib/python3.11/multiprocessing/context.py:1", "f"))
    assert is_standard(Frame("_pytest.python", "_pytest/python.py:1", "f"))
    assert not is_standard(Frame("tiktoken.load", "tiktoken/load.py:1", "f"))
    assert not is_standard(Frame("", "<string>:1", "<module>"))


@pytest.mark.parametrize(
    ("message", "error", "path"),
    [
        ('[Errno 30] Cache directory "~/.x" does not exist and could not be created', "EROFS", "~/.x"),
        (
            "[Errno 13] Permission denied: '/nonexistent' | Pooch could not create '/nonexistent/.cache'",
            "EACCES",
            "/nonexistent",
        ),
        ("[Errno 30] Cache directory 'results' does not exist", "EROFS", ""),
        ("[Errno 101] Network is unreachable: '/x'", "", ""),
        ("can't find '/x'", "", ""),
        ("/tmp/x.so: failed to map segment from shared object", "", "/tmp/x.so"),
    ],
)
def test_the_path_of_an_error_may_stand_in_its_text(message: str, error: str, path: str) -> None:
    """Of one that was raised again with other words; only where an errno of files is told."""
    assert path_of(raised("OSError", message, error=error)) == path
    assert path_of(raised("OSError", message, error=error, path="/own")) == "/own"


CHILD = raised("subprocess.CalledProcessError", "Command 'x' returned non-zero exit status 2.")


@pytest.mark.parametrize(
    ("output", "error", "path", "message"),
    [
        ("/bin/sh: 1: cannot create ~/.run: Directory nonexistent", "ENOENT", "~/.run", "cannot create"),
        ("cp: cannot create regular file '/p/x': Read-only file system\n", "EROFS", "/p/x", "cp:"),
        ("Traceback:\n  File 'a'\nKeyError: 'getpwuid(): uid not found: 993'\n", "", "", "'getpwuid(): uid"),
        ("RuntimeError: Could not determine home directory.", "", "", "Could not determine"),
        ("OSError: [Errno 30] Read-only file system: '/a'\nmake: *** Error 1", "EROFS", "/a", "[Errno 30]"),
    ],
)
def test_what_a_program_said_last_counts_as_its_error(output: str, error: str, path: str, message: str) -> None:
    """The last line with an errno, or with which a traceback ends."""
    said = printed(CHILD, output)
    assert said is not None
    assert (said.error, said.path) == (error, path)
    assert message in said.message


def test_what_was_printed_is_no_error_of_what_tells_its_own() -> None:
    """Only an exit status calls for it; and a program may say nothing of the kind."""
    assert printed(CHILD, "all is well") is None
    wrong = raised("AssertionError", "assert 1 == 2")
    assert printed(wrong, "matplotlib: '/x': Read-only file system") is None
    full = printed(wrong, "head: error writing 'standard output': No space left on device\nand more")
    assert full is not None
    assert full.error == "ENOSPC"
    assert printed(raised("ValueError", "wrong"), "cp: '/x': Read-only file system") is None
    assert printed(os_error("EROFS", "/x"), "cp: '/x': Permission denied") is None
