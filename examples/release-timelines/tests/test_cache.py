"""A cache folder that was filled when the image was built, named by a variable, on a host without a network."""

import shutil

import pytest

from prompt_budget import hub

COMMIT = "1f3a0c5e7b9d2468ace013579bdf02468ace1357"


@pytest.fixture
def baked(tmp_path):
    """A folder as huggingface_hub leaves it: `hub` in it is the cache, with one tokenizer."""
    model = tmp_path / "hub" / "models--acme--letters"
    shutil.copytree(hub.LETTERS, model / "snapshots" / COMMIT)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    return tmp_path


def test_named_by_transformers_cache(prompt_budget, baked):
    """`TRANSFORMERS_CACHE`, as deployments of 2023 have it."""
    variables = {"TRANSFORMERS_CACHE": str(baked / "hub"), "HF_HOME": str(baked / "empty"), "HF_HUB_OFFLINE": "1"}
    assert prompt_budget("acme/letters", "where is my order?", **variables) == "5"


def test_named_by_hf_home(prompt_budget, baked):
    """The remedy: `HF_HOME`, the folder above the cache, which every release knows."""
    assert prompt_budget("acme/letters", "where is my order?", HF_HOME=str(baked), HF_HUB_OFFLINE="1") == "5"
