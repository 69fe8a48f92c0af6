"""Sentences with placeholders, and paths as people write them."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.because import holding
from pytest_envguard.diagnosis.telling import completed, filled, folder_of, narrowed, retold, shown
from pytest_envguard.model.diagnosis import Cause, Diagnosis
from tests.unit.diagnosis.failures import setting

UUID = "12345678-1234-4234-9234-123456789abc"
SHA1 = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (f"/v/lib/python3.12/site-packages/litellm/t/{SHA1}.{UUID}.tmp", f"site-packages/litellm/t/{SHA1}"),
        (f"/tmp/{UUID}/x", "/tmp/*/x"),
        ("/dev/shm/sem.IitH4g", "/dev/shm/sem.*"),
        ("/dev/shm/psm_1fc19c7c", "/dev/shm/psm_*"),
        ("/tmp/tmpab12cd_9/x", "/tmp/tmp*/x"),
        ("/tmp/tmpab12cd_9", "/tmp/tmp*"),
        ("/tmp/tmpfiles", "/tmp/tmpfiles"),
        ("/tmp/pytest-of-me/pytest-12/test_a0/f", "/tmp/pytest-of-me/pytest-*/test_a0/f"),
        ("/usr/lib/python3/dist-packages/x", "dist-packages/x"),
        ("/home/me/.cache/huggingface", "/home/me/.cache/huggingface"),
        ("example.com:443", "example.com:443"),
        ("", ""),
    ],
)
def test_a_path_is_told_without_what_is_another_each_time(target: str, words: str) -> None:
    """Temporary names, and where packages happen to be; what tells something stays."""
    assert shown(target) == words


@pytest.mark.parametrize(
    ("target", "folder"),
    [("/a/b", "/a"), ("/a", "/"), ("example.com", "example.com"), (f"/tmp/tmpab12cd_9/{UUID}", "/tmp/tmp*")],
)
def test_a_folder_is_where_something_lies(target: str, folder: str) -> None:
    """A host is its own."""
    assert folder_of(target) == folder


def test_placeholders_are_filled_and_never_fail() -> None:
    """What nobody knows is said neutrally, and an unknown version leaves no gap."""
    values = {"library": "litellm", "version": "", "because": "{because}", "target": ""}
    sentence = "{library} {version} sets {HF_HOME} and {EMPTY}; {what}: {target}; {because}"
    assert filled(sentence, values, {"HF_HOME": "{x}", "EMPTY": ""}.get) == (
        "litellm sets {x} and empty; unknown: something; {because}"
    )
    assert filled("{HF_HOME}", {}, lambda _name: None) == "not set"


def test_a_sentence_is_completed_when_it_is_known_where_it_holds() -> None:
    """Environments, versions and reasons together, each once."""
    several = [
        holding(setting("lambda"), "root", "EROFS", "1.0"),
        holding(setting("lambda", "lambda with litellm 2.0"), "root", "EROFS", "2.0"),
        holding(setting("openshift"), "root", "EACCES"),
    ]
    assert completed("{version} in {environment}: {because}", several) == (
        "1.0/2.0 in lambda and openshift: "
        "the root is read-only in lambda, and it doesn't belong to the user 1000680000 of openshift"
    )


def test_a_cause_of_which_some_is_left_names_what_is_left() -> None:
    """Its environments and versions; one whose text leaves nothing open stays as it is."""
    known = {
        "a": holding(setting("lambda"), "root", "EROFS", "1.0"),
        "b": holding(setting("container"), "root", "", "2.0"),
    }
    sentence = "thing {version} fails in {environment}: {because}"
    where = {"a": ("t", "u"), "b": ("t",)}
    both = retold(Cause(Diagnosis("", sentence=sentence), where, holding=known))
    assert (
        both.diagnosis.text
        == "thing 1.0/2.0 fails in lambda and container: the root is read-only in lambda and container"
    )
    one = narrowed(both, {"b": ("t",)})
    assert one.diagnosis.text == "thing 2.0 fails in container: the root is read-only in container"
    assert (one.where, list(one.holding)) == ({"b": ("t",)}, ["b"])
    closed = Cause(Diagnosis("it failed"), where)
    assert narrowed(closed, {"a": ("t",)}) == closed._replace(where={"a": ("t",)})
