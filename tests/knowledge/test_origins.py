"""Real clients download from what an environment serves: tiktoken its encodings, huggingface_hub and what is built on it models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.knowledge import encodings
from tests.knowledge.conftest import KnowledgeRun, heavy

TRUSTME = "trustme>=1.2"


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All public encodings."""
    return encodings.make(tmp_path_factory.mktemp("blobs"))


ENCODINGS = """
import os, pytest, tiktoken

HOST = "openaipublic.blob.core.windows.net"

def test_first_start_downloads_each_encoding():
    for name in ("gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base"):
        assert tiktoken.get_encoding(name).decode(tiktoken.get_encoding(name).encode("hello world")) == "hello world"
    assert len(os.listdir("/tmp/data-gym-cache")) == 6  # one is shared

def test_second_start_does_not(envguard_origins):
    tiktoken.load.read_file_cached("https://openaipublic.blob.core.windows.net/encodings/r50k_base.tiktoken")
    assert envguard_origins.requests == []

def test_a_corrupt_download_is_refused(envguard_origins, monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))  # without a cache there is no check
    envguard_origins.fault("openaipublic.blob.core.windows.net", "corrupt")
    with pytest.raises(ValueError, match="Hash mismatch for data downloaded"):
        tiktoken.load.load_tiktoken_bpe(f"{envguard_origins.url(HOST)}/encodings/r50k_base.tiktoken", HASH)
"""


def test_tiktoken(knowledge_run: KnowledgeRun, blobs: Path) -> None:
    """The first start on Lambda downloads its vocabulary, and checks what it gets."""
    source = f"HASH = {encodings.EXPECTED['encodings/r50k_base.tiktoken']!r}\n{ENCODINGS}"
    facts = knowledge_run(
        ["tiktoken==0.14.0", TRUSTME],
        source,
        f"--envguard=lambda:origins={encodings.HOST}={blobs}",
        "-p",
        "no:randomly",
    )
    (outcomes,) = facts["outcomes"].values()
    assert (len(outcomes), facts["code"]) == (3, 0), facts["output"]


HUB = """
import hashlib, os
import huggingface_hub as hub, pytest
from huggingface_hub import utils

def test_a_small_file():
    assert open(hub.hf_hub_download("acme/tiny", "config.json")).read() == '{"model_type": "bert"}'

def test_a_large_file_comes_by_a_redirect(envguard_origins):
    file = hub.hf_hub_download("acme/tiny", "model.safetensors")
    assert open(file, "rb").read() == b"weights"
    assert os.path.basename(os.path.realpath(file)) == hashlib.sha256(b"weights").hexdigest()
    asked = [served for served in envguard_origins.requests if "agent" not in served.path]
    assert [(served.method, served.host, served.status) for served in asked] == [
        ("HEAD", "huggingface.co", 302), ("GET", "cdn-lfs.huggingface.co", 200)]

def test_a_snapshot():
    folder = hub.snapshot_download("acme/tiny")
    assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors", "sub", "tokenizer.json", "tokenizer_config.json"]
    assert os.path.basename(folder) == hub.HfApi().model_info("acme/tiny").sha

def test_other_revisions_and_kinds():
    assert open(hub.hf_hub_download("acme/tiny", "extra.txt", revision="v1")).read() == "more"
    assert open(hub.hf_hub_download("acme/rows", "train.csv", repo_type="dataset")).read() == "a,b"

def test_files_are_listed():
    assert "sub/notes.txt" in hub.HfApi().list_repo_files("acme/tiny")
    assert "acme/tiny/config.json" in hub.HfFileSystem().ls("acme/tiny", detail=False)

@pytest.mark.parametrize(("repository", "file", "revision", "error"), [
    ("acme/tiny", "nothing", "main", "EntryNotFoundError"),
    ("acme/tiny", "config.json", "v9", "RevisionNotFoundError"),
    ("acme/none", "config.json", "main", "RepositoryNotFoundError"),
    ("acme/gated", "config.json", "main", "GatedRepoError"),
])
def test_what_is_not_there(repository, file, revision, error):
    with pytest.raises(getattr(utils, error)):
        hub.hf_hub_download(repository, file, revision=revision)

def test_tokenizers():
    tokenizers = pytest.importorskip("tokenizers")
    assert tokenizers.Tokenizer.from_pretrained("acme/tiny").encode("the cat").ids == [1, 2]

def test_transformers():
    transformers = pytest.importorskip("transformers")
    assert transformers.AutoConfig.from_pretrained("acme/tiny").model_type == "bert"
    assert transformers.AutoTokenizer.from_pretrained("acme/tiny").encode("the cat") == [1, 2]
"""
TOKENIZER = (
    '{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null, '
    '"pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null, '
    '"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "the": 1, "cat": 2}, "unk_token": "[UNK]"}}'
)
FILES = {
    "models/acme/tiny/config.json": '{"model_type": "bert"}',
    "models/acme/tiny/model.safetensors": "weights",
    "models/acme/tiny/tokenizer.json": TOKENIZER,
    "models/acme/tiny/tokenizer_config.json": '{"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}',
    "models/acme/tiny/sub/notes.txt": "notes",
    "models/acme/tiny@v1/extra.txt": "more",
    "models/acme/gated/config.json": "{}",
    "models/acme/gated/.gated": "",
    "models/datasets/acme/rows/train.csv": "a,b",
    "pyproject.toml": """
[tool.pytest.ini_options]
[tool.envguard.profiles.served]
inherits = "lambda"
env = { HF_HOME = "/tmp/hf", HOME = "/tmp" }
origins = { "huggingface.co" = "models" }
""",
}


@pytest.mark.parametrize(
    "packages",
    [
        ["huggingface_hub==0.17.3", "tokenizers==0.13.3"],  # its Rust code downloads by itself
        ["huggingface_hub==0.36.0", "tokenizers==0.22.2"],
        ["huggingface_hub==1.33.0", "tokenizers==0.23.3"],
        pytest.param(["huggingface_hub==0.17.3", "transformers==4.33.3"], marks=heavy),
        pytest.param(["huggingface_hub==0.36.0", "transformers==4.57.6"], marks=heavy),
        pytest.param(["huggingface_hub==1.33.0", "transformers==5.23.0"], marks=heavy),
    ],
    ids=" ".join,
)
def test_the_hub_s_clients(knowledge_run: KnowledgeRun, packages: list[str]) -> None:
    """Downloads, snapshots, listings and errors are the hub's, in each generation of its client."""
    facts = knowledge_run([*packages, TRUSTME], HUB, "--envguard=served", "-p", "no:randomly", files=FILES)
    outcomes = facts["outcomes"]["served"]
    skipped = {name for name, word in outcomes.items() if word == "skipped"}
    assert facts["code"] == 0 and len(outcomes) == 11, facts["output"]
    assert skipped == ({"test_transformers"} if "tokenizers" in packages[1] else set()), facts["output"]
