"""Who sets which environment variable."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from pytest_envguard.evidence import overwriting
from pytest_envguard.evidence.overwriting import overwritten
from pytest_envguard.model.evidence import Overwritten

from .failing import Load


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit hook that begins with nothing noted; it stays, as they all do."""
    overwriting.begin()
    monkeypatch.setattr(overwriting, "_set", {})
    monkeypatch.setattr(overwriting, "_first", dict(os.environ))


SETS = "import os\ndef work(value='/site/x'):\n    os.environ['EV_CACHE'] = value\n"


@pytest.mark.usefixtures("listening")
def test_a_library_that_sets_a_variable_is_named(load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With file and line, what it set and what was there before it came, however often it sets it."""
    monkeypatch.setenv("EV_CACHE", "/mine")
    library = load("overwriter", SETS, library=True)
    library.work("/first")
    library.work()
    library.work()
    found = overwritten(str(tmp_path))
    assert [one for one in found if one.library] == [
        Overwritten("EV_CACHE", "/site/x", "/mine", "overwriter", "overwriter.py:3")
    ]


@pytest.mark.usefixtures("listening")
def test_a_library_counts_also_where_its_value_was_inherited(load: Load, tmp_path: Path) -> None:
    """A conftest that imports it sets the variable in the process that starts this one."""
    library = load("overwriter", SETS, library=True)
    with mock.patch.dict(os.environ, {"EV_CACHE": "/site/x"}):
        library.work()
        found = overwritten(str(tmp_path))
        assert [one for one in found if one.library] == [
            Overwritten("EV_CACHE", "/site/x", "/site/x", "overwriter", "overwriter.py:3")
        ]


@pytest.mark.usefixtures("listening")
def test_the_project_is_named_while_its_value_holds(load: Load, tmp_path: Path) -> None:
    """A test's `monkeypatch` acts for the test; what was put back was not overwritten."""
    test = load("test_it", f"{SETS}\ndef test_a(monkeypatch):\n    monkeypatch.setenv('EV_CACHE', '/tests')\n")
    with pytest.MonkeyPatch.context() as patch:
        test.test_a(patch)
        assert overwritten(str(tmp_path)) == (Overwritten("EV_CACHE", "/tests", None, "", "test_it.py:6"),)
    assert overwritten(str(tmp_path)) == ()
    with mock.patch.dict(os.environ):
        test.work()
        assert overwritten(str(tmp_path)) == (Overwritten("EV_CACHE", "/site/x", None, "", "test_it.py:3"),)
    assert overwritten(str(tmp_path)) == ()


@pytest.mark.usefixtures("listening")
def test_what_a_library_put_back_was_not_overwritten(load: Load, tmp_path: Path) -> None:
    """numpy sets a variable while it is imported, and deletes it."""
    load("overwriter", SETS + "work()\ndel os.environ['EV_CACHE']\n", library=True)
    assert overwritten(str(tmp_path)) == ()


@pytest.mark.usefixtures("listening")
def test_a_secret_that_is_set_has_no_value(load: Load, tmp_path: Path) -> None:
    """That it was set may explain a failure; what to is nobody's business."""
    library = load("overwriter", SETS.replace("EV_CACHE", "EV_TOKEN"), library=True)
    with mock.patch.dict(os.environ, {"EV_TOKEN": "before"}):
        library.work()
        assert overwritten(str(tmp_path)) == (Overwritten("EV_TOKEN", "", "", "overwriter", "overwriter.py:3"),)


@pytest.mark.usefixtures("listening")
def test_pytest_itself_overwrites_nothing(tmp_path: Path) -> None:
    """Its own variables come and go with every test."""
    os.environ["PYTEST_CURRENT_TEST"] = "another"
    assert overwritten(str(tmp_path)) == ()
