"""Does the plugin agree with the kernel? Runs the cases under the profiles and compares with their measured truth.

    python tests/truth/agreement.py [CASE…] [--condition NAME…] [--by run|calls|python|fork|fresh] [--as-user] [--venv PYTHON]
                                    [--work FOLDER] [--jobs N]

The header of a case says what each of its tests did under conditions that were made of nothing but `unshare`, `mount`,
`ip`, `setpriv` and `ulimit`. Here the same test runs under the profile that stands for the condition, and has to do the
same: same pass or fail, same exception class, same errno, same path. It gets there by `--envguard`, with the strongest
mechanism or a chosen one, or by a marker on each test, with a fork or with a fresh interpreter.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truth_headers import CONDITIONS, FIRST, KEEPING_TMP, Caller, Case, Token, expected, read_case

HERE = Path(__file__).resolve().parent
WORK = Path("/var/tmp")
USER = 1000  # uid and gid of an ordinary user
STARTUP = 30  # seconds for everything that isn't the case itself


@dataclass(frozen=True)
class Comparison:
    """One test under one condition.

    Attributes:
        kernel: What the kernel did.
        plugin: What happened under the profile.
        agrees: Whether that is the same.
        message: The exception's text, or what pytest printed where no result came.
    """

    case: str
    test: str
    condition: str
    kernel: Token
    plugin: Token
    agrees: bool
    message: str

    def __str__(self) -> str:
        where = f"{self.case}::{self.test} [{self.condition}: --envguard={CONDITIONS[self.condition]}]"
        return f"{where}\n    kernel {self.kernel}\n    plugin {self.plugin}\n    {self.message or '(no message)'}"


@dataclass(frozen=True)
class Bench:
    """Where the cases run, and as whom.

    Attributes:
        folder: A folder of this run's own that everyone can search, outside of `/tmp`.
        python: Interpreter with pytest, the plugin and the packages of the cases.
        caller: What of it matters for the results.
        as_user: Whether root steps down to an ordinary user before it starts pytest.
        by: "run" for `--envguard`, "calls" or "python" for it with that mechanism; "fork" or "fresh" for the marker.
    """

    folder: Path
    python: str
    caller: Caller
    as_user: bool = False
    by: str = "run"

    @property
    def playing(self) -> bool:
        """Whether root is only shown as another user, who could not get at the interpreter: what is root's stays its own."""
        real = Path(self.python).resolve()
        closed = any(not folder.stat().st_mode & 0o001 for folder in (*Path(self.python).parents, *real.parents))
        return self.by == "calls" and self.caller.root and closed

    def selection(self, condition: str) -> str:
        """Return what stands behind `--envguard=` for ``condition``.

        The truth was measured with a new `/tmp` each time: some cases leave files there that the next one, under
        another uid, could not write. `command` gives root the same. For an ordinary user that would take a user
        namespace, in which the plugin could no longer do what it can outside, so there the profile makes `/tmp` new.
        """
        renewed = os.geteuid() != 0 and condition in KEEPING_TMP
        return CONDITIONS[condition] + (":tmp=private" if renewed else "")

    def command(self, words: Sequence[str], tmp: Path) -> list[str]:
        """Return the command that runs ``words`` as whom it should, for root with ``tmp`` as the machine's `/tmp`."""
        if os.geteuid() != 0:
            return list(words)
        down = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if self.as_user else []
        bind = 'mount --bind "$0" /tmp && exec "$@"'
        own_mounts = ["unshare", "--mount", "--propagation", "private"]
        return [*own_mounts, "sh", "-c", bind, str(tmp), *down, *words]


def read_cases(names: Sequence[str] = ()) -> list[Case]:
    """Return the cases with these names (or in these files); all of them without a name."""
    own = {path.stem: path for path in sorted((HERE / "cases").glob("*.py"))}
    return [read_case(own.get(name) or Path(name)) for name in names or own]


_LOOK = """
import importlib.metadata, importlib.util, json, sys
names = {(found.name or "").lower().replace("_", "-") for found in importlib.metadata.distributions()}
dbm = [name for name in ("_gdbm", "_dbm") if importlib.util.find_spec(name)]
print(json.dumps([sys.version_info[:2], sorted(names), dbm]))
"""


def look_at(python: str, root: bool) -> Caller:
    """Return what matters about the interpreter ``python``."""
    answer = subprocess.run([python, "-c", _LOOK], check=True, capture_output=True, text=True)
    (major, minor), distributions, dbm = json.loads(answer.stdout)
    return Caller((major, minor), frozenset(distributions), tuple(dbm), root)


# -- layout ------------------------------------------------------------------------------------------------------------


@contextmanager
def work_folder(below: Path = WORK) -> Iterator[Path]:
    """Make a folder that everyone can search, and remove it with all that the cases left in it."""
    folder = Path(tempfile.mkdtemp(prefix="truth-", dir=below))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            # What the cases made as one of an ordinary user's subordinate ids, only that id may remove.
            subprocess.run(["unshare", "--map-root-user", "--map-auto", "rm", "-rf", str(folder)], check=False)


def build_fixtures(bench: Bench, model: bool) -> None:
    """Build what `CORPUS_FIXTURES` names: a shared library, and for those who load it a model with code of its own."""
    folder = bench.folder / "fixtures"
    folder.mkdir()
    source = HERE / "fixtures_src"
    library = ["gcc", "-shared", "-fPIC", "-o", str(folder / "libhello.so"), str(source / "hello.c")]
    subprocess.run(library, check=True)
    if model:
        build = [bench.python, str(source / "build_tinymodel.py"), str(folder / "tinymodel")]
        subprocess.run(build, check=True, capture_output=True)
    # In a checkout that others may not enter, they must still find the plugin that writes the reports.
    shutil.copy(HERE / "truth_reports.py", folder)
    for path in folder.rglob("*"):
        path.chmod(0o755)  # safetensors gives its file to its owner only


def needs_model(case: Case) -> bool:
    """Whether ``case`` loads the model among the fixtures, which takes torch to build."""
    return "tinymodel" in case.path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Layout:
    """The folders of one run of one case, each writable for everyone: mode bits must not decide.

    Attributes:
        project: The working folder, with the case in it.
        home: HOME where the condition leaves it as it is.
        tmp: The machine's `/tmp` where the condition has none of its own (see `Bench.selection`).
        reports: Where `truth_reports` writes.
    """

    project: Path
    home: Path
    tmp: Path
    reports: Path

    def environ(self, case: Case, bench: Bench) -> dict[str, str]:
        """Return the environment that the truth was measured in, with the path to the reports' plugin."""
        quirks = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}
        fixtures = str(bench.folder / "fixtures")
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": fixtures,
            "CORPUS_FIXTURES": fixtures,
            **quirks,
            **case.env,
        }


_CONFTEST = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker({marker})
"""


def lay_out(case: Case, condition: str, bench: Bench) -> Layout:
    """Make the folders for a run of ``case`` and run its `# prepare:` lines."""
    run = bench.folder / f"{case.name}-{condition}-{bench.by}"
    layout = Layout(run / "project", run / "home", run / "tmp", run / "reports" / "lines")
    for folder in (run, layout.project, layout.home, layout.tmp, layout.reports.parent):
        folder.mkdir()
        folder.chmod(0o1777 if folder == layout.tmp else 0o777)
    shutil.copy(case.path, layout.project / f"test_{case.name}.py")
    shutil.copy(HERE / "profiles.toml", layout.project / "pyproject.toml")
    environ = layout.environ(case, bench)
    environ["PATH"] = f"{Path(bench.python).parent}:{environ['PATH']}"
    if bench.by in ("fork", "fresh"):
        marker = f"pytest.mark.envguard({bench.selection(condition)!r}, fresh={bench.by == 'fresh'})"
        (layout.project / "conftest.py").write_text(_CONFTEST.format(marker=marker), encoding="utf-8")
    for command in case.prepare:
        subprocess.run(command, shell=True, check=True, cwd=layout.project, env=environ)
    for path in layout.project.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    return layout


# -- running and reading -----------------------------------------------------------------------------------------------


def run_case(case: Case, condition: str, bench: Bench) -> list[Comparison]:
    """Run ``case`` under the profile for ``condition`` and return one comparison for each of its tests."""
    layout = lay_out(case, condition, bench)
    printed = _run_pytest(case, condition, bench, layout)
    lines = layout.reports.read_text(encoding="utf-8").splitlines() if layout.reports.exists() else []
    results = read_reports([json.loads(line) for line in lines])
    places = {"home": str(layout.home), "proj": str(layout.project)}
    comparisons = []
    for test, tokens in case.truth.items():
        if condition in tokens:
            kernel = expected(case, test, tokens[condition], bench.caller)
            plugin, message = _result(results, test, printed)
            agrees = kernel.allows(plugin, places)
            comparisons.append(Comparison(case.name, test, condition, kernel, plugin, agrees, message))
    return comparisons


def _run_pytest(case: Case, condition: str, bench: Bench, layout: Layout) -> str:
    """Run pytest and return the end of what it printed."""
    words = [bench.python, "-m", "pytest", "-q", f"test_{case.name}.py", "-p", "no:cacheprovider"]
    if bench.by not in ("fork", "fresh"):
        words += [f"--envguard={bench.selection(condition)}", "--envguard-baseline=never"]
    if bench.by in ("calls", "python"):
        words += [f"--envguard-mechanism={bench.by}", "--envguard-fidelity=python"]
    words += ["-p", "truth_reports", f"--truth-reports={layout.reports}"]
    _, printed = run_to_the_end(words, case, bench, layout, case.timeout + STARTUP)
    return printed[-2000:].strip()


def run_to_the_end(words: list[str], case: Case, bench: Bench, layout: Layout, seconds: float) -> tuple[int, str]:
    """Run a command in a case's project and return its exit status and what it printed; it's killed after ``seconds``."""
    process = subprocess.Popen(
        bench.command(words, layout.tmp),
        cwd=layout.project,
        env=layout.environ(case, bench),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
    return process.returncode, printed


_Result = tuple[Token, str]  # how a test ended, and what it said


def _result(results: Mapping[str, _Result], test: str, printed: str) -> _Result:
    if test == FIRST and results:
        return next((result for result in results.values() if result[0].kind != "pass"), (Token("pass"), ""))
    # A file that can't be imported has one result for all of its tests.
    return results.get(test) or results.get("") or (Token("nothing"), printed)


def read_reports(lines: Iterable[Mapping[str, Any]]) -> dict[str, _Result]:
    """Return how each test ended, from the lines that `truth_reports` wrote.

    The first phase that fails decides; a test of which only the start was heard hangs. An error of collection has the
    name "" because it stands for all tests of the file.
    """
    results: dict[str, _Result] = {}
    for line in lines:
        test = line["nodeid"].partition("::")[2]
        undecided = test not in results or results[test][0].kind in ("hang", "pass")
        if line["when"] == "start":
            results[test] = (Token("hang"), "")
        elif line["outcome"] in ("failed", "skipped") and undecided:
            results[test] = (_token(line), line["facts"].get("text") or line["text"][-400:])
        elif line["when"] == "call" and line["outcome"] == "passed":
            results[test] = (Token("pass"), "")
    return results


def _token(line: Mapping[str, Any]) -> Token:
    if line["outcome"] == "skipped":
        return Token("skip")
    facts = line["facts"]
    died = re.search(r"^the test was ended by (SIG[A-Z]+)", line["text"], re.MULTILINE)
    if not facts or died:
        # The process is gone, so nobody could take the exception apart; the controller names the signal.
        named = re.search(r"\bSIG[A-Z]+\b", line["text"])
        return Token("crash", named[0] if named else "")
    kind = "fail" if line["when"] == "call" else f"error@{line['when']}"
    return Token(kind, facts["error"], facts["errno"], facts["path"])


# -- everything --------------------------------------------------------------------------------------------------------


def compare(cases: Iterable[Case], conditions: Iterable[str], bench: Bench, jobs: int) -> Iterator[Comparison]:
    """Yield a comparison for every test of ``cases`` under every one of ``conditions`` that its header knows."""
    wanted = set(conditions)
    runs = [(case, condition) for case in cases for condition in case.conditions() if condition in wanted]
    with ThreadPoolExecutor(jobs) as pool:
        for comparisons in pool.map(lambda run: run_case(run[0], run[1], bench), runs):
            yield from comparisons


def report(comparisons: Sequence[Comparison]) -> str:
    """Return the disagreements, and the share of what agrees."""
    agreeing = sum(comparison.agrees for comparison in comparisons)
    share = 100 * agreeing / len(comparisons) if comparisons else 0.0
    disagreements = [str(comparison) for comparison in comparisons if not comparison.agrees]
    return "\n".join([*disagreements, f"agreement: {agreeing} of {len(comparisons)} ({share:.1f} %)"])


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the plugin with what the kernel itself did.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="name of a case, or a file (default: all)")
    parser.add_argument("--condition", action="append", choices=CONDITIONS, help="only this one; can be repeated")
    parser.add_argument(
        "--by", default="run", choices=("run", "calls", "python", "fork", "fresh"), help="how a test gets there"
    )
    parser.add_argument("--as-user", action="store_true", help=f"as root: run pytest as uid {USER}")
    parser.add_argument("--venv", default=sys.executable, metavar="PYTHON", help="interpreter that runs the cases")
    parser.add_argument("--work", type=Path, default=WORK, metavar="FOLDER", help="outside of /tmp, open to everyone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="runs at the same time")
    chosen = parser.parse_args(words)
    if chosen.as_user and os.geteuid() != 0:
        parser.error("--as-user is for root; without it the cases run as you anyway")
    if chosen.work.resolve().is_relative_to("/tmp"):
        parser.error("--work must lie outside of /tmp, which environments replace")
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns 0 only if everything agrees."""
    chosen = _arguments(words)
    caller = look_at(chosen.venv, root=os.geteuid() == 0 and not chosen.as_user)
    cases = read_cases(chosen.cases)
    for case in cases:
        if caller.lacks(case):
            print(f"left out: {case.name} (needs {', '.join(caller.lacks(case))})")
    cases = [case for case in cases if not caller.lacks(case)]
    with work_folder(chosen.work) as folder:
        bench = Bench(folder, chosen.venv, caller, chosen.as_user, chosen.by)
        build_fixtures(bench, any(needs_model(case) for case in cases))
        comparisons = list(compare(cases, chosen.condition or CONDITIONS, bench, chosen.jobs))
    print(report(comparisons))
    return 0 if comparisons and all(comparison.agrees for comparison in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
