# case: deg_bytecode
# packages: stdlib
# shows: Python can't keep the bytecode of what it imports and goes on without a word; every start compiles again
# prepare: printf 'ANSWER = 42\n' > settings_module.py && mkdir pkg && printf '' > pkg/__init__.py
# conditions: roroot lambdapw docker
# cause.test_kept: library=- dimension=root
# cause.test_compiled_package: library=- dimension=root
import os
import pathlib
import subprocess
import sys


def child(code):
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True)


def test_imported():
    assert child("import settings_module; print(settings_module.ANSWER)").stdout == "42\n"


def test_kept():
    child("import settings_module")
    assert list(pathlib.Path("__pycache__").glob("settings_module.*.pyc"))


def test_compiled_package():
    import compileall

    assert compileall.compile_dir("pkg", quiet=2)
