"""Specifications of machines."""

from __future__ import annotations

import pytest

from pytest_envguard.engine.hosts.addresses import Address, elsewhere, read
from pytest_envguard.errors import EnvguardError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ssh=me@build1//python=/opt/venv/bin/python", "build1"),
        ("ssh=-p 2222 me@build1", "build1"),
        ("ssh=build1//id=fast", "fast"),
        ("socket=build2:8888//chdir=/srv/project", "build2"),
        ("vagrant_ssh=box", "box"),
        ("popen//python=docker exec -i box python", "popen"),
        ("popen", ""),
        ("popen//id=here", ""),
    ],
)
def test_a_machine_is_called_by_its_id_or_host_name(text: str, name: str) -> None:
    """Plain `popen` is the machine that pytest runs on, which needs no name."""
    assert read([text]) == [Address(text, name)]


def test_names_are_unique() -> None:
    """Two connections to the same machine are told apart by a number."""
    assert [address.name for address in read(["ssh=a", "ssh=me@a", "ssh=a//chdir=/b"])] == ["a", "a-2", "a-3"]


def test_a_multiplier_is_how_many_environments_a_machine_takes() -> None:
    """As in xdist's own `3*popen`."""
    assert read(["3*ssh=a"]) == [Address("ssh=a", "a", 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("popen", False),
        ("3*popen", False),
        ("popen//id=x", False),
        ("popen//python=/other/python", True),
        ("popen//chdir=/other", True),
        ("ssh=a", True),
        ("2*socket=a:1", True),
    ],
)
def test_what_needs_a_connection(text: str, expected: bool) -> None:
    """All but this interpreter in this folder."""
    assert elsewhere(text) is expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("ssh=a//pyhton=b", "no field is named `pyhton`", "python"),
        ("build1", "no field is named `build1`", "for example `ssh=me@build1"),
        ("ssh=a//", "no field is named ``", "for example"),
        ("ssh=a//_x=1", "no field is named `_x`", ""),
        ("ssh=a//socket=b:1", "expected `ssh=HOST`, `socket=HOST:PORT` or `popen`", "for example"),
        ("ssh=a//nice=very", "`nice` expects a number", "nice=10"),
        ("socket=a:1//via=b", "a socket server is reached directly", "leave out `via=`"),
        ("socket=a:http", "expected `socket=HOST:PORT`", "socket=build2:8888"),
    ],
)
def test_mistakes(text: str, message: str, hint: str) -> None:
    """Each names the specification, what is wrong with it, and what it should be."""
    with pytest.raises(EnvguardError) as caught:
        read([text])
    assert f"`--envguard-hosts`: `{text}`" in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint
