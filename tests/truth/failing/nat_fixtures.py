# case: nat_fixtures
# packages: stdlib
# shows: the write that is refused lies in a fixture, in its teardown, in a setUpClass or in a parametrized test
# conditions: roroot lambdapw
# cause.*: library=- dimension=root
import pathlib
import shutil
import unittest

import pytest


@pytest.fixture
def settings():
    path = pathlib.Path("settings.ini")
    path.write_text("[a]\n")
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def workspace():
    pathlib.Path("workspace").mkdir()
    yield pathlib.Path("workspace")
    shutil.rmtree("workspace")


@pytest.fixture
def report():
    yield "totals"
    pathlib.Path("report.txt").write_text("totals")


def test_settings(settings):
    assert settings.exists()


def test_workspace(workspace):
    assert workspace.is_dir()


def test_workspace_again(workspace):
    assert workspace.is_dir()


def test_report(report):
    assert report


@pytest.mark.parametrize("name", ["one", "two"])
def test_each(name):
    pathlib.Path(f"{name}.out").write_text(name)


class TestUnittest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path("unit")
        cls.folder.mkdir()

    @classmethod
    def tearDownClass(cls):
        cls.folder.rmdir()

    def test_folder(self):
        self.assertTrue(self.folder.is_dir())


class TestSetup:
    def setup_method(self):
        self.file = open("setup.txt", "w")

    def teardown_method(self):
        self.file.close()

    def test_open(self):
        assert not self.file.closed
