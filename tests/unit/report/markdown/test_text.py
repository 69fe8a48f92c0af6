"""The Markdown file: the same story as the job's summary, whole."""

from __future__ import annotations

from pytest_envguard.model.budget import OVER, SECONDS, WITHIN, Figure
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Trial
from pytest_envguard.model.verdict import Broken, Outcome
from pytest_envguard.report.markdown.github import job_summary
from pytest_envguard.report.markdown.text import markdown_text
from pytest_envguard.report.summary import Invocation, Summary, summarise
from tests.unit.report.markdown.test_github import large, versions
from tests.unit.report.pages import CONTAINER, EROFS, HOST, LAMBDA, PASSED, Happened, matrix_run, run
from tests.unit.report.terminal.test_closing import page


def one_failure() -> Summary:
    """Return a run with a test that fails in lambda only."""
    return summarise([LAMBDA], [run("lambda", test_a=EROFS, test_b=PASSED)], run("host", test_a=PASSED))


def test_a_file_and_a_job_s_summary_tell_the_same_story() -> None:
    """As long as nothing is left out."""
    for summary in (one_failure(), versions()):
        assert markdown_text(summary) == job_summary(summary)


def test_nothing_is_left_out_of_a_file() -> None:
    """Whatever its size; long tables are folded."""
    text = markdown_text(large())
    assert len(text.encode()) > 900_000
    assert "Not told in full" not in text
    assert "<details><summary><b>Tests that fail somewhere</b>: 801 rows</summary>" in text
    assert text.count("| `tests/") == 801


def test_a_file_can_become_a_job_s_summary() -> None:
    """GitHub drops what is larger: of tests without end some are told, with their messages, and that it isn't all."""
    failed = {f"test_{number}": Outcome("failed", f"{number} " * 900) for number in range(3_000)}
    text = markdown_text(summarise([LAMBDA], [run("lambda", **failed)], run("host", **dict.fromkeys(failed, PASSED))))
    assert len(text.encode()) <= 1_048_576
    assert "\n- _and 2744 more tests_\n" in text
    assert "<details><summary><b>Tests that fail somewhere</b>: 3000 rows</summary>" in text
    assert (
        "_Not told in full, because a job summary has a limit of size: tests of “fails only in lambda”; JSON and"
        in text
    )


def test_of_reasons_without_end_some_are_told() -> None:
    """The first, one line each, and how many more there are."""
    names = [f"test_{number}" for number in range(2_000)]
    failed = run("lambda", **{name: Outcome("failed", "no") for name in names})
    causes = tuple(
        Cause(Diagnosis(f"{name} could not write {'x' * 900}"), {"lambda": (f"tests/{name}.py::{name}",)})
        for name in names
    )
    text = markdown_text(summarise([LAMBDA], [failed], None)._replace(causes=causes))
    assert len(text.encode()) <= 1_048_576
    assert "test\\_255 could not write" in text and "test\\_256 could not" not in text
    assert "\n- _and 1744 more reasons_\n" in text


def test_tests_that_end_differently_come_first_in_the_table() -> None:
    """What fails everywhere comes last, and what was on the host has a column."""
    here = run("lambda", test_a=EROFS, test_b=EROFS, test_c=Outcome("error", "x"))
    there = run("container", test_a=EROFS, test_b=PASSED, test_c=EROFS)
    text = markdown_text(summarise([LAMBDA, CONTAINER], [here, there], run("host", test_a=EROFS, test_c=PASSED)))
    assert page(
        """
        | test | lambda | container | host |
        | --- | --- | --- | --- |
        | `tests/test_b.py::test_b` | **FAILS** | passes | - |
        | `tests/test_c.py::test_c` | **ERROR** | **FAILS** | passes |
        | `tests/test_a.py::test_a` | **FAILS** | **FAILS** | **FAILS** |
        """
    ) in (text)


MANY = tuple(f"1.{n}" for n in range(30))


def test_environments_in_which_all_tests_end_alike_share_a_column() -> None:
    """As long as it has a plain name: what is left of them has others, in the order of the environments."""
    sample = matrix_run({"six": MANY}, lambda _, versions: {"t": EROFS if versions["six"] == "1.3" else PASSED})
    assert page(
        """
        | test | six 1.0 to 1.2 or 1.4 to 1.29 | six 1.3 |
        | --- | --- | --- |
        | `tests/t.py::t` | passes | **FAILS** |
        """
    ) in (markdown_text(sample.summary()))

    def cornered(profile: str, versions: dict[str, str]) -> Happened:
        return {"t": EROFS if profile == "lambda" and versions["six"] == "1.1" else PASSED}

    text = markdown_text(matrix_run({"six": ("1.1", "1.2")}, cornered, (CONTAINER, LAMBDA)).summary())
    assert "\n| test | container | lambda, six 1.1 | lambda, six 1.2 |\n" in text
    assert "\n| `tests/t.py::t` | passes | **FAILS** | passes |\n" in text
    everywhere = matrix_run({"six": ("1.1", "1.2")}, lambda *_: {"t": EROFS}).summary()
    assert "\n| test | every environment |\n" in markdown_text(everywhere)
    alone = matrix_run({"six": ("1.1",)}, lambda *_: {"t": EROFS}).summary()
    assert "\n| test | six1.1 |\n" in markdown_text(alone)


def test_more_columns_than_one_can_look_at_are_no_table_of_tests() -> None:
    """The tests are listed below, with where they fail."""

    def scattered(_: str, versions: dict[str, str]) -> Happened:
        number = int(versions["six"].partition(".")[2])
        return {f"t{bit}": EROFS if number >> bit & 1 else PASSED for bit in range(5)}

    text = markdown_text(matrix_run({"six": MANY}, scattered).summary())
    assert "| test |" not in text
    assert "<b>fails with six 1.1, 1.3, 1.5, " in text
    plans = [LAMBDA._replace(name=f"p{number}") for number in range(30)]
    assert "| test |" not in markdown_text(summarise(plans, [run(plan.name, t=EROFS) for plan in plans], None))


def test_tests_of_a_group_that_say_the_same_are_told_together() -> None:
    """Their names stand in lines of one item; another message has an item of its own."""
    here = run("lambda", test_a=EROFS, test_b=Outcome("failed", "x"), test_c=EROFS)
    passed = run("host", test_a=PASSED, test_b=PASSED, test_c=PASSED)
    assert page(
        """
        <details><summary><b>fails only in lambda</b>: 3 tests</summary>

        - `tests/test_a.py::test_a`\\
          `tests/test_c.py::test_c`
          - `OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'`
        - `tests/test_b.py::test_b`
          - `x`

        </details>
        """
    ) in markdown_text(summarise([LAMBDA], [here], passed))


def test_a_run_that_was_interrupted_says_so_on_top() -> None:
    """And why it fails besides, notes of the report itself, and what wasn't listed."""
    summary = one_failure()
    summary.runs[0].unwatched = "no <filter>"
    called = Invocation(interrupted="interrupted by Ctrl-C", failing=("not audited: no <network>",))
    told = summary._replace(invocations=(called,), notes=("merged *of* 2",))
    assert markdown_text(told).splitlines()[:7] == [
        "## envguard: 1 of 2 tests fails in lambda, where the host passes; packages make the run fail; not the whole run",
        "",
        "**Not the whole run: interrupted by Ctrl-C**",
        "",
        "- the run fails because of: not audited: no &lt;network&gt;",
        "- lambda: what was refused is not listed: no &lt;filter&gt;",
        r"- merged \*of\* 2",
    ]


def test_environments_that_were_stopped_for_the_same_reason_are_told_together() -> None:
    plans = [LAMBDA, CONTAINER]
    runs = [run("lambda"), run("container")]
    for one in runs:
        one.broken = Broken(("no worker", "of #12"))
    assert "- **lambda, container** was stopped: no worker; of `#12`\n" in markdown_text(summarise(plans, runs, None))


def test_figures_stand_beside_their_budgets_those_over_it_first() -> None:
    summary = one_failure()
    kept = Figure("load_seconds", SECONDS, 0.5, 1.0, WITHIN, 0.4, 0.6, "5 times")
    over = Figure("encode_p99", SECONDS, 0.02, 0.01, OVER)
    free = Figure("x|y", SECONDS, None)
    summary.runs[0].figures = {"t.py::a": (kept, free), "t.py::b": (over,)}
    assert page(
        r"""
        <details><summary><b>Measured</b>: 3 figures, 1 not kept</summary>


        | test | environment | figure | measured | budget |  | how |
        | --- | --- | --- | --- | --- | --- | --- |
        | `t.py::b` | lambda | `encode_p99` | 20 ms | 10 ms | **over** |  |
        | `t.py::a` | lambda | `load_seconds` | 500 ms | 1 s | within | between 400 ms and 600 ms; 5 times |
        | `t.py::a` | lambda | `x\|y` | - | - |  |  |


        </details>
        """
    ) in markdown_text(summary)


def test_why_and_what_helps_in_each_form_that_can_be_pasted() -> None:
    """A job's summary has the first of them; what was lost silently has a section of its own."""
    remedy = Remedy("a folder", {"HF_HOME": "/tmp/hf"})
    trial = Trial("lambda", (remedy,), passed=("tests/test_a.py::test_a",))
    where = {"lambda": ("tests/test_a.py::test_a",)}
    loud = Cause(Diagnosis("it writes to @home", "lib", rule="lib/home", remedies=(remedy,)), where, trials=(trial,))
    silent = Cause(Diagnosis("no cache", "lib", rule="lib/cache"), {"lambda": ("a", "b")}, silent=True)
    summary = one_failure()._replace(causes=(loud, silent))
    text = markdown_text(summary)
    why, _, lost = text.partition("### Why")[2].partition("### Lost silently")
    assert why.startswith(
        "\n\n- it writes to `@home`\n  - `tests/test_a.py::test_a`\n  - tried in lambda: 1 of 1 passes"
    )
    assert "\n  - HF\\_HOME=/tmp/hf, ready to paste for " in why  # and not below another item
    assert why.count("HF_HOME=/tmp/hf\n    ```\n") >= 1
    assert "    <details><summary><b>the same for " in why
    assert "    dockerfile:\n" in why
    assert "\n- no cache\n  - 2 tests, such as `a`\n" in lost
    assert "dockerfile:" not in job_summary(summary)


def test_a_name_that_is_endless_is_cut() -> None:
    """In tables sooner than elsewhere."""
    long = "x" * 100_000
    text = markdown_text(summarise([LAMBDA], [run("lambda", **{long: EROFS})], None))
    assert len(text) < 20_000
    assert max(map(len, (line for line in text.splitlines() if line.startswith("| `tests/")))) < 600


def test_a_message_that_is_missing_or_endless() -> None:
    """The first is said, the second cut."""
    here = run("lambda", test_a=Outcome("failed", ""), test_b=Outcome("failed", "x" * 1_000_000))
    text = markdown_text(summarise([LAMBDA], [here], None))
    assert "- `tests/test_a.py::test_a`\n  - no message\n" in text
    assert len(text) < 20_000


def test_what_was_refused_while_files_were_imported() -> None:
    """Is told with the file, or for none where it came before the first."""
    here = run("lambda", test_a=PASSED)
    for nodeid, path in (("test_a.py", "/x"), ("", "/y")):
        here.refused(nodeid, [["open", path, "EROFS", "lib", "lib.py:3", 1, "import", ""]])
    text = markdown_text(summarise([LAMBDA, HOST], [here, run("host", test_a=PASSED)], None))
    assert "- lambda: `open /x: EROFS (lib, lib.py:3)`: while `test_a.py` was imported\n" in text
    assert "- lambda: `open /y: EROFS (lib, lib.py:3)`: before the first test file\n" in text


def test_of_thousands_of_tests_each_has_its_row() -> None:
    """A file has no limit."""

    def happened(profile: str, versions: dict[str, str]) -> Happened:
        bad = profile == "lambda" and versions["six"] in ("1.1", "1.2")
        return {f"test_{n}": EROFS if bad and n % 5 == 0 else PASSED for n in range(2000)}

    summary = matrix_run({"six": ("1.1", "1.2", "1.3")}, happened, (LAMBDA, CONTAINER)).summary()
    text = markdown_text(summary)
    assert "| test | lambda, six 1.1 or 1.2 | lambda, six 1.3 | container |" in text
    assert text.count("| **FAILS** | passes | passes |") == 400
