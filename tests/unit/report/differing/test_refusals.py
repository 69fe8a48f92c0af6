"""Which refusals of two runs are the same."""

from __future__ import annotations

import pytest

from pytest_envguard.model.refusal import Refusal
from pytest_envguard.report.differing.refusals import key


def same(first: str, second: str, operation: str = "open") -> bool:
    """Whether the same operation on two targets is the same."""
    return key(Refusal(operation, first, "EROFS", "lib", "lib.py:1"), "lambda", None) == key(
        Refusal(operation, second, "EROFS", "lib", "lib.py:9", 7, "call"), "lambda", None
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/home/me/.cache/a", "/home/me/.cache/b"),
        ("/home/me/.cache/tmpq1w2e3r4/x", "/home/me/.cache/tmp_9_8_7ab/x"),
        ("/usr/torch_ab12cd34/x", "/usr/torch_zz9_8y7x/x"),
        ("/tmp/matplotlib-abcdefgh/x/y", "/tmp/numba/z"),
        ("/dev/shm/sem.mp-abcdefgh", "/dev/shm/psm_1"),
        ("/x/5f0c2a1e-0000-4000-8000-1234567890ab/f", "/x/6a0c2a1e-1111-4000-8000-1234567890ab/f"),
        ("/x/0123456789abcdef0123/f", "/x/fedcba98765432100123/f"),
        ("/proc/123/mem", "/proc/4567/mem"),
        ("127.0.0.1:41234", "127.0.0.1:51234"),
    ],
)
def test_what_differs_by_chance_is_the_same(first: str, second: str) -> None:
    """Names of temporary files, of processes and of ports that nobody chose."""
    assert same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/home/me/.cache/a", "/home/me/.config/a"),
        ("/tmp/a", "/var/tmp/a"),
        ("10.0.0.1:443", "169.254.169.254:80"),
        ("10.0.0.1:443", "10.0.0.1:5432"),
        ("example.org", "example.com"),
    ],
)
def test_another_place_is_another_refusal(first: str, second: str) -> None:
    """Another folder, host or port."""
    assert not same(first, second)


def test_code_of_the_project_may_move_to_another_file() -> None:
    """Who asks is the project, before and after."""
    here, there = (Refusal("open", "/x/y", "EROFS", "", f"{file}.py:1") for file in "ab")
    assert key(here, "lambda", None) == key(there, "lambda", None)


def test_temporary_names_in_a_process_s_command_line_are_the_same() -> None:
    """Such as a script's that a test wrote."""
    first, second = (
        Refusal("open", "/x/y", "EROFS", "", "", process=f"sh /tmp/pytest-of-me/{name}/run.sh 'a b'")
        for name in ("pytest-1/abc", "pytest-2/def")
    )
    assert key(first, "lambda", None) == key(second, "lambda", None)
