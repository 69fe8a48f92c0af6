"""What is in the cells, as a user is told of it: advisories, packages that don't fit, cells that can't be had."""

from __future__ import annotations

import json
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Run, write
from tests.advisories import Advisories, Advisory, serving

SIX = "--envguard-versions=six==1.16.0,1.17.0"
PASSING = "def test_it():\n    pass\n"

pytestmark = pytest.mark.usefixtures("cache")
needs_pip_audit = pytest.mark.skipif(
    shutil.which("pip-audit", path=str(Path(sys.executable).parent)) is None, reason="pip-audit is not installed"
)


def say(table: Path, *lines: str) -> None:
    """Add to the project's table."""
    table.write_text("\n".join([table.read_text(), *lines, ""]))


# -- advisories --------------------------------------------------------------------------------------------------------


@pytest.fixture
def service(table: Path) -> Iterator[Advisories]:
    """A service on loopback that knows one advisory, and a project that names it."""
    advisory = Advisory("PYSEC-2026-1", "six", ("1.16.0",), "1.17.0", ("CVE-2026-1",), "Six is five. More text.")
    with serving(advisory) as running:
        say(table, "audit = true", 'audit-service = "osv"', f'audit-url = "{running.url}"')
        yield running


@needs_pip_audit
def test_an_advisory_is_told_with_the_cells_and_the_fix(
    run: Run, project: Path, table: Path, service: Advisories, tmp_path: Path
) -> None:
    """Each cell is audited outside of its environment; the run does not fail unless it's asked to."""
    write(project, PASSING)
    report = tmp_path / "report.json"
    result = run(SIX, "--envguard=offline", f"--envguard-report={report}")
    result.check(0, "advisories: 1 found")
    text = " ".join(result.out.split())
    assert "six 1.16.0: PYSEC-2026-1 (CVE-2026-1), fixed in 1.17.0: Six is five" in text, result
    assert "fixed in six 1.17.0" in text
    assert ("six", "1.16.0") in service.asked
    told = json.loads(report.read_text(encoding="utf-8"))
    assert "PYSEC-2026-1" in json.dumps(told["cells"])


@needs_pip_audit
@pytest.mark.parametrize(("fail", "code"), [("never", 0), ("fixable", 1), ("any", 1)])
def test_what_fails_the_run_is_the_projects_choice(
    run: Run, project: Path, service: Advisories, fail: str, code: int
) -> None:
    """Tests that pass don't hide it, neither in the terminal nor in reports: those who read junit would see green."""
    say(project / "pyproject.toml", f'audit-fail = "{fail}"')
    write(project, PASSING)
    result = run(SIX, "--junitxml=junit.xml", "--envguard-report=report.md")
    result.check(code, "2 passed")
    assert (f'the run fails because of (audit-fail = "{fail}"):' in result.out) is bool(code)
    assert "six 1.17.0: no known vulnerabilities in 8 packages" in result.out, result
    cases = ET.parse(project / "junit.xml").getroot().iter("testcase")
    red = [(case.get("classname"), case.get("name")) for case in cases if case.find("failure") is not None]
    assert red == [("envguard.packages", "six 1.16.0: PYSEC-2026-1 (CVE-2026-1)")] * code
    headline = (project / "report.md").read_text().partition("\n")[0]
    assert headline.endswith("2 environments: none fails" + "; packages make the run fail" * code)


@needs_pip_audit
def test_an_ignored_advisory_is_told_with_its_reason(run: Run, project: Path, table: Path, service: Advisories) -> None:
    """It fails nothing; one whose last day is over does."""
    entry = '[[tool.envguard.audit-ignore]]\nid = "CVE-2026-1"\nreason = "nobody counts"\nuntil = {}'
    say(table, 'audit-fail = "any"', entry.format("2999-01-01"))
    write(project, PASSING)
    run(SIX).check(0, "PYSEC-2026-1 ignored until 2999-01-01: nobody counts")
    table.write_text(table.read_text().replace("2999-01-01", "2020-01-01"))
    result = run(SIX)
    result.check(1, "CVE-2026-1 is no longer ignored since 2020-01-01: nobody counts")


@needs_pip_audit
def test_what_nobody_could_audit_is_not_clean(run: Run, project: Path, table: Path) -> None:
    """Without the service it says so, and with `any` the run fails."""
    say(table, "audit = true", 'audit-service = "osv"', 'audit-url = "http://127.0.0.1:9"', 'audit-fail = "any"')
    write(project, PASSING)
    result = run(SIX)
    result.check(1, "not audited: OSV at http://127.0.0.1:9/v1/query could not be reached")
    assert "o known vulnerabilities" not in result.out


@needs_pip_audit
def test_the_running_environment_is_audited_where_no_versions_are_asked_for(
    run: Run, project: Path, table: Path, service: Advisories
) -> None:
    """The closing table is the one without versions."""
    write(project, "def test_it():\n    open('here', 'w')\n")
    result = run("--envguard=readonly_root", "--envguard-audit")
    result.check(1, "test                 readonly_root  host")
    assert "advisories:" in result.out
    assert any(name == "pytest" for name, _ in service.asked)


# -- preflight ---------------------------------------------------------------------------------------------------------


def test_packages_that_a_platform_does_not_take_are_told_before_the_suite(run: Run, project: Path, table: Path) -> None:
    """With the largest ones; `preflight = "fail"` ends the run there."""
    say(table, "[tool.envguard.profiles.tiny]", 'inherits = "lambda"', 'package_size = "10k"')
    write(project, PASSING)
    result = run("--envguard=tiny", "--envguard-versions=six==1.17.0")
    result.check(0, "packages: 1 finding")
    assert "tiny: the packages take 0" in result.out, result
    assert "the largest (MB): six 0" in result.out
    table.write_text(table.read_text().replace("install = []", 'install = []\npreflight = "fail"'))
    result = run("--envguard=tiny", "--envguard-versions=six==1.17.0")
    assert result.code == 4, result
    assert "six1.17.0: the packages take 0" in result.err


# -- cells that can't be had -------------------------------------------------------------------------------------------


def test_an_index_that_cannot_be_reached_fails_the_run(
    run: Run, project: Path, table: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It isn't a contradiction of versions, and nothing is green."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(tmp_path / "cells"))
    write(project, PASSING)
    result = run("--envguard-versions=six==1.17.0")
    assert result.code == 4, result
    assert "127.0.0.1:9" in result.err + result.out
    assert "not resolvable" not in result.out + result.err


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('install = ["-r requirements/none.txt"]', "requirements/none.txt"),
        ('install = [".[test]"]', "install"),
        ('preflight = "never"', "preflight"),
        ("audits = true", "did you mean `audit`?"),
        ("[tool.envguard.versions.old]\nsix = []", "no version is named"),
        ('[tool.envguard.versions.old]\nsix = ["1.16"]\nexclude = [{six = "1.16"}]', "exclude"),
    ],
)
def test_a_mistake_in_the_projects_table(run: Run, project: Path, table: Path, setting: str, said: str) -> None:
    """One clear error, exit code 4, nothing built."""
    text = table.read_text()
    table.write_text(text.replace("install = []", setting) if setting.startswith("install") else f"{text}{setting}\n")
    write(project, PASSING)
    result = run("--envguard-versions=old" if "old" in setting else SIX)
    assert (result.code, "Traceback" in result.err + result.out) == (4, False), result
    assert said in result.err, result
    assert "ready" not in result.out


def test_too_many_cells_ask_for_a_covering_array(run: Run, project: Path, table: Path) -> None:
    """GitHub's limit of 256 jobs in a matrix holds for everybody."""
    versions = ",".join(f"1.{minor}.0" for minor in range(17))
    write(project, PASSING)
    result = run(*(f"--envguard-versions={name}=={versions}" for name in ("six", "iniconfig")))
    assert (result.code, "289" in result.err, "17 × 17" in result.err) == (4, True, True), result


@pytest.mark.parametrize("option", ["--envguard-report=x.json", "--envguard-audit", "--envguard-hosts=popen"])
def test_options_that_would_do_nothing_alone(run: Run, project: Path, option: str) -> None:
    """They need environments or versions."""
    write(project, PASSING)
    result = run(option)
    assert (result.code, "none were asked for" in result.err) == (4, True), result


@pytest.mark.parametrize(("file", "said"), [("r.pdf", "ends in .html"), ("no/such/r.json", "does not exist")])
def test_a_report_that_cannot_be_written_is_refused_before_the_tests(
    run: Run, project: Path, file: str, said: str
) -> None:
    """Nothing is lost at the end."""
    write(project, PASSING)
    result = run("--envguard=host", f"--envguard-report={file}")
    assert (result.code, said in result.err) == (4, True), result


# -- GitHub Actions ----------------------------------------------------------------------------------------------------


def test_github_gets_a_summary_and_annotations(
    run: Run, project: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both by cause; what an earlier step has written to the summary stays."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write(project, "import six\ndef test_it():\n    assert six.__version__ == '1.17.0'\n")
    result = run(SIX)
    (annotation,) = (line for line in result.out.splitlines() if line.startswith("::error"))
    assert annotation.startswith("::error file=test_it.py,line=5,title=fails with six 1.16.0"), result
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n\n\n## envguard: ")
    assert "1.16.0" in text
