# case: nox_deployed
# packages: setuptools, cffi
# shows: virtual environments, archives and browsers that are unpacked into the temporary folder before they run
# timeout: 120
# conditions: noexec container
# cause.test_copied_venv: library=-|venv dimension=tmp_exec remedy=noexec
# cause.test_zipapp: library=-|zipapp dimension=tmp_exec remedy=noexec
# cause.test_unpacked_tool: library=- dimension=tmp_exec remedy=noexec
# cause.test_cffi_verify: library=cffi dimension=tmp_exec remedy=noexec
# cause.test_execv_in_child: library=- dimension=tmp_exec remedy=noexec
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipapp

import cffi


def test_copied_venv():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/bin")
        shutil.copy(os.path.realpath(sys.executable), f"{folder}/bin/python")
        assert subprocess.check_output([f"{folder}/bin/python", "-S", "-c", "print(1)"]) == b"1\n"


def test_linked_venv():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        assert subprocess.check_output([f"{folder}/bin/python", "-c", "print(1)"]) == b"1\n"


def test_zipapp():
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "src")
        source.mkdir()
        (source / "__main__.py").write_text("print('packed')")
        zipapp.create_archive(source, f"{folder}/app.pyz", interpreter=sys.executable)
        assert subprocess.check_output([f"{folder}/app.pyz"]) == b"packed\n"


def test_unpacked_tool():
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(f"{folder}/t.tar", "w") as archive:
            archive.add("/bin/true", "bin/chrome")
        with tarfile.open(f"{folder}/t.tar") as archive:
            archive.extractall(folder)
        browser = subprocess.Popen([f"{folder}/bin/chrome", "--headless"])
        assert browser.wait() == 0


def test_cffi_verify():
    ffi = cffi.FFI()
    ffi.cdef("int thrice(int);")
    with tempfile.TemporaryDirectory() as folder:
        library = ffi.verify("int thrice(int x) { return 3 * x; }", tmpdir=folder)
        assert library.thrice(2) == 6


def test_execv_in_child():
    with tempfile.TemporaryDirectory() as folder:
        program = shutil.copy("/bin/true", f"{folder}/tool")
        pid = os.fork()
        if not pid:
            try:
                os.execv(program, ["tool"])
            finally:
                os._exit(127)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
