"""litellm: whose folder tiktoken's cache is in, and what its own variable does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained, refused, rules
from tests.knowledge.servers import BLOBS

# The last release whose folder is litellm/llms/tokenizers but for 1.54; it needs the httpx of its day.
PACKAGES = ["litellm==1.53.9", "httpx<0.28"]
SWITCHED = ["litellm==1.81.16"]
NEW = ["litellm==1.106.2"]

SOURCE = """
import os

import blobs, httpx, pytest


def count():
    from litellm import token_counter

    return token_counter(model="gpt-4", text="letters")


def test_import():
    import litellm


def test_bundled():
    assert count() > 0


def test_not_bundled():
    count()
    blobs.load()


def test_not_bundled_from_afar():
    count()
    import tiktoken

    tiktoken.get_encoding("r50k_base")


def test_list_of_the_project():
    httpx.get("https://raw.githubusercontent.com/letters/prices.json")


def test_cache_of_the_project(monkeypatch):
    count()
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", os.path.abspath(".encodings"))
    blobs.load()


def test_download_of_the_project(monkeypatch):
    count()
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    import tiktoken

    tiktoken.get_encoding("r50k_base")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """An old release, with a folder for tiktoken that it doesn't care for."""
    env = {"TIKTOKEN_CACHE_DIR": "/tmp/ours"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,offline", files={"blobs.py": BLOBS}, env=env)


def test_encoding_that_it_does_not_bring(facts: dict[str, Any]) -> None:
    """It's written below litellm's own folder, although TIKTOKEN_CACHE_DIR names a writable one."""
    assert facts["outcomes"]["lambda"]["test_bundled"] == "passed"
    ((_, target, error, library),) = refused(facts, "lambda", "test_not_bundled")
    assert "/site-packages/litellm/llms/tokenizers/" in target
    assert (error, library) == ("EROFS", "tiktoken")
    explained(facts, "lambda", "test_not_bundled", "litellm/tiktoken-cache-in-site-packages")


def test_cache_of_the_project(facts: dict[str, Any]) -> None:
    """The project sets the variable again, after litellm: it's not litellm's folder."""
    not_explained(facts, "lambda", "test_cache_of_the_project", "litellm/tiktoken-cache-in-site-packages")
    assert rules(facts, "lambda", "test_cache_of_the_project") == ["tiktoken/cache-not-writable"]


def test_own_variable_moves_it(knowledge_run: KnowledgeRun) -> None:
    """CUSTOM_TIKTOKEN_CACHE_DIR helps if the folder has what litellm itself needs, or there's a network to get it from."""
    source = """
        import glob, importlib.util, os, pathlib, shutil, blobs
        litellm = pathlib.Path(importlib.util.find_spec("litellm").origin).parent
        os.makedirs("/tmp/tiktoken")  # as if it had been downloaded before
        for file in litellm.glob("llms/tokenizers/[0-9a-f]*"):
            shutil.copy(file, "/tmp/tiktoken")
        def test_it():
            from litellm import token_counter
            token_counter(model="gpt-4", text="letters")
            before = len(os.listdir("/tmp/tiktoken"))
            blobs.load()
            assert len(os.listdir("/tmp/tiktoken")) == before + 1
    """
    env = {"CUSTOM_TIKTOKEN_CACHE_DIR": "/tmp/tiktoken", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    found = knowledge_run(PACKAGES, source, "--envguard=container", files={"blobs.py": BLOBS}, env=env)
    assert found["code"] == 0, found["output"]
    assert found["refusals"] == {"container": {}}


def test_encoding_that_it_does_not_bring_offline(facts: dict[str, Any]) -> None:
    """Without a network nothing is written: the download fails before."""
    explained(facts, "offline", "test_not_bundled_from_afar", "litellm/encoding-not-bundled-offline")
    not_explained(facts, "offline", "test_not_bundled_from_afar", "litellm/custom-folder-without-encodings")
    not_explained(facts, "offline", "test_not_bundled_from_afar", "litellm/price-list")


def test_download_of_the_project(facts: dict[str, Any]) -> None:
    """The project has turned the cache off."""
    not_explained(facts, "offline", "test_download_of_the_project", "litellm/encoding-not-bundled-offline")
    assert "tiktoken/download-without-network" in rules(facts, "offline", "test_download_of_the_project")


def test_price_list(facts: dict[str, Any], knowledge_run: KnowledgeRun) -> None:
    """It's asked for at import and nobody hears of it; a variable spares it."""
    assert facts["outcomes"]["offline"]["test_import"] == "passed"
    assert [one[:2] for one in refused(facts, "offline", "test_import")] == [("look up", "raw.githubusercontent.com")]
    assert rules(facts, "offline", "test_import") == ["litellm/price-list"]

    source = "def test_it():\n    import litellm\n    assert len(litellm.model_cost) > 100\n"
    remedied = knowledge_run(PACKAGES, source, "--envguard=offline", env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    assert (remedied["code"], remedied["refusals"]) == (0, {"offline": {}})


def test_list_of_the_project(facts: dict[str, Any]) -> None:
    """The same host, asked by somebody else."""
    not_explained(facts, "offline", "test_list_of_the_project", "litellm/price-list")


EMPTY = """
def test_it():
    from litellm import token_counter

    token_counter(model="gpt-4", text="letters")
"""


def test_custom_folder_that_is_empty(knowledge_run: KnowledgeRun) -> None:
    """litellm then doesn't find cl100k_base, which it needs itself: importing it fails."""
    facts = knowledge_run(PACKAGES, EMPTY, "--envguard=offline", env={"CUSTOM_TIKTOKEN_CACHE_DIR": "/tmp/nothing-here"})
    assert "cl100k_base.tiktoken" in facts["messages"]["offline"]["test_it"]
    assert "default_encoding" in facts["output"]
    explained(facts, "offline", "test_it", "litellm/custom-folder-without-encodings")
    not_explained(facts, "offline", "test_it", "litellm/custom-folder-is-nothing")


def test_custom_folder_that_is_nothing(knowledge_run: KnowledgeRun) -> None:
    """An empty text is passed on as it is, and turns the cache off."""
    facts = knowledge_run(PACKAGES, EMPTY, "--envguard=offline", env={"CUSTOM_TIKTOKEN_CACHE_DIR": ""})
    explained(facts, "offline", "test_it", "litellm/custom-folder-is-nothing")
    not_explained(facts, "offline", "test_it", "litellm/non-root-leaves-encodings")


@heavy
def test_switch_for_another_user(knowledge_run: KnowledgeRun) -> None:
    """LITELLM_NON_ROOT makes some releases look into an empty folder."""
    facts = knowledge_run(SWITCHED, EMPTY, "--envguard=container", env={"LITELLM_NON_ROOT": "true"})
    assert "cl100k_base.tiktoken" in facts["messages"]["container"]["test_it"]
    explained(facts, "container", "test_it", "litellm/non-root-leaves-encodings")

    assert knowledge_run(SWITCHED, EMPTY, "--envguard=container")["code"] == 0


@heavy
def test_encoding_that_it_does_not_bring_today(knowledge_run: KnowledgeRun) -> None:
    """The folder has another name since 1.55, and is only asked for with the first count."""
    facts = knowledge_run(NEW, SOURCE, "--envguard=lambda,offline", files={"blobs.py": BLOBS})
    ((_, target, error, _),) = refused(facts, "lambda", "test_not_bundled")
    assert "/site-packages/litellm/litellm_core_utils/tokenizers/" in target
    assert error == "EROFS"
    explained(facts, "lambda", "test_not_bundled", "litellm/tiktoken-cache-in-site-packages")
    explained(facts, "offline", "test_not_bundled_from_afar", "litellm/encoding-not-bundled-offline")


@heavy
def test_custom_folder_that_is_nothing_today(knowledge_run: KnowledgeRun) -> None:
    """It's as if it weren't set."""
    env = {"CUSTOM_TIKTOKEN_CACHE_DIR": ""}
    assert knowledge_run(NEW, EMPTY, "--envguard=container", env=env)["code"] == 0
