"""The fixture `cold_start`, as the tests of a project use it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.processes import left_over

from .conftest import Result, Run, run_where_forbidden

SWALLOWS = """
import os

def keep(name):
    try:
        os.mkdir(name)
    except OSError:
        pass
"""


@pytest.fixture
def passes(project: Path, run: Run) -> Run:
    """Run one test with this body in the project and expect it to pass: ``passes("cold_start('pass')")``."""

    def run_body(body: str, *arguments: str) -> Result:
        _write(project, body)
        result = run(*arguments)
        assert result.code == 0, result
        return result

    return run_body


@pytest.fixture
def fails(project: Path, run: Run) -> Run:
    """Run one test with this body and return the lines that its failure is explained with."""

    def run_body(body: str, *arguments: str) -> list[str]:
        _write(project, body)
        result = run(*arguments)
        assert result.code == 1, result
        # None of the plugin's own lines stands in the report: the place is the test's.
        places = [line for line in result.out.splitlines() if line.startswith("test_app.py:")]
        assert len(places) == 1, result
        assert "pytest_envguard/" not in result.out, result
        return [line.removeprefix("E").strip() for line in result.out.splitlines() if line.startswith("E  ")]

    return run_body


def _write(project: Path, body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (project / "test_app.py").write_text(f"def test_app(cold_start, tmp_path, monkeypatch):\n{lines}")


def test_without_a_profile_it_runs_where_the_test_runs(project: Path, passes: Run) -> None:
    """On the host, and in a worker inside of an environment, in the current folder and with the project's modules."""
    (project / "app.py").write_text("NAME = 'app'\n")
    body = "found = cold_start('import app, os; print(app.NAME, os.getcwd(), os.getuid())').check()\n"

    passes(body + f"assert (found.environment, found.output) == ('host', 'app {project} {os.getuid()}\\n')")
    passes(
        body + f"assert (found.environment, found.output) == ('lambda', 'app {project} 993\\n')", "--envguard=lambda"
    )


def test_with_a_profile_it_runs_in_that_environment(passes: Run) -> None:
    """uid, HOME, /dev/shm and the root are the environment's; the test itself stays on the host."""
    passes(
        "import os\n"
        "found = cold_start('''\n"
        "    import os\n"
        "    print(os.getuid(), os.environ.get('HOME'), os.path.exists('/dev/shm'), os.environ['MINE'])\n"
        "''', profile='lambda', env={'MINE': 'yes'}).check()\n"
        "assert found.output == '993 None False yes\\n', found\n"
        "assert found.environment.startswith('lambda:')\n"
        f"assert os.getuid() == {os.getuid()}"
    )


def test_dimensions_alone_change_the_host(passes: Run) -> None:
    """`cold_start(code, network="none")` is the host without a network."""
    passes(
        "code = 'import socket; socket.create_connection((\"192.0.2.1\", 9), 5)'\n"
        "found = cold_start(code, network='none')\n"
        "assert found.environment == 'host:network=none'\n"
        "assert found.ending == 'raised OSError: [Errno 101] Network is unreachable'\n"
        "(refusal,) = found.refusals\n"
        "assert refusal[:4] == ('socket.connect', '192.0.2.1:9', 'ENETUNREACH', '')"
    )


def test_variables_reach_the_process_without_an_environment(passes: Run) -> None:
    """`env=` alone sets variables and needs no environment."""
    passes("assert cold_start('import os; print(os.environ[\"A\"])', env={'A': 'b'}).output == 'b\\n'")


def test_a_write_that_a_library_swallowed_is_a_refusal(project: Path, passes: Run) -> None:
    """In lambda, root or not, a write is refused with EROFS; the result names the library although nothing failed."""
    (project / "cachelib.py").write_text(SWALLOWS)

    passes(
        "found = cold_start('import cachelib; cachelib.keep(\"/x\"); cachelib.keep(\"/x\")', profile='lambda').check()\n"
        "(refusal,) = found.refusals\n"
        "assert refusal[:4] == ('os.mkdir', '/x', 'EROFS', 'cachelib')\n"
        f"assert refusal[4:6] == ('{project}/cachelib.py:6', 2)"
    )


def test_files_and_names_are_refused(passes: Run) -> None:
    """Opening to write, changing metadata, loading from a noexec folder and resolving are noticed with their errno."""
    passes(
        "found = cold_start('''\n"
        "    import _ctypes, ctypes, os, pathlib, shutil, socket\n"
        "    def swallow(call, *words):\n"
        "        try: call(*words)\n"
        "        except Exception: pass\n"
        "    swallow(open, '/x', 'w')\n"
        "    swallow(os.open, b'/y', os.O_CREAT | os.O_WRONLY)\n"
        "    swallow(pathlib.Path('/z').touch)\n"
        "    swallow(os.chmod, '/etc/passwd', 0)\n"
        "    swallow(os.rename, '/etc/passwd', '/etc/q')\n"
        "    swallow(open, '/missing')\n"
        "    swallow(socket.getaddrinfo, 'name.invalid', 80)\n"
        "    library = getattr(_ctypes, '__file__', None)\n"
        "    if library:\n"
        "        shutil.copy(library, '/tmp/library.so')\n"
        "        swallow(ctypes.CDLL, '/tmp/library.so')\n"
        "''', profile='container').check()\n"
        "noticed = [(one.operation, one.target, one.error) for one in found.refusals]\n"
        "assert noticed[:6] == [('open', '/x', 'EROFS'), ('open', '/y', 'EROFS'), ('open', '/z', 'EROFS'),\n"
        "    ('os.chmod', '/etc/passwd', 'EROFS'), ('os.rename', '/etc/q', 'EROFS'),\n"
        "    ('socket.getaddrinfo', 'name.invalid', 'EAI_AGAIN')]\n"
        "assert noticed[6:] in ([], [('ctypes.dlopen', '/tmp/library.so', 'EPERM')])"
    )


def test_the_current_folder_stays_visible(passes: Run) -> None:
    """A test that works in its tmp_path finds it in an environment whose /tmp is another one."""
    passes(
        "(tmp_path / 'made.py').write_text('x = 1')\n"
        "monkeypatch.chdir(tmp_path)\n"
        "found = cold_start('import made, os; print(os.getcwd())', profile='lambda').check()\n"
        "assert found.output == f'{tmp_path}\\n'"
    )


def test_a_check_shows_the_code_s_own_traceback(project: Path, fails: Run) -> None:
    """The failure has the child's traceback, figures, refusals and standard error, and none of the plugin's frames."""
    (project / "app.py").write_text("import sys\nprint('warming up', file=sys.stderr)\nopen('/cache', 'w')\n")

    shown = fails("cold_start('import app', profile='lambda').check()")

    assert shown[:6] == [
        (
            "pytest_envguard.cold.ColdStartFailed: `import app` in lambda: raised OSError: "
            "[Errno 30] Read-only file system: '/cache'"
        ),
        "Traceback (most recent call last):",
        'File "<cold_start>", line 1, in <module>',
        "import app",
        f'File "{project}/app.py", line 3, in <module>',
        "open('/cache', 'w')",
    ]
    assert "refused:" in shown
    assert f"open /cache: EROFS (app, {project}/app.py:3)" in shown
    assert shown[-2:] == ["standard error ends with:", "warming up"]


def test_within_init_is_lambda_s_ten_seconds(project: Path, fails: Run) -> None:
    """The profile's budget is compared, and the failure says that no memory size was given."""
    (project / "pyproject.toml").write_text("[tool.envguard.profiles.lambda.budgets.init]\nseconds = 0.3\n")

    shown = fails("cold_start('import time; time.sleep(0.4)', profile='lambda', within='init').check()")

    assert shown[0].startswith(
        "pytest_envguard.cold.ColdStartFailed: `import time; time.sleep(0.4)` in lambda: took 0."
    )
    assert shown[0].endswith(" s, longer than the 0.3 s that are allowed")
    assert 'no memory size was given, so memory was not limited: `memory="1024M"` does' in shown[1]


def test_a_start_within_init_passes(passes: Run) -> None:
    """A quick start passes; entering the environment isn't counted."""
    passes(
        "assert cold_start('import json', profile='lambda', within='init').check().seconds < 5\n"
        "assert cold_start('import json', within=5).check().limit.seconds == 5"
    )


def test_within_holds_in_the_environment_that_the_test_runs_in(passes: Run) -> None:
    """In `pytest --envguard=lambda`, `within="init"` needs no profile."""
    passes("assert cold_start('pass', within='init').check().limit.seconds == 10", "--envguard=lambda")


def test_too_much_memory_is_killed(fails: Run) -> None:
    """Beyond the memory size the process is killed as the platform does it, and the failure says so."""
    shown = fails(
        "found = cold_start('x = []\\nwhile True: x.append(b\"1\" * (1 << 20))', profile='lambda', memory='64M', within='init')\n"
        "assert found.exit == -9\nassert found.peak_memory > 32 << 20\nfound.check()"
    )

    assert "killed for memory: more than the 64 MiB of lambda:memory=64M" in shown[0]
    assert shown[1].endswith("; allowed: init, 10 s and 64 MiB")


@pytest.mark.parametrize("profile", ["host", "lambda"])
def test_a_segmentation_fault_is_an_ending(passes: Run, profile: str) -> None:
    """The signal is the exit code, its likely cause is said, and the place stands in standard error."""
    passes(
        f"found = cold_start('import ctypes; ctypes.string_at(0)', profile='{profile}')\n"
        "assert found.exit == -11\n"
        'assert found.ending == "the process was ended by SIGSEGV: a native extension touched memory that isn\'t there"\n'
        "assert 'Fatal Python error: Segmentation fault' in found.errors and 'string_at' in found.errors\n"
        "assert (found.output, found.traceback) == ('', '')"
    )


@pytest.mark.parametrize("profile", ["host", "lambda"])
def test_exit_codes(passes: Run, profile: str) -> None:
    """However code ends, the exit code is Python's own, and 137 that it chose isn't taken for a memory kill."""
    passes(
        f"def end(code): return cold_start(code, profile='{profile}', memory='1G' if '{profile}' == 'lambda' else '8G')\n"
        "endings = {code: end(code)[4:6] for code in ('pass', 'raise SystemExit(3)', 'raise SystemExit(\"no\")',\n"
        "    'raise SystemExit(137)', 'import os; os._exit(5)', 'raise KeyboardInterrupt', '1/0', 'a b')}\n"
        "assert list(endings.values()) == [(0, 'exit code 0'), (3, 'exit code 3'), (1, 'exit code 1'),\n"
        "    (137, 'exit code 137'), (5, 'exit code 5 (os._exit?)'), (-2, 'raised KeyboardInterrupt'),\n"
        "    (1, 'raised ZeroDivisionError: division by zero'), (1, 'raised SyntaxError: invalid syntax')]"
    )


@pytest.mark.parametrize("profile", ["host", "lambda"])
def test_after_its_time_everything_is_gone(project: Path, passes: Run, profile: str) -> None:
    """A process that hangs is killed with its children, whatever session they are in; what it said is kept."""
    mark = str(project)
    started = time.monotonic()
    passes(
        "found = cold_start('''\n"
        "    import subprocess, time\n"
        f"    for own in (True, False):\n"
        f"        subprocess.Popen(['sh', '-c', 'sleep 600; : {mark}'], start_new_session=own)\n"
        "    print('early', flush=True)\n"
        "    time.sleep(600)\n"
        f"''', profile='{profile}', timeout=1)\n"
        "assert (found.exit, found.output) == (-9, 'early\\n')\n"
        "assert found.ending == 'still running after 1 s, so it was killed with everything that it had started'"
    )
    assert time.monotonic() - started < 30
    assert left_over(mark) == []


def test_huge_output_and_empty_input(passes: Run) -> None:
    """Megabytes on both streams arrive, and whoever reads standard input finds its end."""
    passes(
        "found = cold_start('''\n"
        "    import sys\n"
        "    print('o' * 5_000_000); print('e' * 5_000_000, file=sys.stderr); print(repr(sys.stdin.read()))\n"
        "''', profile='lambda').check()\n"
        "assert found.output == 'o' * 5_000_000 + \"\\n''\\n\"\n"
        "assert found.errors == 'e' * 5_000_000 + '\\n'"
    )


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("'pass', profile='lamda'", "`cold_start`: no profile is named `lamda`", "did you mean `lambda`? known: "),
        ("'pass', memry='1G'", "`cold_start`: no argument or dimension is named `memry`", "did you mean `memory`? "),
        (
            "'pass', whithin='init'",
            "`cold_start`: no argument or dimension is named `whithin`",
            "did you mean `within`",
        ),
        ("'pass', memory='much'", '`cold_start`: `memory`: expected a size such as "512M" or "10G", got \'much\'', ""),
        ("'pass', env={'A': 1}", "`cold_start`: `env`: expected a table of variables, each with text as its value", ""),
        (
            "'pass', profile='lambda', within='initial'",
            "`cold_start`: `lambda` has no budget named `initial`",
            "did you mean `init`? known: init",
        ),
        (
            "'pass', within='init'",
            "`cold_start`: `host` has no budget named `init`; it has none",
            'give seconds (`within=10`), or an environment that has one (`profile="lambda"`)',
        ),
        (
            "'pass', within=-1",
            "`cold_start`: `within`: expected the name of a budget or a number of seconds, got -1",
            "",
        ),
        (
            "'pass', within=90",
            "`cold_start`: `within=90` is longer than the 60 s after which",
            "give a longer time too",
        ),
        ("'pass', timeout=0", "`cold_start`: `timeout`: expected a number of seconds above zero, got 0", ""),
        ("'  '", "`cold_start`: expected Python code, got '  '", 'for example `cold_start("import app")`'),
    ],
)
def test_mistakes_are_one_clear_message_at_the_test_s_own_line(fails: Run, call: str, message: str, hint: str) -> None:
    """What was asked wrongly is said with the nearest right thing, and no frame of the plugin is shown."""
    shown = fails(f"cold_start({call})")
    assert shown[0].startswith(f"pytest_envguard.errors.EnvguardError: {message}")
    assert [line for line in shown[1:] if line.startswith(f"hint: {hint}")] == shown[1:2]


def test_an_assertion_about_a_result_is_readable(fails: Run) -> None:
    """pytest's own explanation names the code, how it ended and what it took."""
    shown = fails("assert cold_start('pass').seconds < 0")
    assert shown[0].startswith("AssertionError: assert 0.")
    assert shown[1].endswith(".seconds")
    assert "= <ColdStart 'pass' in host: exit code 0, 0." in shown[1]
    assert shown[2].endswith(" = cold_start('pass')")


def test_an_environment_that_cannot_be_entered_is_refused(fails: Run) -> None:
    """A machine or a profile that can't is said in the words of the command line; the code does not run."""
    shown = fails("cold_start('open(\"ran.txt\", \"w\")', folder='/nonexistent')")
    assert "could not be entered: working folder /nonexistent: No such file or directory" in shown[0]


def test_the_list_of_fixtures_explains_it(project: Path, run: Run) -> None:
    """`pytest --fixtures` shows what it does in one line, and an example."""
    out = run("--fixtures", "-v").out
    assert "Run code in a fresh interpreter, in an environment, and measure it." in out
    assert 'cold_start("import app", profile="lambda", memory="1024M", within="init").check()' in out


NATIVE = """
import os, sqlite3
try:
    sqlite3.connect("/usr/a.db").execute("create table t (x)")
except sqlite3.OperationalError:
    pass
os.system("echo > /usr/b")
"""


def test_native_code_and_other_programs_are_refused_too(passes: Run) -> None:
    """What SQLite and a shell were refused stands in the result, with the line of Python that asked, or the program."""
    passes(
        f"found = cold_start({NATIVE!r}, profile='container')\n"
        "native, shell = found.refusals\n"
        "assert native[:5] == ('open', '/usr/a.db', 'EROFS', '', '<cold_start>:4')\n"
        "assert shell[:3] == ('open', '/usr/b', 'EROFS')\n"
        "assert shell.process == 'sh -c echo > /usr/b'"
    )


def test_a_machine_that_cannot_enforce_it_says_so(project: Path) -> None:
    """Where nothing can enforce it, the test fails with the kernel's own answer and what mends it; nothing runs."""
    _write(project, "cold_start('open(\"ran.txt\", \"w\")', profile='lambda')")

    found = run_where_forbidden(project, "sealed")

    assert found.code == 1, found
    assert "EnvguardError: `lambda` cannot be enforced here to the fidelity `exact`:" in found.out
    assert "root (read-only root)" in found.out
    assert "user namespace: unshare(0x10000000): Operation not permitted; system call filter: " in found.out
    assert "--security-opt seccomp=unconfined" in found.out
    assert "pytest_envguard/" not in found.out
    assert not (project / "ran.txt").exists()
