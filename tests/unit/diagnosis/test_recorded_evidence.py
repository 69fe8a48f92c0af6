"""What was recorded of real failures, explained again: by the rule that should, and by no other library's."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from pytest_envguard.diagnosis.matching import Case, best, match_case, names_of
from pytest_envguard.diagnosis.tables import Knowledge, load_knowledge
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence, Fact, Frame, Overwritten, Raised, looks_secret
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.profiles import load_catalogue
from tests.knowledge.record import FOLDER, Recorded, files, read, write

EACH = pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
_CATALOGUE = load_catalogue(None, (3, 12))


@cache
def knowledge() -> Knowledge:
    """Return what is shipped."""
    return load_knowledge(None)


def setting(recorded: Recorded) -> Setting:
    """Return the environment in which it was recorded."""
    values = _CATALOGUE.one(recorded.environment).values
    return Setting(
        recorded.environment, recorded.environment, values, lambda name: dict(recorded.versions).get(name, "")
    )


@EACH
def test_the_rule_explains_it_that_should(path: Path) -> None:
    """As sure as it should be; nothing explains it where nothing should."""
    recorded = read(path)
    libraries = knowledge().candidates(names_of(recorded.evidence, recorded.refusals))
    found = best(libraries, recorded.evidence, recorded.refusals, setting(recorded))
    told = f"{found.library.name}/{found.rule.name}" if found else ""
    assert told == recorded.expect
    assert found is None or found.certain is recorded.certain


@EACH
def test_no_other_librarys_rule_is_certain_of_it(path: Path) -> None:
    """Whatever libraries the failure names: a rule that explains what isn't its own is worse than none."""
    recorded = read(path)
    case = Case.of(recorded.evidence, recorded.refusals, setting(recorded))
    # A library fails in what it called of the standard library: that is true as well, and the library's own rule goes first.
    own = (recorded.expect.partition("/")[0], "python") if recorded.expect else ()
    others = [
        f"{library.name}/{rule.name}"
        for library, rule in knowledge().rules()
        if library.name not in own and (found := match_case(rule, library, case)) is not None and found.certain
    ]
    assert others == []


@EACH
def test_what_was_recorded_tells_nothing_of_the_machine(path: Path) -> None:
    """No folder of whoever recorded it, and no secret."""
    assert not re.search(r"/(work|opt|root|mnt|Users)/|/home/(?!sbx_user1051)", path.read_text(encoding="utf-8"))
    recorded = read(path)
    assert not [name for name, value in recorded.evidence.variables if looks_secret(name, value)]


def test_each_expects_a_rule_that_there_is() -> None:
    """A rule that has another name now must be looked at again here."""
    known = {f"{library.name}/{rule.name}" for library, rule in knowledge().rules()} | {""}
    assert {read(path).expect for path in files()} <= known


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """All fields; paths of the machine that recorded stand for those of an imaginary one."""
    site = "/srv/venv/lib/python3.12/site-packages"
    raised = Raised(
        "OSError", ("OSError",), f"no: '{site}/x'", "EROFS", f"{site}/x", (Frame("a.b", "a b/c.py:1", "f"),)
    )
    frame = Raised(
        "x.Y", ("Y",), "", "", "", (Frame("", "<string>:1", "<module>"), Frame("os", "/srv/a.py:3", "<lambda>"))
    )
    evidence = Evidence(
        (raised, frame),
        (Overwritten("A", "b", None, "lib", "lib/a.py:1"), Overwritten("A", "b", "c", "", "a.py:1")),
        (Fact("noexec", "/tmp"),),
        (("HF_HOME", "/tmp/hf"),),
        ("numba",),
        "printed\n",
    )
    refusal = Refusal("open", f"{site}/x", "EROFS", "lib", "lib/a.py:1", 3, "call", "sh -c x")
    recorded = Recorded("it", "run", "lambda", "lib/rule", True, {"lib": "1.0"}, (refusal,), evidence)
    write(recorded, tmp_path / "lib" / "it.json", {"{site}": site, "{project}": "/srv"})
    text = (tmp_path / "lib" / "it.json").read_text()
    assert "/srv" not in text
    assert json.loads(text)["refusals"][0]["target"] == "{site}/x"
    again = read(tmp_path / "lib" / "it.json")
    imaginary = "/home/me/venv/lib/python3.11/site-packages"
    assert again.refusals == (refusal._replace(target=f"{imaginary}/x"),)
    assert again.evidence == evidence._replace(
        raised=(
            raised._replace(message=f"no: '{imaginary}/x'", path=f"{imaginary}/x"),
            frame._replace(frames=(frame.frames[0], Frame("os", "/home/me/project/a.py:3", "<lambda>"))),
        )
    )
    assert again[:6] == recorded[:6]


def test_there_is_something_to_explain() -> None:
    """Failures that rules explain, and such that none may."""
    expected = [read(path).expect for path in files()]
    assert FOLDER.is_dir()
    assert len([one for one in expected if one]) >= 10
    assert len([one for one in expected if not one]) >= 5
