"""joblib: processes without locks, and places that can't be written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained, rules
from tests.knowledge.profiles import SETTINGS

PACKAGES = ["joblib==1.6.0"]

SOURCE = """
import multiprocessing, os, subprocess, sys, warnings


def test_parallel():
    import joblib
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(4)) == [os.getpid()] * 4


def test_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in [name for name in sys.modules if name.partition(".")[0] == "joblib"]:
            del sys.modules[name]
        import joblib


def test_warning_that_is_off():
    environ = {**os.environ, "JOBLIB_MULTIPROCESSING": "0"}
    subprocess.run([sys.executable, "-W", "error", "-c", "import joblib"], env=environ, check=True)


def test_own_lock():
    import joblib
    multiprocessing.Lock()


def test_memory():
    import joblib
    joblib.Memory("results", verbose=0).cache(len)([1])


def test_dump():
    import joblib
    joblib.dump([1], "model.pkl")


def test_own_file():
    import joblib
    joblib.hash(1)
    with open("x.txt", "w"):
        pass
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """With and without /dev/shm."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container", files=SETTINGS)


def test_one_process_without_a_word(facts: dict[str, Any]) -> None:
    """What the test sees is that all ran in its own process."""
    assert facts["outcomes"]["lambda"]["test_parallel"] == "passed"
    assert facts["outcomes"]["container"]["test_parallel"] == "failed"  # there are locks
    assert "joblib/one-process-without-shm" in rules(facts, "lambda", "test_parallel")


def test_warning_that_is_an_error(facts: dict[str, Any]) -> None:
    """And the variable that leaves it out."""
    explained(facts, "lambda", "test_warning", "joblib/warning-of-one-process")
    assert facts["outcomes"]["lambda"]["test_warning_that_is_off"] == "passed"


def test_lock_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by the project."""
    explained(facts, "lambda", "test_own_lock", "python/locks-without-shm")


@pytest.mark.parametrize("test", ["test_memory", "test_dump"])
def test_location_that_is_not_writable(facts: dict[str, Any], test: str) -> None:
    """A place that the project gave; there's no variable."""
    explained(facts, "lambda", test, "joblib/location-not-writable")


def test_file_of_the_project(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    not_explained(facts, "lambda", "test_own_file", "joblib/location-not-writable")
