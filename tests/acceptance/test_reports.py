"""Reports as files: mistakes are found before the first test, and each is written whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, start

NEVER = """
def test_never_runs():
    pathlib.Path("ran").touch()
"""
SLOW = """
@pytest.mark.parametrize("number", range(40))
def test_slow(number):
    assert number != 1
    open(f"{os.environ['RAN']}/{os.getpid()}-{number}", "w").close()
    time.sleep(0.3)
"""


def write(project: Path, source: str) -> None:
    """Write the test file."""
    (project / "test_it.py").write_text(f"import os, pathlib, time\nimport pytest\n{source}")


@pytest.mark.parametrize(
    ("given", "said", "hint"),
    [
        (
            ["a.jsn"],
            "expected a file whose name ends in .html, .md or .json",
            "did you mean `.json`? known: .html, .json, .md",
        ),
        (
            ["report"],
            "expected a file whose name ends in .html, .md or .json",
            "for example `--envguard-report=envguard.html`",
        ),
        (["no/a.md"], "the folder {project}/no does not exist", "name a file in a folder that exists"),
        (["folder.json"], "is a folder", "name a file in it, such as `folder.json/envguard.html`"),
        (
            ["/proc/a.json"],
            "can't be written: No such file or directory",
            "name a file in a folder that you can write to",
        ),
        (["pipe.json"], "is no regular file", "name a file, or one that doesn't exist yet"),
        (
            ["a.json", "here/a.json"],
            "is the same file as `--envguard-report=a.json`, and one would replace the other",
            "give each report a name of its own",
        ),
    ],
)
def test_a_report_that_cannot_be_written_is_found_before_the_tests(
    project: Path, run: Run, given: list[str], said: str, hint: str
) -> None:
    """By trying it: one error, what to do, exit code 4, and nothing has run or is left behind."""
    write(project, NEVER)
    (project / "folder.json").mkdir()
    (project / "here").symlink_to(".")
    os.mkfifo(project / "pipe.json")
    before = sorted(os.listdir(project))
    result = run("--envguard=host", *(f"--envguard-report={name}" for name in given))
    message = f"ERROR: `--envguard-report={given[-1]}`: {said}\nhint: {hint}\n".format(project=project)
    assert (result.code, result.err.strip()) == (4, message.strip())
    assert sorted(os.listdir(project)) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write into every folder")
def test_a_folder_that_only_others_can_write_to(project: Path, run: Run) -> None:
    """Its permissions are asked for by trying as well."""
    write(project, NEVER)
    (project / "closed").mkdir(mode=0o555)
    result = run("--envguard=host", "--envguard-report=closed/a.json")
    assert result.code == 4 and "can't be written: Permission denied" in result.err and not (project / "ran").exists()


def test_with_a_debugger_there_is_no_report(project: Path, run: Run) -> None:
    """The user learns it before, and not by missing it."""
    write(project, NEVER)
    result = run("--envguard=host", "--envguard-report=a.json", "-s")
    assert result.code == 4 and "`--envguard-report` has nothing to tell with `-s`" in result.err


def interrupted(project: Path, *options: str, by: signal.Signals | None = None) -> tuple[dict[str, Any], str]:
    """Return the report and the output of a run that is ended when some tests have run."""
    seen = project.parent / "ran"
    seen.mkdir(mode=0o777)
    words = ["--envguard=host", "--envguard-report=a.json", "--envguard-report=a.md", "--tb=no", *options]
    (project / "a.json").write_text("former")
    process = start(project, *words, env={**os.environ, "RAN": str(seen), "GITHUB_ACTIONS": ""})
    limit = time.monotonic() + 60
    while by and len(os.listdir(seen)) < 3 and time.monotonic() < limit:
        time.sleep(0.05)
    if by:
        process.send_signal(by)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    left = [name for name in os.listdir(project) if name.endswith(".part")]
    assert not left
    return json.loads((project / "a.json").read_text()), out


@pytest.mark.parametrize(
    ("by", "said"), [(signal.SIGINT, "interrupted by Ctrl-C"), (signal.SIGTERM, "interrupted by SIGTERM")]
)
def test_an_interrupted_run_writes_whole_reports_that_say_so(project: Path, by: signal.Signals, said: str) -> None:
    """On top, with how much of it ran; a test that had only begun is not called passed."""
    write(project, SLOW)
    report, out = interrupted(project, by=by)
    (call,) = report["invocations"]
    assert call["interrupted"].startswith(f"{said}: ") and call["interrupted"].endswith(" of 40 tests ran")
    ran = int(call["interrupted"].removeprefix(f"{said}: ").split()[0])
    assert 2 <= ran < 40 and len(report["tests"]) == ran
    outcomes = {test["nodeid"]: test["outcomes"]["host"] for test in report["tests"]}
    assert outcomes.pop("test_it.py::test_slow[1]") == "failed" and set(outcomes.values()) == {"passed"}
    lines = out.splitlines()
    assert lines[lines.index(next(line for line in lines if " envguard ===" in line)) + 1] == (
        f"not a whole run: {call['interrupted']}"
    )


def test_a_run_that_its_first_failure_ended_says_so(project: Path) -> None:
    """Nobody should take what did not run for passed."""
    write(project, SLOW)
    report, _ = interrupted(project, "-x")
    said = report["invocations"][0]["interrupted"]
    assert said.startswith("stopped after 1 failure, as -x or --maxfail asks for: ")
    top = (project / "a.md").read_text().split("##")[1][:400]
    assert "stopped after 1 failure" in top


BREAKS = """
import os

def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ and "[2]" in report.nodeid:
        raise RuntimeError("a plugin's mistake")
"""


def test_a_run_that_a_plugin_broke_writes_what_it_knows(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the controller leaves no half report and none that looks whole."""
    monkeypatch.setenv("RAN", str(project))
    write(project, SLOW)
    (project / "conftest.py").write_text(BREAKS)
    result = run("--envguard=host", "--envguard-report=a.json")
    assert result.code == 3
    said = json.loads((project / "a.json").read_text())["invocations"][0]["interrupted"]
    assert said.startswith("broken off by an error of pytest or of a plugin: RuntimeError: a plugin's mistake: ")


GONE = """
import shutil

def test_it():
    shutil.rmtree("folder")
"""


def test_a_report_that_is_lost_at_the_end_fails_the_run(project: Path, run: Run) -> None:
    """Said without a traceback; the others are written."""
    write(project, GONE)
    (project / "folder").mkdir()
    result = run("--envguard=host", "--envguard-report=folder/a.json", "--envguard-report=b.json")
    result.check(1, "folder/a.json could not be written: No such file or directory")
    assert "1 passed" in result.out and json.loads((project / "b.json").read_text())["invocations"]


RERUNS = """
import socket

HAS_PYTEST_HANDLECRASHITEM = True
listening = []

def pytest_configure(config):
    if hasattr(config, "workerinput") and HAS_PYTEST_HANDLECRASHITEM:
        socket.create_connection(("127.0.0.1", config.workerinput["port"]))

def pytest_configure_node(node):
    listening.append(socket.create_server(("127.0.0.1", 0)))
    node.workerinput["port"] = listening[-1].getsockname()[1]
"""


def test_pytest_rerunfailures_does_not_end_what_has_no_network(project: Path, run: Run) -> None:
    """Its workers connect to the controller, even if nobody asks for a rerun."""
    write(project, "def test_it():\n    pass\n")
    (project / "pytest_rerunfailures.py").write_text(RERUNS)
    run("-p", "pytest_rerunfailures", "--envguard=offline,host").check(0, "2 passed")


def test_a_whole_run_is_not_called_interrupted(project: Path, run: Run) -> None:
    """All kinds of reports together, each where it was asked for."""
    write(project, "def test_it():\n    pass\n")
    result = run("--envguard=host", "--envguard-report=a.json", "--envguard-report=b.MD", "-q")
    result.check(0, f"report written to {project}/b.MD")
    assert json.loads((project / "a.json").read_text())["invocations"][0]["interrupted"] == ""
    assert "not a whole run" not in result.out
    assert run("--envguard=host", "--envguard-report=a.json", "-qq").out.count("written") == 0


ODD = """
def test_refused():
    try:
        pathlib.Path("/odd\\udcff").touch()
    except OSError:
        pass

def test_fails():
    raise ValueError("\\x1b[31m half \\ud800 of <b>one</b> | \\udcfe")

@pytest.mark.parametrize("text", ["a b", "\\x1b[31m", "ü"])
def test_named(text):
    pathlib.Path(__file__).with_name("x").touch()

@pytest.mark.envguard_budget(load_seconds=0.001)
def test_slow(envguard_measure):
    with envguard_measure.load():
        time.sleep(0.01)
"""


def envguard(project: Path, *words: str) -> str:
    """Return what a command prints that ends with 0."""
    found = subprocess.run(
        [sys.executable, "-m", "pytest_envguard", "report", *words], cwd=project, capture_output=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.decode()


def test_a_report_that_is_read_back_says_what_the_run_said(project: Path, run: Run) -> None:
    """In every form; also where a name's odd byte was refused, which execnet can't send."""
    write(project, ODD)
    asked = [f"--envguard-report=a.{kind}" for kind in ("json", "md", "html")]
    result = run("--envguard=container", "--tb=no", *asked)
    closing = result.out.partition(" envguard ===")[2].partition("report written to")[0].partition("\n")[2]
    assert result.code == 1 and "/odd\\xff" in closing and "half \\ud800 of <b>one</b>" in closing
    assert envguard(project, "show", "a.json").endswith(closing)
    envguard(project, "show", "a.json", "--to", "b.json", "--to", "b.md", "--to", "b.html")
    for kind in ("json", "md", "html"):
        assert (project / f"b.{kind}").read_bytes() == (project / f"a.{kind}").read_bytes()


def test_two_runs_of_one_suite_do_not_differ(project: Path, run: Run) -> None:
    """Temporary names and times are no news; merged they are the run that both were."""
    write(project, ODD)
    for name in ("1.json", "2.json"):
        assert run("--envguard=container", "-k", "refused", f"--envguard-report={name}").code == 0
    assert envguard(project, "diff", "1.json", "2.json") == "not worse: nothing that failed or passed has changed\n"
    envguard(project, "merge", "1.json", "2.json", "--to", "both.json")
    one, both = (json.loads((project / name).read_text()) for name in ("1.json", "both.json"))
    assert [test["outcomes"] for test in both["tests"]] == [test["outcomes"] for test in one["tests"]]


SHARED = """
def test_beside():
    os.mkdir("beside")
    os.rmdir("beside")  # the next run finds the same

def test_silent():
    try:
        os.mkdir("silent")
    except OSError:
        pass
    else:
        os.rmdir("silent")

def test_home():
    assert os.environ["HOME"]
"""


def test_merged_runs_tell_the_same_causes_as_one_run(project: Path, run: Run) -> None:
    """One for what has one reason, with the names of all environments; however many jobs there were."""
    write(project, SHARED)
    for name, asked in (("1", "lambda"), ("2", "container"), ("whole", "lambda,container")):
        assert run(f"--envguard={asked}", f"--envguard-report={name}.json").code == 1
    envguard(project, "merge", "1.json", "2.json", "--to", "both.json")
    whole, both = (json.loads((project / f"{name}.json").read_text())["causes"] for name in ("whole", "both"))
    # Those of as many tests stand in the order in which these ended, which is another one each time.
    assert sorted(both, key=lambda cause: cause["alike"]) == sorted(whole, key=lambda cause: cause["alike"])
    assert any(cause["explanation"].endswith("the root is read-only in lambda and container") for cause in both)
