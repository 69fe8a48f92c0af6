"""Checks of a team's own."""

from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from review_bot import checks

CODE = """
from . import _regex

def same(one, other):
    return _regex.fold_case(0x4022, one) == _regex.fold_case(0x4022, other)
"""


@pytest.fixture
def archive(tmp_path):
    """A check with a compiled part, which is that of the package regex."""
    compiled = Path(find_spec("regex._regex").origin)
    with ZipFile(tmp_path / "spelling.zip", "w") as packed:
        packed.writestr("spelling/__init__.py", CODE)
        packed.write(compiled, f"spelling/{compiled.name}")
    return tmp_path / "spelling.zip"


def test_compiled_check(archive):
    """It is imported, and works."""
    assert checks.load(archive).same("STRASSE", "straße")
