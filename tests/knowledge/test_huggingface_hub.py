"""huggingface_hub: where its cache is, and when it asks the hub."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained, of_another_user, refused, rules
from tests.knowledge.servers import HUB

PACKAGES = ["huggingface-hub==2.4.0"]
OLD = ["huggingface-hub==0.34.4"]  # the last one that asks an unreachable hub only once
SLOW = ["huggingface-hub==0.36.0"]

PROFILES = """
[tool.pytest.ini_options]
[tool.envguard.profiles.nobody]
home = "unset"
user = ""
uid = 10001
gid = 10001
tmp = "private"
"""

SOURCE = """
import os, pathlib, urllib.request

import hub, pytest

hub.FILES["config.json"] = b"{}"
from huggingface_hub import hf_hub_download


def test_download():
    hf_hub_download("org/tiny", "config.json")


def test_folder_of_an_argument():
    hf_hub_download("org/tiny", "config.json", local_dir="/opt/models")


def test_own_folder():
    hf_hub_download("org/tiny", "config.json", cache_dir="/tmp/hub")
    os.makedirs(os.path.expanduser("~/.cache/huggingface/hub"))


def test_own_home():
    hf_hub_download("org/tiny", "config.json", cache_dir="/tmp/hub")
    pathlib.Path.home()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """The newest release, and a hub on the loopback interface."""
    files = {"hub.py": HUB, "pyproject.toml": PROFILES}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,container,nobody", files=files)


@pytest.mark.parametrize(("environment", "target"), [("lambda", "/home/sbx_user1051"), ("container", "/.cache")])
def test_cache_in_the_home(facts: dict[str, Any], environment: str, target: str) -> None:
    """The first folder that isn't there on the way to it is what can't be made."""
    assert f"'{target}'" in facts["messages"][environment]["test_download"]
    explained(facts, environment, "test_download", "huggingface-hub/cache-in-home")
    not_explained(facts, environment, "test_download", "huggingface-hub/baked-cache")


@pytest.mark.parametrize("rule", ["cache-in-home", "cache-of-variable", "given-folder", "baked-cache-not-updated"])
def test_folder_of_the_projects(facts: dict[str, Any], rule: str) -> None:
    """The same folder, made by somebody else."""
    not_explained(facts, "lambda", "test_own_folder", f"huggingface-hub/{rule}")


def test_no_home(facts: dict[str, Any]) -> None:
    """`~` that stays `~` is a RuntimeError of pathlib's."""
    assert "determine home directory" in facts["messages"]["nobody"]["test_download"]
    explained(facts, "nobody", "test_download", "huggingface-hub/no-home")


@of_another_user
def test_no_home_in_older_releases(knowledge_run: KnowledgeRun) -> None:
    """It's a folder of that name, in a project that is somebody else's."""
    files = {"hub.py": HUB, "pyproject.toml": PROFILES}
    old = knowledge_run(OLD, SOURCE, "--envguard=nobody", "-k", "test_download", files=files)
    assert "Permission denied: '~'" in old["messages"]["nobody"]["test_download"]
    explained(old, "nobody", "test_download", "huggingface-hub/cache-in-home")


def test_home_of_the_project(facts: dict[str, Any]) -> None:
    """The same error of somebody else."""
    not_explained(facts, "nobody", "test_own_home", "huggingface-hub/no-home")


def test_folder_that_an_argument_names(facts: dict[str, Any]) -> None:
    """No variable moves it."""
    explained(facts, "lambda", "test_folder_of_an_argument", "huggingface-hub/given-folder")


def test_cache_where_a_variable_says(knowledge_run: KnowledgeRun) -> None:
    """HF_HUB_CACHE goes before HF_HOME."""
    source = f"{SOURCE.partition('def test_folder')[0]}"
    env = {"HF_HOME": "/opt/hf", "HF_HUB_CACHE": "/opt/hub"}
    found = knowledge_run(PACKAGES, source, "--envguard=lambda", files={"hub.py": HUB}, env=env)
    assert [one[1] for one in refused(found, "lambda", "test_download")] == ["/opt/hub"]
    explained(found, "lambda", "test_download", "huggingface-hub/cache-of-variable")

    env["HF_HUB_CACHE"] = "/tmp/hub"
    assert knowledge_run(PACKAGES, source, "--envguard=lambda", files={"hub.py": HUB}, env=env)["code"] == 0


@pytest.mark.parametrize("packages", [PACKAGES, OLD], ids=["new", "old"])
def test_folder_for_everything(knowledge_run: KnowledgeRun, packages: list[str]) -> None:
    """HF_HOME mends it, with and without a home."""
    source = f"{SOURCE.partition('def test_folder')[0]}"
    files = {"hub.py": HUB, "pyproject.toml": PROFILES}
    found = knowledge_run(packages, source, "--envguard=lambda,nobody", files=files, env={"HF_HOME": "/tmp/hf"})
    assert found["code"] == 0, found["output"]


COMMIT = "0123456789abcdef0123456789abcdef01234567"  # as in servers.HUB
_REPOSITORY = "baked/hub/models--org--tiny"
BAKED = {
    f"{_REPOSITORY}/refs/main": COMMIT,
    f"{_REPOSITORY}/blobs/{hashlib.sha1(b'{}', usedforsecurity=False).hexdigest()}": "{}",
    f"{_REPOSITORY}/snapshots/{COMMIT}/config.json": "{}",
}
BAKED_SOURCE = """
import os

os.environ["HF_HOME"] = os.path.abspath("baked")
import hub

hub.FILES["config.json"] = b"{}"
from huggingface_hub import hf_hub_download, snapshot_download


def test_file():
    hf_hub_download("org/tiny", "config.json")


def test_snapshot():
    snapshot_download("org/tiny")
"""


def test_baked_cache_without_locks(knowledge_run: KnowledgeRun) -> None:
    """A cache without its folder .locks is only read with HF_HUB_OFFLINE, in older releases."""
    files = {"hub.py": HUB, **BAKED}
    found = knowledge_run(OLD, BAKED_SOURCE, "--envguard=lambda", files=files)
    assert found["messages"]["lambda"]["test_file"].endswith("baked/hub/.locks'")
    explained(found, "lambda", "test_file", "huggingface-hub/baked-cache")
    assert found["outcomes"]["lambda"]["test_snapshot"] == "passed"
    assert "huggingface-hub/baked-cache-not-updated" in rules(found, "lambda", "test_snapshot")

    for packages, env in ((OLD, {"HF_HUB_OFFLINE": "1"}), (PACKAGES, {})):
        mended = knowledge_run(packages, BAKED_SOURCE, "--envguard=lambda", files=files, env=env)
        assert mended["code"] == 0, mended["output"]


OFFLINE = """
import os, requests, time

os.environ["HF_HOME"] = os.path.abspath("baked")
from huggingface_hub import hf_hub_download, model_info


def test_cached():
    began = time.monotonic()
    hf_hub_download("org/tiny", "config.json")
    print(f"took {time.monotonic() - began:.1f} s")


def test_missing():
    hf_hub_download("org/tiny", "other.json")


def test_question():
    model_info("org/tiny")


def test_own_request():
    requests.get("https://huggingface.co/org/tiny")
"""


@pytest.fixture(scope="module")
def offline(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """A filled cache, and no network."""
    return knowledge_run(OLD, OFFLINE, "--envguard=offline", files=BAKED)


def test_file_that_is_not_cached(offline: dict[str, Any]) -> None:
    """The exception names no cause, but the hub."""
    assert "LocalEntryNotFoundError" in offline["messages"]["offline"]["test_missing"]
    explained(offline, "offline", "test_missing", "huggingface-hub/not-cached-offline")
    not_explained(offline, "offline", "test_missing", "huggingface-hub/cached-in-another-home")


def test_question_that_no_cache_answers(offline: dict[str, Any]) -> None:
    """What isn't a file isn't cached."""
    explained(offline, "offline", "test_question", "huggingface-hub/hub-unreachable")


@pytest.mark.parametrize("rule", ["not-cached-offline", "hub-unreachable", "asked-although-cached"])
def test_request_of_the_projects_own(offline: dict[str, Any], rule: str) -> None:
    """The hub, asked by somebody else."""
    not_explained(offline, "offline", "test_own_request", f"huggingface-hub/{rule}")


def test_cached_file_is_asked_for(offline: dict[str, Any], knowledge_run: KnowledgeRun) -> None:
    """Nobody notices, unless somebody looks at the connections; a switch spares it."""
    assert offline["outcomes"]["offline"]["test_cached"] == "passed"
    assert rules(offline, "offline", "test_cached") == ["huggingface-hub/asked-although-cached"]

    options = ("--envguard=offline", "-k", "test_cached")
    quiet = knowledge_run(OLD, OFFLINE, *options, files=BAKED, env={"HF_HUB_OFFLINE": "1"})
    assert (quiet["code"], quiet["refusals"]) == (0, {"offline": {}})


def test_cache_in_another_home(knowledge_run: KnowledgeRun) -> None:
    """A cache that is deployed with the code is found where HF_HOME says."""
    source = """
        def test_it():
            from huggingface_hub import hf_hub_download
            hf_hub_download("org/tiny", "config.json")
    """
    files = {name.replace("baked", "~/.cache/huggingface"): text for name, text in BAKED.items()}
    env = {"HF_HUB_OFFLINE": "1"}
    found = knowledge_run(PACKAGES, source, "--envguard=lambda,offline", files=files | BAKED, env=env)
    assert found["outcomes"]["offline"]["test_it"] == "passed"
    explained(found, "lambda", "test_it", "huggingface-hub/cached-in-another-home")

    env["HF_HOME"] = "baked"
    assert knowledge_run(PACKAGES, source, "--envguard=lambda", files=files | BAKED, env=env)["code"] == 0


@heavy
def test_cached_file_takes_long(knowledge_run: KnowledgeRun) -> None:
    """0.35 and 0.36 try again and again before they look into the cache: 23 s for a file."""
    options = ("--envguard=offline", "-k", "test_cached")
    found = knowledge_run(SLOW, OFFLINE, *options, "-rP", files=BAKED)
    assert found["outcomes"]["offline"]["test_cached"] == "passed"
    assert "took 2" in found["output"]
    assert rules(found, "offline", "test_cached")[0] == "huggingface-hub/slow-although-cached"

    quick = knowledge_run(SLOW, OFFLINE, *options, "-rP", files=BAKED, env={"HF_HUB_OFFLINE": "1"})
    assert "took 0.0 s" in quick["output"]
