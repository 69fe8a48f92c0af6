"""gradio: a lock, a seed and a temporary folder."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained, rules
from tests.knowledge.profiles import SETTINGS

pytestmark = heavy

PACKAGES = ["gradio==6.31.0"]

SOURCE = """
import importlib.util, multiprocessing, tempfile


def test_interface():
    import gradio
    gradio.Interface(str, "text", "text")


def test_blocks():
    import gradio
    with gradio.Blocks():
        gradio.Textbox()


def test_interface_with_a_callback():
    import gradio

    class Nothing(gradio.FlaggingCallback):
        def setup(self, *args, **kwargs):
            pass

        def flag(self, *args, **kwargs):
            return 0

    gradio.Interface(str, "text", "text", flagging_callback=Nothing())


def test_seed():
    from gradio.utils import get_hash_seed
    assert get_hash_seed() != get_hash_seed()


def test_own_lock():
    import gradio
    multiprocessing.Lock()


def test_own_temporary_file():
    assert importlib.util.find_spec("gradio")
    tempfile.mkstemp()
"""


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """With and without /dev/shm, and no temporary folder."""
    env = {"GRADIO_ANALYTICS_ENABLED": "False"}
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,openshift,sealed", files=SETTINGS, env=env, seconds=300)


def test_interface_makes_a_lock(facts: dict[str, Any]) -> None:
    """Blocks does not."""
    explained(facts, "lambda", "test_interface", "gradio/interface-without-shm")
    assert facts["outcomes"]["lambda"]["test_blocks"] == "passed"
    assert facts["outcomes"]["lambda"]["test_interface_with_a_callback"] == "passed"
    assert facts["outcomes"]["openshift"]["test_interface"] == "passed"


@pytest.mark.parametrize("environment", ["lambda", "openshift"])
def test_seed_beside_its_code(facts: dict[str, Any], environment: str) -> None:
    """Each time another one."""
    assert facts["outcomes"][environment]["test_seed"] == "passed"
    assert rules(facts, environment, "test_seed") == ["gradio/seed-beside-its-code"]


def test_lock_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by the project."""
    explained(facts, "lambda", "test_own_lock", "python/locks-without-shm")


def test_no_temporary_folder(facts: dict[str, Any]) -> None:
    """At import."""
    explained(facts, "sealed", "test_blocks", "gradio/no-temporary-folder")


def test_temporary_file_of_the_project(facts: dict[str, Any]) -> None:
    """The same lack, met by somebody else."""
    not_explained(facts, "sealed", "test_own_temporary_file", "gradio/no-temporary-folder")
