"""The example shows what its README says: ten tests in environments of their own, four of them red."""

from __future__ import annotations

import errno
import importlib.util
import re

import pytest

from .conftest import EXAMPLES, Report, expected, run_example

EXAMPLE = "pinned-tests"
PINNED = expected(EXAMPLE)["pinned"]
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("tiktoken", "transformers", "pyfakefs")),
    reason="needs tiktoken, transformers and pyfakefs: run `tox -e examples`",
)


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "workers"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Run the example without any option of the plugin, in one process and with xdist's workers."""
    return run_example(EXAMPLE, tmp_path_factory.mktemp("example"), *request.param)


def test_the_red_ones_fail_and_all_others_pass(report: Report) -> None:
    """The failing tests, their exception classes, errnos and paths are those that the kernel gave."""
    failed = {case.test: case.failure for case in report.cases if case.failure}

    assert report.code == 1
    assert set(failed) == {case["test"] for case in PINNED if case["outcome"] == "red"}, report.output
    for case in PINNED:
        if case["outcome"] == "red":
            text = failed[case["test"]]
            assert case["exception"] in text
            assert case["text"] in text
            assert "errno" not in case or f"[Errno {getattr(errno, case['errno'])}]" in text


def test_each_of_the_ten_runs(report: Report) -> None:
    """A green test is one that ran, in each of its environments."""
    names = [f"{case['test']}{copy}" for case in PINNED for copy in _copies(case)]

    assert len(PINNED) == 10
    assert set(names) <= {case.test for case in report.cases}
    assert len(report.cases) == len({case.test for case in report.cases}) == 26
    assert "EnvguardWarning" not in report.output


def _copies(case: dict[str, list[str]]) -> list[str]:
    return [f"[{name}]" for name in case.get("copies", [])] or [""]


def test_the_readme_s_table_is_the_data() -> None:
    """Each of the ten stands in the table with its outcome, exception and errno."""
    readme = (EXAMPLES / EXAMPLE / "README.md").read_text()
    rows = dict(re.findall(r"^\| `(test_.*?)` \| .*? \| (.*?) \| .*? \|$", readme, re.MULTILINE))

    assert rows.keys() == {case["test"].removeprefix("tests/") for case in PINNED}
    for case in PINNED:
        words = rows[case["test"].removeprefix("tests/")]
        assert words.strip("*").startswith(case["outcome"])
        if "errno" in case:
            assert words == f"**red**, `{case['exception']}`, {case['errno']}"


def test_the_readme_s_output_is_that_of_a_run(report: Report) -> None:
    """It names the tests that fail, their exceptions, and how many pass."""
    (shown,) = re.findall(
        r"```\n(=+ test session starts =+\n.*?)```", (EXAMPLES / EXAMPLE / "README.md").read_text(), re.DOTALL
    )
    failed = re.findall(r"^FAILED (\S+) - (\w+): ", shown, re.MULTILINE)

    assert {test for test, _ in failed} == {case.test for case in report.cases if case.failure}
    assert dict(failed) == {case["test"]: case["exception"] for case in PINNED if case["outcome"] == "red"}
    (summary,) = re.findall(r"\d+ failed, \d+ passed", shown)
    assert summary in report.output
