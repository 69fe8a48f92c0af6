"""torch, and what comes with it: datasets, sentence_transformers (and triton, of which only the look-alikes are run).

They are big, and share one virtual environment. Where torch is only there with CUDA, that is some gigabytes.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained, refused
from tests.knowledge.servers import HUB

pytestmark = [heavy, pytest.mark.slow]

PACKAGES = ["torch==2.13.0", "datasets==5.2.0", "sentence-transformers==6.2.0", "setuptools", "ninja"]

PROFILES = """
[tool.pytest.ini_options]
[tool.envguard.profiles.noexec]
tmp = "private"
tmp_exec = false
[tool.envguard.profiles.narrow]
shm = "private"
shm_size = "1M"
"""
FILES = {"pyproject.toml": PROFILES, "hub.py": HUB, "data.json": '{"a": 1}\n'}

SOURCE = """
import multiprocessing

import hub, pytest  # the hub first: its address is read when others are imported


def test_hub():
    import torch

    torch.hub.load("pytorch/vision", "resnet18")


def test_extension():
    from torch.utils.cpp_extension import load_inline

    load_inline("tiny", cpp_sources="int f(int x) { return x + 1; }", functions=["f"])


def test_workers():
    import torch
    from torch.utils.data import DataLoader

    assert len(list(DataLoader([torch.zeros(4)] * 4, num_workers=1))) == 4


def test_no_workers():
    import torch
    from torch.utils.data import DataLoader

    assert len(list(DataLoader([torch.zeros(4)] * 4, num_workers=0))) == 4


def test_shared():
    import torch

    torch.zeros(4).share_memory_()


def test_own_lock():
    import torch
    from torch.utils.data import DataLoader

    list(DataLoader([torch.zeros(4)] * 4))
    multiprocessing.Lock()


def test_data_set():
    from datasets import load_dataset

    load_dataset("json", data_files="data.json")


def test_data_set_in_memory():
    from datasets import Dataset

    Dataset.from_dict({"a": [1]}).map(lambda row: {"b": row["a"]})


def test_sentences():
    from sentence_transformers import SentenceTransformer

    hub.FILES["config.json"] = b'{"model_type": "bert"}'
    SentenceTransformer("org/tiny")
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """On Lambda, with a folder for models that can't be made."""
    env = {"SENTENCE_TRANSFORMERS_HOME": "/opt/models"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda", files=FILES, env=env, seconds=600)


def test_hub_of_torch(facts: dict[str, Any]) -> None:
    """Its folder is made before anybody is asked."""
    assert [one[1:] for one in refused(facts, "lambda", "test_hub")] == [("/home/sbx_user1051", "EROFS", "torch")]
    explained(facts, "lambda", "test_hub", "torch/hub-in-home")
    others = ["torch/extension-in-home", "torch/hub-offline", "datasets/cache-in-home", "triton/cache-in-home"]
    for rule in [*others, "sentence-transformers/cache-of-variable"]:
        not_explained(facts, "lambda", "test_hub", rule)


def test_extension_in_the_home(facts: dict[str, Any]) -> None:
    """The same folder, for another purpose: another variable moves it."""
    explained(facts, "lambda", "test_extension", "torch/extension-in-home")
    not_explained(facts, "lambda", "test_extension", "torch/hub-in-home")


def test_workers_without_shared_memory(facts: dict[str, Any]) -> None:
    """The exception names no file; without workers there are no locks."""
    assert facts["messages"]["lambda"]["test_workers"].endswith("No such file or directory")
    explained(facts, "lambda", "test_workers", "torch/workers-without-shm")
    not_explained(facts, "lambda", "test_workers", "torch/batches-larger-than-shm")
    assert facts["outcomes"]["lambda"]["test_no_workers"] == "passed"


def test_tensor_that_is_shared(facts: dict[str, Any]) -> None:
    """It's a file in /dev/shm, by whatever strategy."""
    explained(facts, "lambda", "test_shared", "torch/shared-tensor-without-shm")


def test_lock_of_the_project(facts: dict[str, Any]) -> None:
    """The same error of somebody who uses torch as well."""
    not_explained(facts, "lambda", "test_own_lock", "torch/workers-without-shm")
    not_explained(facts, "lambda", "test_own_lock", "torch/shared-tensor-without-shm")


def test_data_set_of_local_files(facts: dict[str, Any]) -> None:
    """Converted files are written, but not of what is in memory."""
    explained(facts, "lambda", "test_data_set", "datasets/cache-in-home")
    not_explained(facts, "lambda", "test_data_set", "datasets/not-cached-offline")
    assert facts["outcomes"]["lambda"]["test_data_set_in_memory"] == "passed"


def test_model_of_sentences(facts: dict[str, Any]) -> None:
    """Its own variable goes before the hub's."""
    assert ("/opt/models", "EROFS") in [one[1:3] for one in refused(facts, "lambda", "test_sentences")]
    explained(facts, "lambda", "test_sentences", "sentence-transformers/cache-of-variable")


def test_remedies(knowledge_run: KnowledgeRun) -> None:
    """Each variable moves what it's said to move; the hub fails later, for want of a network, and the tests' model is none."""
    env = {
        "TORCH_HOME": "/tmp/torch",
        "TORCH_EXTENSIONS_DIR": "/tmp/torch_extensions",
        "HF_DATASETS_CACHE": "/tmp/hf-datasets",
        "SENTENCE_TRANSFORMERS_HOME": "/tmp/sentence-transformers",
    }
    options = ("--envguard=lambda", "-k", "hub or extension or data_set or sentences")
    found = knowledge_run(PACKAGES, SOURCE, *options, files=FILES, env=env, seconds=600)
    assert found["outcomes"]["lambda"]["test_data_set"] == "passed"
    for test, message in found["messages"]["lambda"].items():
        assert "Read-only" not in message, test


def test_hub_without_a_network(knowledge_run: KnowledgeRun) -> None:
    """An error of urllib's."""
    found = knowledge_run(PACKAGES, SOURCE, "--envguard=offline", "-k", "test_hub", files=FILES)
    explained(found, "offline", "test_hub", "torch/hub-offline")


COMPILED = """
import ctypes, shutil, sys, sysconfig

import pytest


def test_compiled():
    import torch

    function = torch.compile(lambda x: x.sin() + x.cos())
    function(torch.ones(10))


def test_own_module():
    import _ctypes, torch

    copy = shutil.copy(_ctypes.__file__, "/tmp/copied.so")
    ctypes.CDLL(copy)


def test_large_batches():
    import torch
    from torch.utils.data import DataLoader

    list(DataLoader([torch.zeros(4_000_000)] * 8, num_workers=1, batch_size=2))
"""


@pytest.fixture(scope="module")
def compiled(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """In a /tmp without execution, and with little shared memory."""
    return knowledge_run(PACKAGES, COMPILED, "--envguard=noexec,narrow", files=FILES, seconds=600)


def test_compiled_code_in_a_folder_without_execution(compiled: dict[str, Any], knowledge_run: KnowledgeRun) -> None:
    """torch says itself what it may be; another folder helps, and so does not to compile."""
    assert "failed to map segment" in compiled["messages"]["noexec"]["test_compiled"]
    explained(compiled, "noexec", "test_compiled", "torch/compiled-code-noexec")
    not_explained(compiled, "noexec", "test_compiled", "triton/cache-noexec")

    options = ("--envguard=noexec", "-k", "test_compiled")
    eager = knowledge_run(PACKAGES, COMPILED, *options, files=FILES, env={"TORCHDYNAMO_DISABLE": "1"})
    assert eager["code"] == 0


def test_module_of_the_project_without_execution(compiled: dict[str, Any]) -> None:
    """The same error without torch's doing."""
    not_explained(compiled, "noexec", "test_own_module", "torch/compiled-code-noexec")
    not_explained(compiled, "noexec", "test_own_module", "torch/extension-noexec")


def test_batches_larger_than_shared_memory(compiled: dict[str, Any]) -> None:
    """What the worker has raised is in the text of another exception."""
    assert compiled["outcomes"]["noexec"]["test_large_batches"] == "passed"
    explained(compiled, "narrow", "test_large_batches", "torch/batches-larger-than-shm")


def test_data_set_without_a_network(knowledge_run: KnowledgeRun) -> None:
    """Asked for by its name."""
    source = """
        def test_it():
            from datasets import load_dataset
            load_dataset("org/tiny")
    """
    found = knowledge_run(PACKAGES, source, "--envguard=offline", seconds=600)
    explained(found, "offline", "test_it", "datasets/not-cached-offline")
