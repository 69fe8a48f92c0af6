# case: nat_children
# packages: setuptools, pip, wheel
# shows: tools that are run as children and write beside the project
# prepare: mkdir -p pkg/acme && printf '' > pkg/acme/__init__.py && printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "acme"\nversion = "1"\n[tool.setuptools]\npackages = ["acme"]\n' > pkg/pyproject.toml && git init -q repo
# timeout: 150
# conditions: roroot lambdapw
# cause.test_git_init: library=-|git dimension=root
# cause.test_compile: library=- dimension=root
# cause.test_build: library=pip|setuptools|- dimension=root
# cause.test_venv: library=-|venv dimension=root
# cause.test_zipapp: library=- dimension=root
# cause.test_make: library=- dimension=root
# cause.test_gcc: library=- dimension=root
# cause.test_redirect: library=- dimension=root
# cause.test_sed: library=- dimension=root
# cause.test_asyncio: library=- dimension=root
# cause.test_popen: library=- dimension=root
# cause.test_profile: library=- dimension=root
import asyncio
import os
import pathlib
import subprocess
import sys


def test_git_init():
    subprocess.run(["git", "init", "-q", "new"], check=True, capture_output=True, text=True)


def test_compile():
    done = subprocess.run([sys.executable, "-m", "compileall", "-q", "pkg/acme"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_build(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        str(tmp_path),
        "./pkg",
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)


def test_venv():
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], check=True, capture_output=True)


def test_zipapp():
    subprocess.run([sys.executable, "-m", "zipapp", "pkg", "-m", "acme:main"], check=True, stderr=subprocess.PIPE)


def test_make(tmp_path):
    (tmp_path / "Makefile").write_text("all:\n\ttouch built\n")
    done = subprocess.run(["make", "-s", "-f", str(tmp_path / "Makefile")], capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_gcc(tmp_path):
    (tmp_path / "a.c").write_text("int a;\n")
    subprocess.check_call(["gcc", "-c", str(tmp_path / "a.c"), "-o", "a.o"])


def test_redirect():
    assert os.system("echo 1 > count.txt") == 0


def test_sed():
    subprocess.run(["sed", "-i", "s/acme/acme/", "pkg/pyproject.toml"], check=True, capture_output=True)
    assert "name" in pathlib.Path("pkg/pyproject.toml").read_text()


def test_asyncio():
    async def go():
        process = await asyncio.create_subprocess_shell("date > started", stderr=asyncio.subprocess.PIPE)
        _, errors = await process.communicate()
        return process.returncode, errors

    assert asyncio.run(go())[0] == 0


def test_popen():
    with subprocess.Popen(
        ["tee", "log.txt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as tee:
        _, errors = tee.communicate(b"x")
    assert errors == b""


def test_profile():
    command = [sys.executable, "-m", "cProfile", "-o", "run.prof", "-m", "this"]
    subprocess.run(command, check=True, capture_output=True)


def test_to_null():
    subprocess.run("echo x > /dev/null", shell=True, check=True)
