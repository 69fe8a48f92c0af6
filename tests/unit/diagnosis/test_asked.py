"""What failing code asks of the machine, by its source: the statement first, then what stands behind it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from pytest_envguard.diagnosis.asked import code_of, no_source, source_in


def code(text: str, marked: str) -> tuple[str, ...]:
    """Return what the line with ``marked`` depends on, of a file with this text."""
    source = dedent(text)
    line = next(number for number, one in enumerate(source.splitlines(), 1) if marked in one)
    return code_of(f"tests/test_a.py:{line}", lambda file: source if file == "tests/test_a.py" else "")


def test_the_failing_statement_comes_first() -> None:
    """With no more than itself, however many lines it takes."""
    first, *_ = code("def test_a():\n    x = 1\n    assert (\n        os.getuid()\n        == 0\n    )\n", "== 0")
    assert first == "assert os.getuid() == 0"


def test_a_name_stands_for_what_it_was_made_of() -> None:
    """Whichever of several assignments it was: in branches, handlers and loops, and before the function."""
    text = """
    DEFAULT = os.environ.get("USER")

    def test_a():
        try:
            name = getpass.getuser()
        except KeyError:
            name = DEFAULT
        assert name, "an author"
        name = "later"
    """
    first, second, third, *_ = code(text, "an author")
    assert "getuser" not in first
    assert "getpass.getuser()" in second
    assert "later" not in second
    assert "os.environ.get('USER')" in third


def test_fixtures_functions_and_methods_of_the_file_stand_behind_their_names() -> None:
    """And commands that are called by a text."""
    text = """
    @pytest.fixture
    def script(tmp_path):
        (tmp_path / "x").write_text("#!/bin/sh")
        return tmp_path / "x"

    class Store:
        def __init__(self):
            self.place = Path.home()

        def load(self):
            return shutil.disk_usage("/")

    def login():
        print(os.cpu_count())

    def test_a(script):
        assert run(script) == Store().load(), invoke(["login"])
    """
    _, behind, *_ = code(text, "assert run")
    for word in ("#!/bin/sh", "Path.home()", "disk_usage", "cpu_count"):
        assert word in behind


def test_the_condition_of_a_raise_belongs_to_it() -> None:
    """And what was tried before an error was raised again in other words."""
    text = """
    def need_root():
        if os.getuid() != 0:
            raise RuntimeError("not allowed")

    def author():
        try:
            return getpass.getuser()
        except KeyError:
            raise ValueError("no author")
    """
    assert "os.getuid() != 0" in code(text, "not allowed")[0]
    assert "getpass.getuser()" in code(text, "no author")[0]


def test_the_rest_of_the_function_comes_last_and_ends_at_the_line() -> None:
    """What comes later has not been run."""
    text = """
    def test_a(tmp_path):
        hook.write_text("#!/bin/sh")
        assert (tmp_path / "x").exists()
        os.getuid()
    """
    *_, last = code(text, "assert")
    assert "#!/bin/sh" in last
    assert "getuid" not in last


@pytest.mark.parametrize("text", ["def test_a(:\n", "", "x = (\n"])
def test_what_is_no_python_tells_nothing(text: str) -> None:
    """A file may have changed since."""
    assert code_of("a.py:1", lambda _file: text) == ()


@pytest.mark.parametrize("place", ["", "a.py", "a.py:x", "a.py:99"])
def test_a_place_that_is_not_there_tells_nothing(place: str) -> None:
    """As of code that was made while the program ran."""
    assert code_of(place, lambda _file: "x = 1\n") == ()
    assert code_of("a.py:1", no_source) == ()


def test_functions_that_call_each_other_come_to_an_end() -> None:
    """Each is looked at once."""
    levels = code("def f():\n    return g()\ndef g():\n    return f()\ndef test_a():\n    assert f()\n", "assert")
    assert len(levels) <= 5


def test_files_are_read_from_the_projects_folder_once(tmp_path: Path) -> None:
    """One that can't be read is empty."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_bytes(b"\xff\xfe")
    source = source_in(tmp_path)
    assert source("a.py") == "x = 1\n"
    (tmp_path / "a.py").write_text("x = 2\n")
    assert source("a.py") == "x = 1\n"
    assert (source("b.py"), source("c.py"), source("")) == ("", "", "")
