"""tiktoken: where it keeps encodings, and what happens where it can't, or can't get them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, not_explained, refused, rules
from tests.knowledge.servers import BLOBS

PACKAGES = ["tiktoken==0.14.0"]
OLD = ["tiktoken==0.5.1"]
LETTERS = hashlib.sha1(b"https://encodings.example/letters.tiktoken", usedforsecurity=False).hexdigest()

PROFILES = """
[tool.pytest.ini_options]
# No folder for temporary files: all that tempfile tries is read-only, the project too.
[tool.envguard.profiles.sealed]
root = "read-only"
shm = "absent"
env_unset = ["TMPDIR", "TEMP", "TMP"]
"""

SOURCE = """
import os, tempfile

import blobs, pytest, requests, tiktoken


def test_user_folder(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", os.path.expanduser("~/encodings"))
    blobs.load()


def test_gym_folder(monkeypatch):
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", ".encodings")
    blobs.load()


def test_default_folder():
    blobs.load()


def test_no_cache(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    blobs.load()


def test_public_encoding():
    tiktoken.get_encoding("r50k_base")


def test_own_file():
    blobs.load()
    with open("/var/lib/encodings", "w"):
        pass


def test_own_request():
    blobs.load()
    requests.get("https://openaipublic.blob.core.windows.net/encodings/r50k_base.tiktoken")


def test_own_temporary_file():
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """The newest release in several environments."""
    files = {"blobs.py": BLOBS, "pyproject.toml": PROFILES}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,offline,sealed", files=files)


@pytest.mark.parametrize("test", ["test_user_folder", "test_gym_folder"])
def test_folder_of_the_users_that_is_not_writable(facts: dict[str, Any], test: str) -> None:
    """A folder that a variable names is a wish: that it can't be written is an error, where the default folder's isn't."""
    assert "Read-only file system" in facts["messages"]["lambda"][test]
    assert facts["outcomes"]["lambda"]["test_default_folder"] == "passed"
    explained(facts, "lambda", test, "tiktoken/cache-not-writable")


def test_file_of_the_projects_is_not_the_cache(facts: dict[str, Any]) -> None:
    """A test that uses tiktoken, and itself writes where it can't."""
    not_explained(facts, "lambda", "test_own_file", "tiktoken/cache-not-writable")
    not_explained(facts, "lambda", "test_own_file", "tiktoken/default-cache-lost")


def test_writable_folder_mends_it(knowledge_run: KnowledgeRun) -> None:
    """TIKTOKEN_CACHE_DIR goes before DATA_GYM_CACHE_DIR."""
    source = "import blobs\ndef test_it():\n    blobs.load()\n"
    files = {"blobs.py": BLOBS}
    both = {"DATA_GYM_CACHE_DIR": "/opt/encodings", "TIKTOKEN_CACHE_DIR": "/tmp/tiktoken"}
    assert knowledge_run(PACKAGES, source, "--envguard=lambda", files=files, env=both)["code"] == 0


def test_no_folder_for_temporary_files(facts: dict[str, Any]) -> None:
    """The place of the default folder is asked for outside of the `try`; without a cache, it isn't asked for."""
    assert "No usable temporary directory" in facts["messages"]["sealed"]["test_default_folder"]
    assert facts["outcomes"]["sealed"]["test_no_cache"] == "passed"
    explained(facts, "sealed", "test_default_folder", "tiktoken/no-temporary-folder")


def test_temporary_file_of_the_projects(facts: dict[str, Any]) -> None:
    """The same error of somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "tiktoken/no-temporary-folder")


def test_download_without_a_network(facts: dict[str, Any]) -> None:
    """It says the host's name, and fails at once where names can't be looked up."""
    assert "openaipublic.blob.core.windows.net" in facts["messages"]["offline"]["test_public_encoding"]
    explained(facts, "offline", "test_public_encoding", "tiktoken/download-without-network")
    not_explained(facts, "offline", "test_public_encoding", "tiktoken/cached-in-another-home")


def test_request_of_the_projects_own(facts: dict[str, Any]) -> None:
    """The same host, asked by somebody else."""
    not_explained(facts, "offline", "test_own_request", "tiktoken/download-without-network")


def test_filled_folder_is_only_read(knowledge_run: KnowledgeRun) -> None:
    """Without a network, on a read-only root: the file lies there under the SHA-1 of its address."""
    source = """
        import hashlib, os, tiktoken.load
        def test_it():
            os.environ["TIKTOKEN_CACHE_DIR"] = "baked"
            ranks = tiktoken.load.load_tiktoken_bpe("https://encodings.example/letters.tiktoken")
            assert ranks == {b"a": 0}
            assert not os.access("baked", os.W_OK)
    """
    found = knowledge_run(PACKAGES, source, "--envguard=container", files={f"baked/{LETTERS}": "YQ== 0\n"})
    assert found["code"] == 0, found["output"]


FOREIGN = """
import os, blobs


def test_it():
    os.makedirs("/tmp/data-gym-cache", 0o555, exist_ok=True)  # as if somebody else had made it
    blobs.load()


def test_remedy(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/tmp/tiktoken")
    blobs.load()
"""


def test_default_cache_is_lost_silently(knowledge_run: KnowledgeRun) -> None:
    """From 0.5.2 on an error of the default folder's is swallowed, and each process downloads again."""
    facts = knowledge_run(PACKAGES, FOREIGN, "--envguard=lambda", files={"blobs.py": BLOBS})
    assert facts["outcomes"]["lambda"] == {"test_it": "passed", "test_remedy": "passed"}
    ((operation, target, error, library),) = refused(facts, "lambda", "test_it")
    assert (operation, error, library) == ("open", "EACCES", "tiktoken")
    assert target.startswith("/tmp/data-gym-cache/")
    assert not refused(facts, "lambda", "test_remedy")
    assert rules(facts, "lambda", "test_it") == ["tiktoken/default-cache-lost"]


def test_default_cache_of_somebody_else_in_an_old_release(knowledge_run: KnowledgeRun) -> None:
    """Up to 0.5.1 nothing is swallowed."""
    facts = knowledge_run(OLD, FOREIGN, "--envguard=lambda", files={"blobs.py": BLOBS})
    assert "Permission denied: '/tmp/data-gym-cache/" in facts["messages"]["lambda"]["test_it"]
    assert facts["outcomes"]["lambda"]["test_remedy"] == "passed"
    explained(facts, "lambda", "test_it", "tiktoken/default-cache-not-writable")


def test_encodings_in_another_home(knowledge_run: KnowledgeRun) -> None:
    """Where the project points tiktoken to the home, and a deployment has another one."""
    source = """
        import os, tiktoken.load
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", os.path.expanduser("~/.cache/tiktoken"))
        def test_it():
            assert tiktoken.load.load_tiktoken_bpe("https://encodings.example/letters.tiktoken") == {b"a": 0}
    """
    files = {f"~/.cache/tiktoken/{LETTERS}": "YQ== 0\n", f"baked/{LETTERS}": "YQ== 0\n"}
    found = knowledge_run(PACKAGES, source, "--envguard=lambda,offline", files=files)
    assert found["outcomes"]["offline"]["test_it"] == "passed"
    explained(found, "lambda", "test_it", "tiktoken/cached-in-another-home")

    env = {"TIKTOKEN_CACHE_DIR": "baked"}
    assert knowledge_run(PACKAGES, source, "--envguard=lambda", files=files, env=env)["code"] == 0
