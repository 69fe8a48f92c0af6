# case: nox_programs
# packages: stdlib
# shows: programs and scripts that are unpacked into the temporary folder and run from there
# conditions: noexec docker
# cause.test_script: library=- dimension=tmp_exec remedy=noexec
# cause.test_copied_program: library=- dimension=tmp_exec remedy=noexec
# cause.test_from_shell: library=- dimension=tmp_exec remedy=noexec
# cause.test_compiled: library=- dimension=tmp_exec remedy=noexec
# cause.test_access: library=- dimension=tmp_exec remedy=noexec
# cause.test_which: library=- dimension=tmp_exec remedy=noexec
# cause.test_wrapped: library=- dimension=tmp_exec remedy=noexec
# cause.test_asyncio: library=- dimension=tmp_exec remedy=noexec
# cause.test_hook_of_git: library=- dimension=tmp_exec remedy=noexec
import asyncio
import os
import shutil
import subprocess
import tempfile

import pytest


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "greet.sh"
    path.write_text("#!/bin/sh\necho hello\n")
    path.chmod(0o755)
    return path


def test_script(script):
    assert subprocess.check_output([script]) == b"hello\n"


def test_script_by_interpreter(script):
    assert subprocess.check_output(["sh", script]) == b"hello\n"


def test_copied_program():
    with tempfile.TemporaryDirectory() as folder:
        program = shutil.copy("/bin/echo", folder)
        assert os.spawnv(os.P_WAIT, program, ["echo", "x"]) == 0


def test_from_shell(script):
    done = subprocess.run(f"{script} | tr a-z A-Z", shell=True, capture_output=True, text=True)
    assert done.stdout == "HELLO\n"


def test_compiled(tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-o", "main", "main.c"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "main"], check=True)


def test_access(script):
    assert os.access(script, os.X_OK)


def test_which(script):
    assert shutil.which("greet.sh", path=str(script.parent)) is not None


def test_wrapped(script):
    try:
        subprocess.run([script], check=True, capture_output=True)
    except OSError as error:
        raise RuntimeError("the greeter can't be started") from error


def test_asyncio(script):
    async def go():
        process = await asyncio.create_subprocess_exec(str(script), stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0]

    assert asyncio.run(go()) == b"hello\n"


def test_hook_of_git(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\ntouch checked\n")
    hook.chmod(0o755)
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert (tmp_path / "checked").exists()
