"""scikit-learn: its data sets; what it does without /dev/shm is joblib's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, heavy, not_explained, rules
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["scikit-learn==1.9.1"]

SOURCE = """
import urllib.request

import sklearn.datasets


def test_data():
    sklearn.datasets.get_data_home()


def test_data_where_the_remedy_says(monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", "/tmp/scikit_learn_data")
    assert sklearn.datasets.get_data_home() == "/tmp/scikit_learn_data"


def test_download(tmp_path):
    sklearn.datasets.fetch_california_housing(data_home=tmp_path, n_retries=1, delay=0.1)


def test_parallel():
    from sklearn.ensemble import RandomForestClassifier
    RandomForestClassifier(n_estimators=2, n_jobs=2).fit([[0], [1]] * 4, [0, 1] * 4)


def test_own_file():
    sklearn.datasets.load_iris()
    with open("x.txt", "w"):
        pass


def test_own_request():
    sklearn.datasets.load_iris()
    urllib.request.urlopen("https://ndownloader.figshare.com/files/5976036")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Homes that can't be written, and no network."""
    environments = "--envguard=lambda,container,openshift,nameless,offline"
    return knowledge_run(PACKAGES, SOURCE, environments, files=SETTINGS, seconds=300)


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift", "nameless"])
def test_folder_of_data_sets(facts: dict[str, Any], environment: str) -> None:
    """Without a home that is known it's a folder called ~."""
    explained(facts, environment, "test_data", "scikit-learn/data-folder-not-writable")
    assert facts["outcomes"][environment]["test_data_where_the_remedy_says"] == "passed"
    (cause,) = causes(facts, environment, "test_data")
    assert cause["remedies"][0]["set"] == {"SCIKIT_LEARN_DATA": "/tmp/scikit_learn_data"}


def test_file_of_the_project(facts: dict[str, Any]) -> None:
    """Written by nobody but the project."""
    not_explained(facts, "lambda", "test_own_file", "scikit-learn/data-folder-not-writable")


def test_data_set_without_a_network(facts: dict[str, Any]) -> None:
    """The host's name stands in the diagnosis."""
    explained(facts, "offline", "test_download", "scikit-learn/data-set-without-network")


def test_host_of_the_project(facts: dict[str, Any]) -> None:
    """The same host, asked by somebody else."""
    not_explained(facts, "offline", "test_own_request", "scikit-learn/data-set-without-network")


def test_one_process(facts: dict[str, Any]) -> None:
    """joblib has tried at import, and says nothing any more."""
    assert facts["outcomes"]["lambda"]["test_parallel"] == "passed"
    assert "joblib/one-process-without-shm" in [
        *rules(facts, "lambda", "test_it.py"),
        *rules(facts, "lambda", "test_parallel"),
    ]
