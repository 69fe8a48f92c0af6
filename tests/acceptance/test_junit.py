"""junit files of real runs: environments stand apart for those who read them, and Jenkins accepts them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from tests import junit_rules
from tests.acceptance.conftest import Run, write

HOSTILE = """
@pytest.mark.parametrize("x", ["</testcase>", "]]>", "\\x1b[31m\\x00", "\\udce9", "a @offline", "&lt;", "::", "a/b.py", "x" * 300])
def test_odd(x, record_property):
    record_property("envguard", "offline")
    print("]]>", "\\x1b[2J", x.encode("utf-8", "backslashreplace"))
    assert "]]>\\x07" not in x, f"]]> \\x1b[31m {x!r}"

@pytest.fixture
def breaks():
    yield
    raise ValueError("teardown </error>")

class TestGroup:
    def test_twice(self, breaks):
        pathlib.Path("out.txt").write_text("")

@pytest.mark.skip(reason="not <now>")
def test_skipped():
    pass

def test_died():
    os.kill(os.getpid(), 9)
"""


def _cases(suite: ET.Element) -> list[tuple[str, str]]:
    return [(case.get("classname", ""), case.get("name", "")) for case in suite.iter("testcase")]


def test_environments_stand_apart_whatever_tests_are_called(project: Path, run: Run) -> None:
    """Each has a suite; each of its cases begins with its name, and no test gets into another's."""
    write(project, HOSTILE)

    result = run(
        "--envguard=lambda,offline", "--junitxml=junit.xml", "-o", "junit_logging=all", "--envguard-baseline=never"
    )

    root = ET.parse(project / "junit.xml").getroot()
    assert [suite.get("name") for suite in root] == ["pytest lambda", "pytest offline"], result
    for suite, environment in zip(root, ("lambda", "offline"), strict=True):
        cases = _cases(suite)
        assert {classname.partition(".")[0] for classname, _ in cases} == {environment}
        assert (f"{environment}.test_it.TestGroup", "test_twice") in cases
        assert (f"{environment}.test_it", "test_odd[a @offline]") in cases
        assert (f"{environment}.test_it", "test_died") in cases
        assert suite.get("tests") == str(len(cases))
        assert suite.get("skipped") == "1"
        known = {one.get("name"): one.get("value") for one in suite.iterfind("properties/property")}
        assert known["envguard"] == known["envguard_profile"] == environment
    # GitLab takes the first of those with the same suite, class name and name; older readers the same name in a suite.
    cases = [(str(suite.get("name")), *case) for suite in root for case in _cases(suite)]
    again = ("pytest lambda", "lambda.test_it.TestGroup", "test_twice")
    assert [case for case in set(cases) if cases.count(case) > 1] == [again]  # it fails, and its teardown as well
    assert len({case[1:] for case in cases}) == len(set(cases))
    assert [suite.get("errors") for suite in root] == ["2", "2"]  # the same teardown, and the test that died
    assert [suite.get("failures") for suite in root] == ["1", "0"]


def test_jenkins_accepts_the_file(project: Path, run: Run) -> None:
    """Its xUnit plugin refuses files with anything that its schema doesn't know."""
    write(
        project,
        """
def test_writes():
    pathlib.Path("out.txt").write_text("")

def test_swallows():
    try:
        pathlib.Path("kept.txt").write_text("")
    except OSError:
        pass

@pytest.mark.envguard_budget(load_seconds=60)
def test_measured(envguard_measure):
    with envguard_measure.load():
        pass
""",
    )

    result = run("--envguard=lambda,container", "--junitxml=junit.xml", "--envguard-report=report.md")

    assert junit_rules.broken(project / "junit.xml") == [], result
    outputs = {
        (case.get("classname"), case.get("name")): case.findtext("system-out", "")
        for case in ET.parse(project / "junit.xml").iter("testcase")
    }
    assert "/kept.txt: EROFS (test_it.py:9)\n" in outputs["lambda.test_it", "test_swallows"]
    assert "envguard: measured: load_seconds " in outputs["container.test_it", "test_measured"]
    assert "| `test_it.py::test_measured` | container | `load_seconds` |" in (project / "report.md").read_text()


def test_the_older_form_has_properties_files_and_lines(project: Path, run: Run) -> None:
    """`junit_family=xunit1`, for readers that want a case's properties."""
    write(project, "def test_writes():\n    pathlib.Path('out.txt').write_text('')\n")

    run("--envguard=lambda", "--junitxml=junit.xml", "-o", "junit_family=xunit1")

    (case,) = ET.parse(project / "junit.xml").iter("testcase")
    assert (case.get("file"), case.get("line"), case.get("classname")) == ("test_it.py", "2", "lambda.test_it")
    told = [(one.get("name"), one.get("value", "")) for one in case.iter("property")]
    assert told[0] == ("envguard", "lambda")
    assert [name for name, _ in told] == ["envguard", "envguard_enforced", "envguard_refused"]
    assert case.find("system-out") is None


def test_figures_of_a_plain_run_are_output_as_well(project: Path, run: Run) -> None:
    """Without environments the suite is pytest's own."""
    write(
        project,
        """
@pytest.mark.envguard_budget(load_seconds=60)
def test_measured(envguard_measure):
    with envguard_measure.load():
        pass
""",
    )
    result = run("--junitxml=junit.xml", "-q", "-q")
    assert junit_rules.broken(project / "junit.xml") == [], result
    (suite,) = ET.parse(project / "junit.xml").getroot()
    assert suite.get("name") == "pytest"
    assert suite.findtext("testcase/system-out", "").startswith("envguard: measured: load_seconds ")


def test_a_file_that_cannot_be_collected_is_its_environment_s_error(project: Path, run: Run) -> None:
    (project / "test_it.py").write_text("import nothing_of_this_name\n")

    run("--envguard=lambda,offline", "--junitxml=junit.xml")

    root = ET.parse(project / "junit.xml").getroot()
    assert [(suite.get("name"), suite.get("errors")) for suite in root] == [
        ("pytest lambda", "1"),
        ("pytest offline", "1"),
    ]
    assert [_cases(suite) for suite in root] == [[("lambda.test_it", "test_it")], [("offline.test_it", "test_it")]]
    assert junit_rules.broken(project / "junit.xml") == []
