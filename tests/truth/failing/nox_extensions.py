# case: nox_extensions
# packages: cffi, markupsafe, setuptools
# shows: extension modules that come to lie in the temporary folder: copied, unpacked, or built there
# timeout: 120
# conditions: noexec container
# cause.test_copied_extension: library=-|markupsafe|speedups dimension=tmp_exec remedy=noexec
# cause.test_dlopen: library=-|cffi dimension=tmp_exec remedy=noexec
# cause.test_cffi_module: library=-|cffi|billing dimension=tmp_exec remedy=noexec
# cause.test_fallback: library=- dimension=tmp_exec remedy=noexec
# cause.test_child_imports: library=- dimension=tmp_exec remedy=noexec
# cause.test_map: library=- dimension=tmp_exec remedy=noexec
import ctypes
import importlib.util
import mmap
import os
import shutil
import subprocess
import sys

import cffi
import markupsafe._speedups

FIX = os.environ.get("CORPUS_FIXTURES", "fixtures")


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_copied_extension(tmp_path):
    path = shutil.copy(markupsafe._speedups.__file__, tmp_path / "_speedups.so")
    assert load("markupsafe._speedups", path)


def test_dlopen(tmp_path):
    ffi = cffi.FFI()
    ffi.cdef("int hello(void);")
    ffi.dlopen(shutil.copy(os.path.join(FIX, "libhello.so"), tmp_path))


def test_cffi_module(tmp_path):
    ffi = cffi.FFI()
    ffi.cdef("int twice(int);")
    ffi.set_source("billing", "int twice(int x) { return 2 * x; }")
    module = load("billing", ffi.compile(tmpdir=str(tmp_path)))
    assert module.lib.twice(4) == 8


def test_fallback(tmp_path):
    shutil.copy(os.path.join(FIX, "libhello.so"), tmp_path)
    try:
        library = ctypes.CDLL(str(tmp_path / "libhello.so"))
    except OSError:
        library = None
    assert library is not None, "the fast path isn't there"


def test_child_imports(tmp_path):
    name = os.path.basename(markupsafe._speedups.__file__)
    shutil.copy(markupsafe._speedups.__file__, tmp_path / name)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import _speedups"], env=environ, check=True, capture_output=True)


def test_map(tmp_path):
    path = tmp_path / "code.bin"
    path.write_bytes(b"\xc3" * 4096)
    with open(path, "rb") as file:
        mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE).close()


def test_callback():
    assert ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)() == 3
