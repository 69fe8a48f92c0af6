"""A cold start's result as text, and what makes its check fail."""

from __future__ import annotations

import pytest

from pytest_envguard.cold import ColdStart, ColdStartFailed
from pytest_envguard.cold.result import Limit
from pytest_envguard.model.refusal import Refusal, grouped

WELL = ColdStart("import app", "lambda", seconds=1.25, peak_memory=50 << 20, exit=0, ending="exit code 0")
TRACEBACK = 'Traceback (most recent call last):\n  File "<cold_start>", line 1, in <module>\nValueError: no\n'
WRITE = Refusal("open", "/app/x", "EROFS", "litellm", "/site/litellm/a.py:3")


def failure(result: ColdStart) -> list[str]:
    """Return the lines that the check of ``result`` fails with."""
    with pytest.raises(ColdStartFailed) as caught:
        result.check()
    return str(caught.value).splitlines()


def test_a_result_that_is_well_is_returned() -> None:
    """`check()` can be followed by a field, with or without a limit, refusals or not."""
    for result in (WELL, WELL._replace(limit=Limit("init", 1.25)), WELL._replace(refusals=(WRITE,))):
        assert result.check() is result


def test_an_assertion_shows_one_line() -> None:
    """What pytest shows of a result is short, whatever it holds."""
    assert repr(WELL) == "<ColdStart 'import app' in lambda: exit code 0, 1.25 s, peak memory 50 MiB>"
    assert repr(WELL._replace(code="\nx = 1\ny = 2\n", output="x" * 9999)).startswith("<ColdStart 'x = 1 …' in lambda")
    assert len(repr(WELL._replace(code="x" * 9999))) < 150


def test_a_late_result_fails() -> None:
    """The time that was allowed and taken stand first, then the figures, and that memory was not limited."""
    assert failure(WELL._replace(seconds=10.5, limit=Limit("init", 10))) == [
        "`import app` in lambda: took 10.50 s, longer than the 10 s that are allowed",
        (
            "10.50 s, peak memory 50 MiB; allowed: init, 10 s (no memory size was given, so memory was not limited: "
            '`memory="1024M"` does)'
        ),
    ]


def test_a_late_and_broken_result_says_both() -> None:
    """An exit code does not hide that the time was exceeded too."""
    broken = WELL._replace(exit=3, ending="exit code 3", seconds=2.0, limit=Limit("", 1.5))
    assert failure(broken) == [
        "`import app` in lambda: exit code 3; took 2.00 s, longer than the 1.5 s that are allowed",
        "2.00 s, peak memory 50 MiB; allowed: 1.5 s",
    ]


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit("init", 10.0, 128 << 20), "init, 10 s and 128 MiB"),
        (Limit("", 0.5), "0.5 s"),
        (Limit("", 0.5, 128 << 20), "0.5 s and 128 MiB"),
    ],
)
def test_limits(limit: Limit, text: str) -> None:
    """Seconds that the test itself gives say nothing about a deployment's memory."""
    assert str(limit) == text


def test_a_failure_has_the_traceback_once() -> None:
    """The interpreter prints the traceback to standard error as well: only what stands before it is added."""
    errors = f"warming up\n{TRACEBACK}"
    result = WELL._replace(exit=1, ending="raised ValueError: no", traceback=TRACEBACK, errors=errors)
    assert failure(result) == [
        "`import app` in lambda: raised ValueError: no",
        *TRACEBACK.splitlines(),
        "1.25 s, peak memory 50 MiB",
        "standard error ends with:",
        "  warming up",
    ]


def test_a_chain_of_errors_is_shown_once() -> None:
    """Each error of a chain has a traceback of its own in standard error."""
    chain = f"{TRACEBACK}\nDuring handling of the above exception, another exception occurred:\n\n{TRACEBACK}"
    result = WELL._replace(exit=1, ending="raised ValueError: no", traceback=chain, errors="first\n" + chain)
    assert failure(result)[-2:] == ["standard error ends with:", "  first"]


def test_a_failure_is_of_bounded_length() -> None:
    """Of standard error the last 20 lines are shown, of refusals the first 10."""
    refusals = tuple(WRITE._replace(target=f"/{number}") for number in range(12))
    lines = failure(WELL._replace(exit=1, errors="\n".join(map(str, range(100))), refusals=refusals))
    assert lines[2:5] == [
        "refused:",
        "  open /0: EROFS (litellm, /site/litellm/a.py:3)",
        "  open /1: EROFS (litellm, /site/litellm/a.py:3)",
    ]
    assert lines[13:16] == ["  … and 2 more", "standard error ends with:", "  80"]
    assert len(lines) == 35


def test_refusals_are_grouped() -> None:
    """The same refusal is listed once with how often it happened, in the order of its first time."""
    other = Refusal("os.fork", "", "EAGAIN", "", "<cold_start>:1")
    assert grouped([WRITE, other, WRITE, WRITE._replace(times=2)]) == (WRITE._replace(times=4), other)
    assert str(WRITE._replace(times=4)) == "open /app/x: EROFS (litellm, /site/litellm/a.py:3), 4 times"
    assert str(other) == "os.fork: EAGAIN (<cold_start>:1)"
