"""The example shows what its README says: the seeds' failures, only where they belong."""

from __future__ import annotations

import errno
import importlib.util
import re

import pytest

from .conftest import Report, expected, run_example

EXAMPLE = "token-counter"
ENVIRONMENTS = ("lambda", "container", "offline")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="needs litellm and transformers: run `tox -e examples`"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Run the example once."""
    return run_example(EXAMPLE, tmp_path_factory.mktemp("example"), f"--envguard={','.join(ENVIRONMENTS)}")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_shows_exactly_its_own_failures(report: Report, environment: str) -> None:
    """The failing tests, their exception classes, errnos and paths are those that the kernel gave."""
    cases = expected(EXAMPLE)[environment]
    failed = {case.test: case.failure for case in report.cases if case.environment == environment and case.failure}

    assert report.code == 1
    assert set(failed) == {case["test"] for case in cases}
    for case in cases:
        text = failed[case["test"]]
        assert case["exception"] in text
        assert case["text"] in text
        if "errno" in case:
            assert f"[Errno {getattr(errno, case['errno'])}]" in text


def test_nothing_of_it_is_blamed_on_the_application(report: Report) -> None:
    """Every failure is one that the host does not have."""
    assert "fails everywhere" not in report.output
    assert re.search(r"^fails only in lambda and container: 3 tests$", report.output, re.MULTILINE)
