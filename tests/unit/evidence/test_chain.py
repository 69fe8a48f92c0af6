"""What was raised, and what led to it."""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
import urllib.error
from pathlib import Path

import pytest

from pytest_envguard.evidence.chain import raised_of

from .failing import caught


def kinds(error: BaseException) -> list[str]:
    return [one.kind for one in raised_of(error, "")]


def test_causes_and_contexts_follow_what_was_reported() -> None:
    """`raise … from` and what was being handled, but not what `from None` has taken back."""

    def fail(how: str) -> None:
        try:
            os.stat("/nonexistent")
        except OSError as error:
            if how == "cause":
                raise KeyError("x") from error
            if how == "context":
                raise KeyError("x")  # noqa: B904
            raise KeyError("x") from None

    assert kinds(caught(lambda: fail("cause"))) == ["KeyError", "FileNotFoundError"]
    assert kinds(caught(lambda: fail("context"))) == ["KeyError", "FileNotFoundError"]
    assert kinds(caught(lambda: fail("none"))) == ["KeyError"]


def test_exceptions_that_others_carry_are_found() -> None:
    """requests has urllib3's error among its arguments, urllib3 the reason as an attribute; a group has members."""
    inner = urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "again"))
    assert [(one.kind, one.error) for one in raised_of(RuntimeError(inner), "")] == [
        ("RuntimeError", ""),
        ("urllib.error.URLError", ""),
        ("socket.gaierror", "EAI_AGAIN"),
    ]
    group = type("Group", (Exception,), {"exceptions": (KeyError("a"), ValueError("b"))})
    assert kinds(group("two"))[1:] == ["KeyError", "ValueError"]


def test_a_loop_of_causes_ends() -> None:
    """Each exception is told once, and there are at most so many."""
    first, second = KeyError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert kinds(first) == ["KeyError", "ValueError"]
    long: BaseException = OSError()
    for _ in range(100):
        long, long.__cause__ = RuntimeError(), long  # type: ignore[misc]
    for _ in range(100):
        wrapped = RuntimeError()
        wrapped.__cause__ = long
        long = wrapped
    assert len(raised_of(long, "")) == 12


def test_what_pytest_puts_around_an_import_is_taken_off() -> None:
    """Its text would be the cause's again, with the whole traceback."""
    error = pytest.Collector.CollectError("ImportError while importing")
    error.__cause__ = ImportError("no")
    assert kinds(error) == ["ImportError"]
    assert kinds(pytest.Collector.CollectError("no such test")) == ["_pytest.nodes.Collector.CollectError"]


class SilentError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError


class Text(str):
    """A text that isn't plain."""

    __slots__ = ()


class OddError(Exception):
    """Has nothing plain."""

    @property
    def reason(self) -> float:
        """Raise when it is looked at."""
        return 1 / 0

    def __str__(self) -> str:
        return Text("text")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SilentError(), "(no text: RuntimeError)"),
        (OddError(), "text"),
        (OSError("a\udcffb"), "a\\udcffb"),
        (OSError("x" * 1499 + "y" * 9000 + "z" * 500), "x" * 1499 + "…" + "z" * 500),
    ],
)
def test_every_text_can_be_sent(error: Exception, message: str) -> None:
    """One that can't be had, of a class of its own, that no encoding knows, or that is too long."""
    (found,) = raised_of(error, "")
    assert found.message == message
    assert type(found.message) is str
    assert len(found.message) <= 2000


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.EROFS, "no"), "EROFS"),
        (PermissionError(errno.EACCES, "no"), "EACCES"),
        (socket.gaierror(socket.EAI_NONAME, "no"), "EAI_NONAME"),
        (socket.herror(1, "no"), ""),
        (ssl.SSLError(1, "no"), ""),
        (OSError("no"), ""),
        (OSError(99999, "no"), ""),
        (ValueError(30), ""),
    ],
)
def test_only_an_errno_has_an_errnos_name(error: Exception, name: str) -> None:
    """OpenSSL's 1 is not EPERM."""
    assert raised_of(error, "")[0].error == name


@pytest.mark.parametrize(
    ("error", "path"),
    [
        (OSError(errno.EROFS, "no", "/a"), "/a"),
        (OSError(errno.EROFS, "no", b"/a"), "/a"),
        (OSError(errno.EROFS, "no", Path("/a")), "/a"),
        (OSError(errno.EROFS, "no", 3), ""),
        (OSError(errno.EROFS, "no", 3, None, "/b"), "/b"),
        (ImportError("no", name="a", path="/a.so"), "/a.so"),
        (urllib.error.HTTPError("https://a/b", 404, "no", None, None), ""),  # type: ignore[arg-type]
        (SyntaxError("no", ("/a.py", 1, 1, "")), ""),
    ],
)
def test_the_path_is_the_one_that_the_exception_names(error: Exception, path: str) -> None:
    """As text; a descriptor and an address are none."""
    assert raised_of(error, "")[0].path == path


def test_classes_are_named_with_their_bases() -> None:
    """A rule may ask for OSError and means FileNotFoundError too."""
    (found,) = raised_of(json.JSONDecodeError("no", "", 0), "")
    assert found.kind == "json.decoder.JSONDecodeError"
    assert found.bases == ("JSONDecodeError", "ValueError", "Exception", "BaseException")
