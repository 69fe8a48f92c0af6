"""Which paths mean which where the project is shown elsewhere."""

from __future__ import annotations

import pytest

from pytest_envguard.model.relocation import Move

MOVE = Move(("/home/me/link", "/home/me/project"), "/var/task", ("/home/me/project/.venv",))


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/home/me/project", "/var/task"),
        ("/home/me/project/src", "/var/task/src"),
        ("/home/me/link/src", "/var/task/src"),
        ("/home/me/project/.venv/bin", "/home/me/project/.venv/bin"),
        ("/home/me/project/.venvs", "/var/task/.venvs"),
        ("/home/me/project2", "/home/me/project2"),
        ("/home/me", "/home/me"),
        ("project/src", "project/src"),
        ("", ""),
    ],
)
def test_what_lies_in_the_project_is_called_otherwise_inside(path: str, inside: str) -> None:
    """But not what keeps its place, and not what lies elsewhere."""
    assert MOVE.path(path) == inside
    assert MOVE.moves(path) == (path != inside)


def test_the_way_back_is_the_name_that_the_user_has_for_the_project() -> None:
    """Which may be a link."""
    assert MOVE.back("/var/task/a.py") == "/home/me/link/a.py"
    assert MOVE.back("/var/tasks/a.py") == "/var/tasks/a.py"


@pytest.mark.parametrize(
    ("word", "inside"),
    [
        (
            "/home/me/project/tests/test_a.py::test_b[/home/me/project]",
            "/var/task/tests/test_a.py::test_b[/home/me/project]",
        ),
        ("--rootdir=/home/me/project", "--rootdir=/var/task"),
        ("cache_dir=/home/me/project/c", "cache_dir=/var/task/c"),
        ("--cov=src", "--cov=src"),
        ("-k", "-k"),
        ("tests", "tests"),
    ],
)
def test_words_of_a_command_line(word: str, inside: str) -> None:
    """The path in a word is the one inside, and what stands around it stays."""
    assert MOVE.word(word) == inside


def test_variables_of_the_run_are_moved_and_no_others() -> None:
    """A variable of the project's own shows what is hard-coded, so it stays."""
    environ = {
        "PYTHONPATH": "/opt/lib:/home/me/project/src:",
        "PATH": "/usr/bin:/home/me/project/.venv/bin:/home/me/project/bin",
        "PWD": "/home/me/project",
        "PYTEST_ADDOPTS": "-q --rootdir=/home/me/project",
        "MODEL_PATH": "/home/me/project/models",
        "HOME": "/home/me",
    }
    assert MOVE.variables(environ) == {
        "PYTHONPATH": "/opt/lib:/var/task/src:",
        "PATH": "/usr/bin:/home/me/project/.venv/bin:/var/task/bin",
        "PWD": "/var/task",
        "PYTEST_ADDOPTS": "-q --rootdir=/var/task",
    }
    assert MOVE.variables({}) == {}


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("/home/me/project/src\n", "/var/task/src\n"),
        ("MAPPING = {'app': '/home/me/project/src/app'}", "MAPPING = {'app': '/var/task/src/app'}"),
        ('{"url": "file:///home/me/project"}', '{"url": "file:///var/task"}'),
        ("/home/me/project-old and /x/home/me/project", "/home/me/project-old and /x/home/me/project"),
        ("/home/me/project/.venv/lib and /home/me/project/lib", "/home/me/project/.venv/lib and /var/task/lib"),
    ],
)
def test_texts_that_name_the_project(text: str, inside: str) -> None:
    """Of an editable installation, say: only whole names count."""
    assert MOVE.text(text) == inside


def test_a_text_that_names_only_another_folder_names_nothing() -> None:
    """A folder whose name begins or ends like the project's."""
    assert MOVE.named_in("/home/me/project/src")
    assert not MOVE.named_in("/home/me/projects and /srv/home/me/project")


def test_it_travels_in_a_script() -> None:
    """As plain lists, and a script without one moves nothing."""
    again = Move.of({"moved": MOVE.sendable()})
    assert again is not None and again.sendable() == MOVE.sendable()
    assert Move.of({}) is None
