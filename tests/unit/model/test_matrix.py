"""Where environments lie on the axes of a run."""

from __future__ import annotations

from pytest_envguard.model.cell import Cell, NotReady, Ready
from pytest_envguard.model.matrix import Matrix

OLD = Cell((("python", "3.11"), ("litellm", "1.53.9")))
NEW = Cell((("python", "3.11"), ("litellm", "1.75.5")))
BUILT = Ready(OLD, "/cache/ab12", "/cache/ab12/bin/python", "/usr", (), "3.11.7", {}, "2026-11-20")
LOST = NotReady(NEW, "not resolvable", "because")
PLACED = Matrix(
    ("environment", "python", "litellm"),
    {
        "lambda-py311-litellm1.53.9": ("lambda", "3.11", "1.53.9"),
        "offline-py311-litellm1.53.9": ("offline", "3.11", "1.53.9"),
        "lambda-py311-litellm1.75.5": ("lambda", "3.11", "1.75.5"),
    },
    {
        "lambda-py311-litellm1.53.9": BUILT,
        "offline-py311-litellm1.53.9": BUILT,
        "lambda-py311-litellm1.75.5": LOST,
    },
)
HERE = Matrix(("litellm",), {"litellm1.53.9": ("1.53.9",)}, {"litellm1.53.9": BUILT})


def test_profile_and_versions() -> None:
    """An environment has a profile, where profiles are an axis, and versions."""
    assert PLACED.version_axes == ("python", "litellm")
    assert (PLACED.profile("lambda-py311-litellm1.53.9"), HERE.profile("litellm1.53.9")) == ("lambda", "")
    assert PLACED.versions("lambda-py311-litellm1.53.9") == ("3.11", "1.53.9")
    assert HERE.versions("litellm1.53.9") == ("1.53.9",)


def test_the_same_versions_on_the_host() -> None:
    """Only the profile is another one."""
    assert PLACED.on_host("offline-py311-litellm1.53.9") == ("host", "3.11", "1.53.9")


def test_cells() -> None:
    """A cell has several environments; one of them stands for it."""
    assert PLACED.by_cell() == {
        "py311-litellm1.53.9": "lambda-py311-litellm1.53.9",
        "py311-litellm1.75.5": "lambda-py311-litellm1.75.5",
    }
    assert PLACED.not_ready() == {"lambda-py311-litellm1.75.5": LOST}


def test_texts_that_differ_only_in_where_they_were_said() -> None:
    """The cell's folder and addresses in memory say nothing."""
    said = "<Thing at 0x7f01ab> in /cache/ab12/lib/thing.py"
    assert PLACED.plain("lambda-py311-litellm1.53.9", said) == "<Thing at 0x> in <cell>/lib/thing.py"
    assert PLACED.plain("lambda-py311-litellm1.75.5", "in /cache/ab12") == "in /cache/ab12"
    assert PLACED.plain("elsewhere", "as it is") == "as it is"
