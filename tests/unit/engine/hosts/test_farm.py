"""Environments on other machines: how they are shared out, and what the engine makes of what a machine tells."""

from __future__ import annotations

import shlex
from types import SimpleNamespace
from typing import Any

import execnet
import pytest
from xdist.remote import Producer

from pytest_envguard import launcher
from pytest_envguard.engine.hosts.farm import _by, _differences, _unfit, share
from pytest_envguard.engine.scheduling import PerEnvironmentScheduling
from pytest_envguard.engine.workers import Workers, environment_of, specification
from pytest_envguard.matrix.activation import in_cell
from pytest_envguard.model.cell import Cell, Ready
from pytest_envguard.model.host import Machine
from pytest_envguard.model.plan import Plan
from tests.unit.surroundings import plan

BUILD1 = Machine(
    "build1",
    python="/there/bin/python",
    launcher="/there/pytest_envguard/launcher.py",
    path=("/there/lib", "/given"),
    given=("/given",),
    programs="/usr/bin",
    project="/srv/project",
    folder="/srv/project/sub",
    version=(3, 12, 1),
    system="Linux 6.1",
    processors=8,
    user="uid 1000 (me)",
)
CELL = Ready(Cell((("six", "1.16.0"),)), "/cells/a", "/cells/a/bin/python", "/usr", ("/cells/a/lib",), "3.12.1", {}, "")


@pytest.mark.parametrize(
    ("count", "weights", "expected"),
    [
        (4, [1, 1], [0, 1, 0, 1]),
        (6, [2, 1], [0, 1, 0, 0, 1, 0]),
        (3, [5], [0, 0, 0]),
        (2, [1, 1, 1], [0, 1]),
        (0, [1], []),
    ],
)
def test_environments_are_shared_out_in_turn_by_weight(count: int, weights: list[int], expected: list[int]) -> None:
    """The heavier machine has more of them, spread over the whole order."""
    assert share(count, weights) == expected


def test_a_share_is_as_large_as_the_weight() -> None:
    """Over a whole round each machine has as many as its weight says."""
    chosen = share(80, [8, 2, 30])
    assert [chosen.count(number) for number in range(3)] == [16, 4, 60]


def test_a_machine_in_words() -> None:
    """The header's words."""
    assert str(BUILD1) == "build1 (Linux 6.1, Python 3.12.1, 8 processors, uid 1000 (me))"


def test_a_worker_there_is_started_through_its_connection_with_its_launcher() -> None:
    """The gateway's id is none that an environment could have; a mark tells the process from others."""
    made = plan(network="none")._replace(machine=BUILD1)
    spec = execnet.XSpec(specification(made, "mine-2"))
    python, isolated, no_site, program, word, *command = shlex.split(spec.python)
    assert (spec.popen, spec.via, spec.id, environment_of(spec)) == (True, "host:build1", "mine-2", "mine")
    assert (python, isolated, no_site, program) == (BUILD1.python, "-I", "-S", BUILD1.launcher)
    assert command == [BUILD1.python, "-X", "envguard=mine-2"]
    assert launcher.decode(word)["name"] == "mine"


def test_an_unrestricted_worker_there() -> None:
    """No launcher, but its interpreter."""
    spec = execnet.XSpec(specification(Plan("host", "", machine=BUILD1), "host"))
    assert shlex.split(spec.python) == [BUILD1.python, "-X", "envguard=host"]


def test_a_worker_in_a_cell_there_has_the_programs_of_its_machine() -> None:
    """PATH is that machine's, behind the cell's."""
    made = in_cell(Plan("host", "", machine=BUILD1), CELL, "six1.16.0")
    spec = execnet.XSpec(specification(made, "six1.16.0"))
    assert shlex.split(spec.python) == [CELL.python, "-X", "envguard=six1.16.0"]
    assert (spec.env["PATH"], spec.env["VIRTUAL_ENV"]) == ("/cells/a/bin:/usr/bin", "/cells/a")


def test_coverage_has_a_place_there() -> None:
    """The data of an environment that may write to the project go into a folder that is removed."""
    machine = BUILD1._replace(scratch="/srv/project/.envguard-x")
    spec = execnet.XSpec(specification(Plan("host", "", machine=machine), "host"))
    assert spec.env["COVERAGE_FILE"] == "/srv/project/.envguard-x/.coverage"


@pytest.mark.parametrize(
    ("frozen", "cell", "expected"),
    [
        (["/here", "/venv"], None, ["/srv/project/sub", "/given", "/there/lib"]),
        (["/venv/bin", "/venv"], None, ["/given", "/there/lib"]),
        (["", "/venv"], CELL, ["/srv/project/sub", "/given", "/cells/a/lib"]),
    ],
)
def test_what_a_worker_there_imports_from(frozen: list[str], cell: Ready | None, expected: list[str]) -> None:
    """Its machine's or its cell's path; the working folder first where it's so here (`python -m pytest`)."""
    assert BUILD1.search_path(frozen, "/here", cell) == expected


def test_environments_begin_where_their_machine_has_room(pytester: pytest.Pytester) -> None:
    """Each machine has its own number of environments side by side, and its own that wait."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfig("-p", "no:asyncio")
    there, here = ("a", "b", "c"), ("d", "e")
    plans = [*(Plan(name, "", machine=BUILD1) for name in there), *(Plan(name, "") for name in here)]
    workers = Workers(config, plans, "load", {"build1": 2, "": 1})
    assert [execnet.XSpec(text).id for text in config.option.tx] == ["a", "b", "d"]
    assert (workers.waiting_on("build1"), workers.waiting_on("")) == (["c"], ["e"])
    assert [execnet.XSpec(text).id for text in workers.begin("e")] == ["e"]
    assert workers.waiting == ["c"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"pytest-envguard": "", "missing": []}, "has no pytest-envguard; install it there"),
        ({"pytest-envguard": "0.0.1", "missing": []}, "has pytest-envguard 0.0.1, and here it is"),
    ],
)
def test_a_machine_must_have_the_same_version(found: dict[str, object], expected: str) -> None:
    """What is sent to it must mean the same there."""
    assert expected in _unfit(BUILD1, found)


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ({"a.py": 1}, {"a.py": 1}, ()),
        ({"a.py": 1}, {"a.py": 2}, ("1 file of the project not as here: a.py",)),
        (
            {"a.py": 1, "b.py": 1, "c.py": 1},
            {"a.py": 2, "d.py": 1},
            ("4 files of the project not as here: a.py, b.py (missing there), c.py (missing there) and 1 more",),
        ),
        ({}, {"a.py": 1}, ()),
    ],
)
def test_files_that_differ_are_a_note(here: dict[str, int], there: dict[str, int], expected: tuple[str, ...]) -> None:
    """A checkout that is another one must not be tested unnoticed; nothing is said where one side gave up counting."""
    assert _differences(here, there) == expected


def test_names_in_groups() -> None:
    """The environments of one cell after the other."""
    assert _by(2, ["a", "b", "c", "d"]) == [["a", "b"], ["c", "d"]]


def test_a_script_for_another_machine_is_read_by_every_python() -> None:
    """Versions of `marshal` above the fourth are not known to older interpreters."""
    import binascii
    import marshal
    import zlib

    word = launcher.encode({"a": ("x", 1.5, None, [True])})
    data = zlib.decompress(binascii.a2b_base64(word.encode().translate(bytes.maketrans(b"-_", b"+/"))))
    assert data == marshal.dumps({"a": ("x", 1.5, None, [True])}, 4)


class Node:
    """A worker, as far as a scheduler knows it."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="a", spec=execnet.XSpec("popen//envguard=a"))
        self.sent: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        """Note what it is to run."""
        self.sent += indices

    def shutdown(self) -> None:
        """End after that."""
        self.shutting_down = True


def test_nobody_waits_for_workers_that_will_not_come(pytester: pytest.Pytester) -> None:
    """Two were to collect, one could not be started: the other one runs all tests. Without any, nothing is left to do."""
    pytester.makeini("[pytest]")
    config = pytester.parseconfig("-p", "no:asyncio", "--dist=load", "--tx=popen")
    started: Any = SimpleNamespace(environments=["a"], count=2)
    session: Any = SimpleNamespace(testscollected=0)
    scheduling = PerEnvironmentScheduling(config, Producer("", enabled=False), session, started)
    node: Any = Node()
    scheduling.add_node(node)
    scheduling.add_node_collection(node, ["test_one", "test_two"])
    assert (node.sent, scheduling.collection_is_completed) == ([], False)

    scheduling.expect("a", 1)

    assert (node.sent, scheduling.collection_is_completed) == ([0, 1], True)
    scheduling.expect("a", 0)
    assert scheduling.tests_finished
