"""The plugin agrees with the kernel: cases that were measured under `unshare`, `mount` and `setpriv` alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this file, whatever pytest's import mode

from agreement import Bench, build_fixtures, compare, look_at, needs_model, read_cases, report, work_folder
from truth_headers import CONDITIONS, Caller, Case, read_case

pytestmark = pytest.mark.truth

JOBS = os.cpu_count() or 1
CASES = read_cases()
# `nonet` and `offline` are two names for one condition.
MEASURED = [condition for condition in CONDITIONS if condition != "nonet"]

ENDINGS = """
# truth.test_dies: host=crash:SIGABRT lambdapw=crash:SIGABRT
# truth.test_without_setup: host=error@setup:KeyError lambdapw=error@setup:OSError:EROFS:{proj}/x
# truth.test_without_teardown: host=error@teardown:ValueError lambdapw=error@teardown:ValueError
# truth.test_causes: host=fail:ImportError<-PermissionError:EPERM:a lambdapw=fail:ImportError<-PermissionError:EPERM:a
# truth.test_skips: host=skip lambdapw=skip
import errno, os, pathlib
import pytest

@pytest.fixture
def broken():
    pathlib.Path(__file__).with_name("x").touch()
    raise KeyError("broken")

@pytest.fixture
def closing():
    yield
    raise ValueError("closing")

def test_dies():
    os.abort()

def test_without_setup(broken):
    pass

def test_without_teardown(closing):
    pass

def test_causes():
    try:
        raise PermissionError(errno.EPERM, "no", "a")
    except OSError as error:
        raise ImportError("not") from error

def test_skips():
    pytest.skip("not here")
"""
UNIMPORTABLE = """
# truth.test_a: host=pass lambdapw=error@collect:OSError:EROFS:made
import os
os.mkdir("made")

def test_a():
    pass
"""
WRONG = """
# truth.test_passes: host=fail:OSError:EROFS
# truth.test_errno: host=fail:FileNotFoundError:EACCES
# truth.test_path: host=fail:FileNotFoundError:ENOENT:other/*
# truth.test_absent: host=pass
def test_passes():
    pass

def test_errno():
    open("no/such")

def test_path():
    open("no/such")
"""


@pytest.fixture(scope="module")
def caller() -> Caller:
    """Who runs this, with this interpreter."""
    return look_at(sys.executable, root=os.geteuid() == 0)


@pytest.fixture(scope="module")
def bench(caller: Caller) -> Iterator[Bench]:
    """A folder outside of `/tmp` with everything that cases need."""
    with work_folder() as folder:
        made = Bench(folder, sys.executable, caller)
        build_fixtures(made, any(needs_model(case) and not caller.lacks(case) for case in CASES))
        yield made


def made_up(tmp_path: Path, name: str, text: str) -> Case:
    """Return a case of this test's own."""
    path = tmp_path / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return read_case(path)


@pytest.mark.parametrize("by", ["run", "calls", "fork"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_the_kernel(case: Case, by: str, caller: Caller, bench: Bench) -> None:
    """Each test of the case ends under each profile as it did under the condition that the profile stands for.

    Whether all of it runs there, by namespaces or by answered system calls, or each of its tests by a marker.
    """
    if by == "fork" and case.packages:
        pytest.skip("what packages found out when they were imported outside stays in a fork")
    if caller.lacks(case):
        pytest.skip(f"needs {', '.join(caller.lacks(case))}: run `tox -e truth`")
    there = replace(bench, by=by)
    comparisons = list(compare([case], MEASURED, there, JOBS))
    assert comparisons
    misses = {comparison.test for comparison in comparisons if not comparison.agrees}
    if there.playing:  # /proc/version is root's
        misses -= {"test_proc_write_refused"}
    assert not misses, report(comparisons)


@pytest.mark.parametrize(("name", "text"), [("endings", ENDINGS), ("unimportable", UNIMPORTABLE)])
def test_every_kind_of_ending_is_read(name: str, text: str, tmp_path: Path, bench: Bench) -> None:
    """Crashes, errors around a test, causes and skips are told apart inside of an environment as on the host."""
    comparisons = list(compare([made_up(tmp_path, name, text)], CONDITIONS, bench, JOBS))
    assert comparisons
    assert all(comparison.agrees for comparison in comparisons), report(comparisons)


def test_disagreement_is_noticed(tmp_path: Path, bench: Bench) -> None:
    """A wrong outcome, errno or path and a test that never ran each count as a disagreement."""
    comparisons = list(compare([made_up(tmp_path, "wrong", WRONG)], CONDITIONS, bench, JOBS))
    assert [comparison.agrees for comparison in comparisons] == [False] * 4
    assert report(comparisons).endswith("agreement: 0 of 4 (0.0 %)")
