"""A fresh interpreter on the host: what it sees, how it can end, what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_envguard.cold import process
from pytest_envguard.cold.process import Account, run_fresh
from tests.processes import left_over


def cold(code: str, timeout: float = 30.0, **variables: str) -> Account:
    """Run ``code`` on the host."""
    return run_fresh([], {**os.environ, **variables}, code, timeout)


def plain(code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` as a user would in a shell."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "code",
    [
        "import sys; print(sys.argv, sys.path, __name__, __file__ if '__file__' in globals() else None)",
        "print(sorted(name for name in globals() if name != '__builtins__'))",
        "import sys; print(sys.stdin.read() == '', sys.flags.no_site, sys.stdout.encoding)",
        "import os; print(os.getcwd()); open(os.devnull).fileno()",
        "import sys; print('to', file=sys.stderr); print('from')",
        "import os; os.write(1, b'C\\n'); os.system('echo child; echo worse >&2')",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('sorry')",
        "raise SystemExit",
        "import os; os._exit(4)",
        "import os; os.abort()",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import atexit; atexit.register(print, 'last'); print('first')",
        "import sys; sys.excepthook = lambda kind, error, trace: print(kind, trace.tb_frame.f_code.co_name); 1 / 0",
        "import multiprocessing as m; p = m.get_context('spawn').Process(target=print, args=(1,)); p.start(); p.join()",
    ],
)
def test_code_runs_and_ends_as_under_python_c(code: str) -> None:
    """Arguments, path, names, streams, exit code and signals are those of `python -c`."""
    found, expected = cold(code), plain(code)
    dump = found.errors if "Fatal Python error" in found.errors else expected.stderr  # the one addition: faulthandler
    assert (found.code, found.output, found.errors) == (expected.returncode, expected.stdout, dump)


@pytest.mark.parametrize("code", ["1 / 0", "a b", "raise KeyboardInterrupt", "import json; json.loads('{')", "x = '"])
def test_an_error_has_its_own_traceback_and_none_of_ours(code: str) -> None:
    """Standard error and the report show the code's frames only; exit code or signal are Python's own."""
    found, expected = cold(code), plain(code)
    assert found.code == expected.returncode
    for text in (found.errors, found.traceback):
        assert text.splitlines()[-1] == expected.stderr.splitlines()[-1]
        assert "program.py" not in text
        assert "<string>" not in text
    assert '  File "<cold_start>", line 1' in found.traceback


def test_a_traceback_shows_the_lines_of_the_code() -> None:
    """The source isn't in a file, and is shown all the same."""
    assert "    oops()" in cold("x = 1\noops()\n").traceback.splitlines()


def test_nothing_is_imported_that_python_does_not_import() -> None:
    """What the code imports is measured, so the program must not have imported it before."""
    code = "import sys; print(sorted(sys.modules))"
    more = set(eval(cold(code).output)) - set(eval(plain(code).stdout))
    assert more <= {"errno", "faulthandler"}  # compiled into the interpreter


def test_seconds_begin_with_the_interpreter_and_end_with_the_code() -> None:
    """The start-up counts, as in Lambda's init phase; exit handlers and threads after the code don't."""
    begun = time.monotonic()
    found = cold("import atexit, time; atexit.register(time.sleep, 0.5); time.sleep(0.2)")
    assert 0.2 < found.seconds < time.monotonic() - begun - 0.4
    assert found.ended


def test_seconds_of_a_process_that_ends_before_its_code() -> None:
    """Of code that leaves by os._exit, the time until then counts."""
    found = cold("import os, time; time.sleep(0.2); os._exit(0)")
    assert 0.2 < found.seconds < 5
    assert (found.begun, found.ended) == (True, False)


def test_peak_memory_is_the_process_s_own() -> None:
    """Memory that the code took and gave back counts; that of whoever started the process doesn't (see getrusage)."""
    ballast = bytearray(os.urandom(1)) * (300 << 20)
    assert cold("pass").peak_memory < 40 << 20 < len(ballast)
    assert 100 << 20 < cold("x = b'1' * (100 << 20); del x").peak_memory < 150 << 20


def test_peak_memory_of_a_larger_child_counts() -> None:
    """A program that the code runs and waits for is part of what it takes."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', \"x = b'1' * (100 << 20)\"])"
    assert cold(code).peak_memory > 100 << 20


def test_peak_memory_of_a_process_that_is_killed_is_the_last_that_was_seen() -> None:
    """Nobody can tell any more, so it's looked at on the way."""
    code = "import os, time; x = b'1' * (100 << 20); time.sleep(0.2); os.kill(os.getpid(), 9)"
    assert cold(code).peak_memory > 100 << 20
    assert cold("import os; os._exit(0)").peak_memory > 1 << 20


def test_output_is_kept_exactly() -> None:
    """Ten megabytes on both streams at once arrive whole; what isn't UTF-8 is replaced."""
    code = "import os\nfor _ in range(160):\n    os.write(1, b'o' * 65536)\n    os.write(2, b'e' * 65536)\n"
    found = cold(code)
    assert (found.output, found.errors) == ("o" * 65536 * 160, "e" * 65536 * 160)
    assert cold("import os; os.write(1, b'a\\xffb')").output == "a\ufffdb"


def test_endless_output_fills_nobody_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit output is dropped and counted, and the process is still ended in time."""
    monkeypatch.setattr(process, "MOST_OUTPUT", 1000)
    found = cold("while True: print('x' * 99)", timeout=0.5)
    assert found.timed_out
    assert found.output.startswith("x" * 99 + "\n")
    assert found.output[1000:].startswith("\n[envguard: ")
    assert found.output.endswith(" more bytes were dropped]\n")


def test_a_long_request_arrives() -> None:
    """Code of any length is passed on: it doesn't travel on the command line."""
    assert cold("x = '" + "y" * (5 << 20) + "'\nprint(len(x))").output == f"{5 << 20}\n"


def test_a_process_that_holds_the_pipes_is_not_waited_for() -> None:
    """A child that outlives the code and inherits its streams neither delays the result nor survives it."""
    mark = f"mark-{os.getpid()}-held"
    begun = time.monotonic()
    found = cold(f"import subprocess; print('done'); subprocess.Popen(['sh', '-c', 'sleep 600; : {mark}'])")
    assert (found.code, found.output) == (0, "done\n")
    assert time.monotonic() - begun < 10
    assert left_over(mark) == []


@pytest.mark.parametrize("session", [True, False])
def test_after_its_time_the_whole_tree_is_killed(session: bool) -> None:
    """Children, theirs, and those with a session of their own are gone; what was said before is kept."""
    mark = f"mark-{os.getpid()}-{session}"
    inner = f"import subprocess, time; subprocess.Popen(['sh', '-c', 'sleep 600; : {mark}']); time.sleep(600)"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session={session})\nprint('early', flush=True)\ntime.sleep(600)"
    found = cold(code, timeout=1.5)
    assert (found.timed_out, found.code, found.output) == (True, -signal.SIGKILL, "early\n")
    assert 1 < found.seconds < 10
    assert left_over(mark) == []


def test_an_interrupt_kills_it_too() -> None:
    """Ctrl-C (or a test's timeout) while it runs ends the process before the exception goes on."""
    mark = f"mark-{os.getpid()}-interrupted"
    # A shell lets what it starts in the background ignore Ctrl-C, these tests too.
    interrupt_handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    signal_handler = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            cold(f"import os, subprocess\nsubprocess.run(['sh', '-c', 'sleep 600; : {mark}'])")
    finally:
        signal.signal(signal.SIGALRM, signal_handler)
        signal.signal(signal.SIGINT, interrupt_handler)
    assert left_over(mark) == []


def test_code_that_closes_every_descriptor_harms_nobody() -> None:
    """A daemon closes what it inherited: our report is lost, and never ends up in a file that got our number."""
    found = cold(
        "import os\nos.closerange(3, 100)\nfile = os.memfd_create('x')\n"
        "try: open('/proc/self/mem/x', 'w')\nexcept OSError: pass\n"
        "try: os.mkdir('/proc/x/y')\nexcept OSError: pass\nimport atexit\n"
        "atexit.register(lambda: os.write(1, b'%d' % os.fstat(file).st_size))"
    )
    assert (found.code, found.output, found.ended) == (0, "0", False)


def test_a_forked_child_that_comes_to_the_end_too_is_not_meant() -> None:
    """What os.fork makes runs to the end of the code as well; the result is the first process's."""
    found = cold("import os, time\nif os.fork():\n    os.wait()\n    time.sleep(0.3)\nelse:\n    1 / 0")
    assert (found.code, found.traceback) == (0, "")
    assert found.seconds > 0.3


def test_nothing_is_left_open(tmp_path: Path) -> None:
    """After a hundred runs' worth of ends, this process has the descriptors that it had."""
    before = len(os.listdir("/proc/self/fd"))
    for code in ("pass", "1 / 0", "import os; os._exit(1)"):
        cold(code)
    assert len(os.listdir("/proc/self/fd")) == before
