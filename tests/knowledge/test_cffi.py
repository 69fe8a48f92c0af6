"""cffi: code that is compiled at run time."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained
from tests.knowledge.profiles import SETTINGS

pytestmark = [heavy, pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no compiler")]

PACKAGES = ["cffi==2.1.1", "setuptools"]

SOURCE = """
import ctypes, os, shutil, subprocess, sys, tempfile

import cffi


def _verified(name, **options):
    ffi = cffi.FFI()
    ffi.cdef(f"int {name}(void);")
    return getattr(ffi.verify(f"int {name}(void) {{ return 42; }}", **options), name)()


def test_beside():
    assert _verified("beside") == 42


def test_in_tmp():
    assert _verified("in_tmp", tmpdir=tempfile.mkdtemp()) == 42


def test_remedy():
    program = "import test_it; assert test_it._verified('mended') == 42"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "CFFI_TMPDIR": "/tmp/cffi"})


def test_own_file():
    cffi.FFI().cdef("int nothing(void);")
    with open("x.txt", "w"):
        pass


def test_own_library():
    cffi.FFI().cdef("int nothing(void);")
    import _cffi_backend
    ctypes.CDLL(shutil.copy(_cffi_backend.__file__, tempfile.mkdtemp()))
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A read-only root, and a /tmp without execution."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container", files=SETTINGS, seconds=300)


def test_compiling_beside_the_code(facts: dict[str, Any]) -> None:
    """In __pycache__, for which nothing is listed as refused."""
    explained(facts, "lambda", "test_beside", "cffi/compiles-beside-the-code")
    assert facts["outcomes"]["lambda"]["test_in_tmp"] == "passed"
    assert facts["outcomes"]["lambda"]["test_remedy"] == "passed"


def test_module_in_a_noexec_folder(facts: dict[str, Any]) -> None:
    """It could be compiled there."""
    explained(facts, "container", "test_in_tmp", "cffi/module-on-noexec-mount")


def test_file_of_the_project(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    not_explained(facts, "lambda", "test_own_file", "cffi/compiles-beside-the-code")


def test_library_of_the_project(facts: dict[str, Any]) -> None:
    """Loaded by nobody but the project."""
    not_explained(facts, "container", "test_own_library", "cffi/module-on-noexec-mount")
