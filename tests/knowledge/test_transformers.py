"""transformers and tokenizers: what they download and copy, and which errors are not the environment's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import (
    KnowledgeRun,
    causes,
    explained,
    heavy,
    not_explained,
    of_another_user,
    refused,
    rules,
)
from tests.knowledge.servers import HUB

PACKAGES = ["transformers==5.23.0", "tokenizers==0.23.3", "huggingface-hub==2.4.0"]
FORMER = ["transformers==4.57.6"]

# As they come together by hand; no resolver would put them side by side.
MISFITS = [
    "--no-deps", "transformers==4.38.2", "tokenizers==0.19.1", "huggingface-hub==0.21.3", "certifi", "charset-normalizer",
    "filelock", "fsspec", "idna", "numpy<2", "packaging", "pyyaml", "regex", "requests", "safetensors", "tqdm",
    "typing-extensions", "urllib3",
]  # fmt: skip

PROFILES = """
[tool.pytest.ini_options]
[tool.envguard.profiles.nobody]
home = "unset"
user = ""
uid = 10001
gid = 10001
tmp = "private"
"""
MODEL = {
    "model/config.json": '{"model_type": "tiny", "auto_map": {"AutoConfig": "configuration_tiny.TinyConfig"}}',
    "model/configuration_tiny.py": """
        from transformers import PretrainedConfig
        class TinyConfig(PretrainedConfig):
            model_type = "tiny"
    """,
}
FILES = {"hub.py": HUB, "pyproject.toml": PROFILES, **MODEL}

SOURCE = """
import json, os

import hub, pytest

hub.FILES["config.json"] = b'{"model_type": "bert"}'
hub.FILES["tokenizer.json"] = json.dumps({
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"},
}).encode()


def test_code():
    from transformers import AutoConfig

    AutoConfig.from_pretrained("./model", trust_remote_code=True)


def test_download():
    from transformers import AutoConfig

    AutoConfig.from_pretrained("org/tiny", trust_remote_code=True)


def test_tokenizer():
    from tokenizers import Tokenizer

    Tokenizer.from_pretrained("org/tiny")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Today's releases, with the variable of former days."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,nobody", files=FILES)


def test_code_of_a_model(facts: dict[str, Any]) -> None:
    """Loading a local folder writes into the home."""
    assert [one[1:] for one in refused(facts, "lambda", "test_code")] == [
        ("/home/sbx_user1051", "EROFS", "transformers")
    ]
    explained(facts, "lambda", "test_code", "transformers/code-of-a-model")


@of_another_user
def test_code_of_a_model_without_a_home(facts: dict[str, Any]) -> None:
    """It's written to a folder called ~ in a project that is somebody else's."""
    explained(facts, "nobody", "test_code", "transformers/code-of-a-model")


def test_download_is_not_the_code(facts: dict[str, Any]) -> None:
    """The same folder can't be made, by huggingface_hub: another variable moves that."""
    not_explained(facts, "lambda", "test_download", "transformers/code-of-a-model")
    not_explained(facts, "lambda", "test_download", "huggingface-hub/variable-of-transformers")
    explained(facts, "lambda", "test_download", "huggingface-hub/cache-in-home")


def test_message_that_hides_a_missing_home(facts: dict[str, Any]) -> None:
    """What is said is that the configuration can't be loaded."""
    assert "Can't load the configuration" in facts["messages"]["nobody"]["test_download"]
    explained(facts, "nobody", "test_download", "huggingface-hub/no-home")


def test_tokenizer_downloads_through_the_hub(facts: dict[str, Any]) -> None:
    """So it's the hub's cache that can't be made."""
    assert [one[3] for one in refused(facts, "lambda", "test_tokenizer")] == ["huggingface_hub"]
    explained(facts, "lambda", "test_tokenizer", "huggingface-hub/cache-in-home")
    explained(facts, "nobody", "test_tokenizer", "huggingface-hub/no-home")


def test_folder_for_everything(knowledge_run: KnowledgeRun) -> None:
    """HF_HOME mends all of it."""
    found = knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,nobody", files=FILES, env={"HF_HOME": "/tmp/hf"})
    assert found["code"] == 0, found["output"]


def test_variable_of_former_days(knowledge_run: KnowledgeRun) -> None:
    """TRANSFORMERS_CACHE changes nothing, HF_MODULES_CACHE only where the code goes."""
    env = {"TRANSFORMERS_CACHE": "/tmp/tc", "HF_MODULES_CACHE": "/tmp/modules"}
    found = knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,nobody", files=FILES, env=env)
    for environment in ("lambda", "nobody"):
        assert found["outcomes"][environment]["test_code"] == "passed"
        explained(found, environment, "test_download", "huggingface-hub/variable-of-transformers")
        not_explained(found, environment, "test_download", "transformers/cache-of-variable")


@heavy
def test_variable_of_former_days_in_its_days(knowledge_run: KnowledgeRun) -> None:
    """It moves what transformers downloads, and goes before HF_HOME; tokenizers don't know it."""
    env = {"TRANSFORMERS_CACHE": "/tmp/tc"}
    found = knowledge_run(FORMER, SOURCE, "--envguard=lambda", files=FILES, env=env)
    assert found["outcomes"]["lambda"] == {"test_code": "failed", "test_download": "passed", "test_tokenizer": "failed"}

    env = {"TRANSFORMERS_CACHE": "/opt/tc", "HF_HOME": "/tmp/hf"}
    found = knowledge_run(FORMER, SOURCE, "--envguard=lambda", files=FILES, env=env)
    assert found["outcomes"]["lambda"] == {"test_code": "passed", "test_download": "failed", "test_tokenizer": "passed"}
    explained(found, "lambda", "test_download", "transformers/cache-of-variable")


@heavy
def test_model_that_is_not_cached(knowledge_run: KnowledgeRun) -> None:
    """It takes its time, and is the hub's."""
    source = """
        def test_it():
            from transformers import AutoConfig
            AutoConfig.from_pretrained("org/tiny")
    """
    found = knowledge_run(PACKAGES, source, "--envguard=offline")
    assert "We couldn't connect to" in found["messages"]["offline"]["test_it"]
    explained(found, "offline", "test_it", "huggingface-hub/not-cached-offline")


def test_releases_that_do_not_fit(knowledge_run: KnowledgeRun) -> None:
    """That transformers wants another release of tokenizers is said at import, and has nothing to do with the environment."""
    source = "import transformers\ndef test_it():\n    pass\n"
    found = knowledge_run(MISFITS, source, "--envguard=container,nobody", files={"pyproject.toml": PROFILES})
    for environment in ("container", "nobody"):
        assert "tokenizers>=0.14,<0.19 is required" in found["output"]
        assert not [rule for rule in rules(found, environment, "test_it.py") if rule]
        assert not [one for one in causes(found, environment, "test_it.py") if one["certain"] and one["dimension"]]
