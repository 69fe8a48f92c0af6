"""`envguard report`: what it prints and writes, how it ends, and what it makes of files that are no reports."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_envguard.cli import main
from pytest_envguard.report.document.writing import document, dumps
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.pages import EROFS, LAMBDA, PASSED, run
from tests.unit.report.whole import WHOLE, crossed, plain

GREEN = summarise([LAMBDA], [run("lambda", a=PASSED)], None)
RED = summarise([LAMBDA], [run("lambda", a=EROFS)], None)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with some reports, without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for name, summary in {"green": GREEN, "red": RED, **{name: make() for name, make in WHOLE.items()}}.items():
        (tmp_path / f"{name}.json").write_text(dumps(summary))
    return tmp_path


def error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one error of a call that is to fail."""
    assert main(["report", *words]) == 4
    out, err = capsys.readouterr()
    assert out == "" and err.count("error: ") == 1
    return err.removeprefix("error: ").rstrip()


@pytest.mark.parametrize("name", WHOLE)
def test_json_that_is_shown_as_json_is_the_same(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And so is what is written with --to."""
    assert main(["report", "show", f"{name}.json", "--to", "other.json", "--format", "json"]) == 0
    assert capsys.readouterr().out == Path("other.json").read_text() == Path(f"{name}.json").read_text()


@pytest.mark.parametrize("make", [plain, crossed])
def test_every_form_is_what_the_run_itself_would_have_written(
    make: Callable[[], Summary], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is lost in the JSON."""
    from pytest_envguard.report import files

    summary = make()
    Path("a.json").write_text(dumps(summary))
    assert main(["report", "show", "a.json", "--to", "a.md", "--to", "a.html"]) == 0
    assert capsys.readouterr().out == ""
    for kind in (".md", ".html"):
        assert Path(f"a{kind}").read_text() == files.text(summary, kind)


def test_a_difference_ends_with_1_where_it_is_worse(capsys: pytest.CaptureFixture[str]) -> None:
    """As a gate wants it."""
    assert main(["report", "diff", "green.json", "red.json", "-q"]) == 1
    assert capsys.readouterr().out == "worse: 1 newly failing\n"
    assert main(["report", "diff", "red.json", "green.json", "-q"]) == 0
    assert capsys.readouterr().out == "not worse: 1 fixed\n"
    assert main(["report", "diff", "green.json", "red.json", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["newly_failing"][0]["subject"] == "tests/a.py::a"


def test_runs_that_can_not_be_compared_end_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    """Which is neither better nor worse."""
    assert "the runs have no environment in common" in error(capsys, "diff", "green.json", "crossed.json")


def test_a_file_given_twice_is_no_comparison(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Nor a merge, under whatever name."""
    (folder / "link.json").symlink_to("red.json")
    assert error(capsys, "merge", "red.json", "link.json").startswith("link.json is given twice")
    assert error(capsys, "diff", "-", "-").startswith("- is given twice")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xff\xfe{\x00}\x00", "is written in UTF-16, reports are in UTF-8"),
        (b'{"a": "\xff"}', "is no JSON report: byte 7 is not UTF-8"),
        (b"<html>" * 20000, "is no JSON report: it doesn't begin with an object"),
        (b"[1]", "is JSON, but no report of pytest-envguard"),
        (b'{"a": NaN}', "is not JSON, which has no number NaN"),
        (b'{"a": ' + b"1" * 5000 + b"}", "is no report: it has a number of thousands of digits"),
        (b'{"a":' * 100_000, "is no report: its lists lie too deep in each other"),
        (b'{"a": tr', "is not whole: it ends in line 1"),
        (b'{"a": 1\n, "b', "is not whole: it ends in line 2"),
        (b'{"a": 1}}', "is not JSON: line 1, column 9: Extra data"),
        (
            json.dumps({"schema": 2, "tool": {"name": "pytest-envguard", "version": "\x1b[31m9"}}).encode(),
            "was written by pytest-envguard \\x1b[31m9 with schema 2",
        ),
    ],
)
def test_what_is_no_report_is_one_error(content: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what it is instead."""
    Path("bad.json").write_bytes(content)
    assert error(capsys, "show", "bad.json").startswith(f"bad.json {said}")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gren.json", "gren.json can't be read: No such file or directory\nhint: did you mean `green.json`?"),
        (".", ". can't be read: Is a directory\nhint: name a file in it: crossed.json, green.json"),
        ("/dev/zero", "/dev/zero is no JSON report: it doesn't begin with an object"),
    ],
)
def test_what_can_not_be_read_is_one_error(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what may have been meant; a file without an end isn't read to its end."""
    assert error(capsys, "show", name).startswith(said)


def test_a_report_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also with a byte order mark; where it's closed that is said."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + dumps(RED).encode())))
    assert main(["report", "show", "-", "-q"]) == 0
    assert "tests/a.py::a" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", None)
    assert error(capsys, "show", "-").startswith("standard input is closed")


def test_targets_are_tried_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in the last word costs nothing."""
    assert "`--to=a.txt`: expected a file whose name ends in" in error(capsys, "merge", "nope.json", "--to", "a.txt")


def test_merged_reports_are_written_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Notes go to standard error, as long as nothing is printed that has them."""
    Path("again.json").write_text(dumps(RED))
    assert main(["report", "merge", "red.json", "again.json", "--to", "one.json"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "note: lambda ran more than once, with the same outcomes: red.json and again.json\nreport written to one.json\n"
    )
    assert json.loads(Path("one.json").read_text())["tests"] == json.loads(json.dumps(document(RED)))["tests"]


def ended(*words: str, stdout: int) -> tuple[int, str]:
    """Return how a call in a process of its own ended, and what it said."""
    program = [sys.executable, "-m", "pytest_envguard", "report", *words]
    found = subprocess.run(program, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    return found.returncode, found.stderr


def test_who_reads_the_beginning_only_does_not_change_how_it_ends() -> None:
    """`envguard report diff … | head -1` with pipefail."""
    reader, writer = os.pipe()
    os.close(reader)
    assert ended("diff", "green.json", "red.json", stdout=writer) == (1, "")
    os.close(writer)


def test_a_full_disk_is_one_error() -> None:
    """And isn't taken for a run that is worse."""
    with Path("/dev/full").open("w") as full:
        code, said = ended("diff", "green.json", "red.json", stdout=full.fileno())
    assert (code, said) == (4, "error: standard output can't be written: No space left on device\n")


def test_without_standard_output_it_ends_as_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`>&-` closes it."""
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["report", "diff", "green.json", "red.json"]) == 1
    assert main(["report", "show", "plain.json"]) == 0


def test_the_schema_is_printed_as_it_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, and nothing else."""
    assert main(["report", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:pytest-envguard:report:1"
