"""What another machine answers; the connection itself is tested in `tests/acceptance/test_hosts.py`."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import execnet
import pytest

from pytest_envguard.engine.hosts import remote
from pytest_envguard.engine.hosts.connections import Host
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.cell import Cell, NotReady, Ready
from pytest_envguard.model.host import Machine
from pytest_envguard.model.plan import Enforcement, Strength
from tests.unit.surroundings import plan

LOOK = {"inifile": "", "variables": {}, "nice": 0, "coverage": False}


@pytest.fixture
def host() -> Any:
    """A connection to another process."""
    group = execnet.Group(execmodel="thread")
    host = Host(group.makegateway("popen//id=host:other"))
    host.machine = Machine("other")
    yield host
    group.terminate(5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Enforcement("tmp", "512 MiB", Strength.KERNEL, "mount"), ("tmp", "512 MiB", 4, "mount", "", "")),
        (MappingProxyType({"a": OrderedDict(b=[1, (2, None)])}), {"a": {"b": [1, (2, None)]}}),
        (frozenset((True, 1.5, b"x")), frozenset((True, 1.5, b"x"))),
    ],
)
def test_plain_values_have_no_types_of_this_package(value: object, expected: object) -> None:
    """execnet carries built-in types only, and looks at the very type."""
    got = remote.plain(value)
    assert got == expected
    assert execnet.loads(execnet.dumps(got)) == expected


def test_a_whole_plan_can_be_carried() -> None:
    """Whatever a plan has, its script and promises included, arrives as it was."""
    made = plan(network="none", uid=993, tmp_size="64M", env={"A": "b"})
    fields = remote.plain(tuple(made))
    assert execnet.loads(execnet.dumps(fields)) == fields
    assert fields[4] == made.script


@pytest.mark.parametrize(
    "cell",
    [
        NotReady(Cell((("six", "1.16.0"),), "2024-01-01", ("a<2",)), "not built", "no compiler"),
        Ready(
            Cell((("six", "1.16.0"),)), "/c", "/c/bin/python", "/usr", ("/c/lib",), "3.11.7", {"six": "1.16.0"}, "now"
        ),
    ],
)
def test_cells_come_back_as_they_went(cell: Ready | NotReady) -> None:
    """Of plain values the same cell is made."""
    assert remote.unpacked(execnet.loads(execnet.dumps(remote.plain(cell)))) == cell


def test_checksums_are_of_the_projects_own_files(tmp_path: Path) -> None:
    """Python files and settings, but nothing of virtual environments, caches or packages."""
    for name in ("a.py", "sub/b.py", "pytest.ini", "data.bin", ".git/c.py", "env/pyvenv.cfg", "env/d.py", "dist/e.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = remote.checksums(str(tmp_path))
    assert list(before) == ["a.py", "pytest.ini", "sub/b.py"]
    (tmp_path / "a.py").write_text("other")
    assert [name for name, number in remote.checksums(str(tmp_path)).items() if before[name] != number] == ["a.py"]


def test_a_look_tells_what_the_engine_needs(host: Host, tmp_path: Path) -> None:
    """The interpreter, its path, the launcher, who runs it; and it goes to the project's folder."""
    found = host.ask(
        "look", **{**LOOK, "project": str(tmp_path), "folder": str(tmp_path), "variables": {"PYTHONPATH": "/g"}}
    )
    assert (found["python"], tuple(found["version"])) == (sys.executable, sys.version_info[:3])
    assert (found["missing"], found["given"], found["path"][0]) == ([], ["/g"], "/g")
    assert f"uid {os.getuid()}" in found["user"]
    assert Path(found["launcher"]).is_file()
    assert host.ask("digest") == {}


def test_a_folder_that_is_missing_is_named(host: Host, tmp_path: Path) -> None:
    """So is a file that makes it pytest's root folder."""
    absent = str(tmp_path / "absent")
    assert host.ask("look", **{**LOOK, "project": absent, "folder": absent})["missing"] == [absent]
    here = str(tmp_path)
    assert host.ask("look", **{**LOOK, "project": here, "folder": here, "inifile": "tox.ini"})["missing"] == [
        f"{here}/tox.ini"
    ]


def test_a_request_that_fails_says_so_and_the_next_is_answered(host: Host) -> None:
    """No mistake on one side ends the connection."""
    with pytest.raises(EnvguardError, match="KeyError: 'nonsense'"):
        host.ask("nonsense")
    assert host.ask("ended", mark="envguard=nobody", patience=0.0) is None


def test_answers_that_take_too_long_are_not_waited_for(host: Host) -> None:
    """A machine that hangs is taken for one that is gone."""
    host.gateway.remote_exec("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    try:
        with pytest.raises(OSError, match="no answer within 0 s"):
            host.ask("ended", mark="x", patience=0.0, timeout=0.2)
    finally:
        _continue(host)


def _continue(host: Host) -> None:
    import signal

    host.gateway._io.popen.send_signal(signal.SIGCONT)


def test_a_connection_that_is_gone_is_lost(host: Host) -> None:
    """Whoever asks learns it as an OSError."""
    host.gateway._io.popen.kill()
    with pytest.raises(OSError):  # of several kinds
        host.ask("ended", mark="x", patience=0.0)
    host.gateway.join(5)
    assert host.is_lost()
    assert host.lost() == "the connection to other was lost"
