"""pip-audit, asked about cells: the real one against a service on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.matrix.store import Store
from pytest_envguard.model.finding import Audited, NotAudited, Vulnerability
from pytest_envguard.packages import audit as module
from pytest_envguard.packages.advisories import Service
from pytest_envguard.packages.audit import DAY, KIND, Auditor, audit, command, first_sentence, read_answer
from pytest_envguard.packages.installed import EDITABLE, Distribution, installed
from tests.advisories import Advisories
from tests.processes import carrying, left_over

IDNA = Distribution("idna", "3.6")
SIX = Distribution("six", "1.16.0")
MINE = Distribution("mine", "0.1", origin=EDITABLE)
OLD_IDNA = Vulnerability("idna", "3.6", "CVE-2024-3651", ("GHSA-jjg7-2v4v-x38h",), ("3.7",), "Slow")
NOBODY = "http://127.0.0.1:9/v1/query"  # the discard port: nobody listens

real = pytest.mark.skipif(command() is None, reason="pip-audit isn't installed: `pip install pytest-envguard[audit]`")


def osv(service: Advisories) -> Service:
    """Return it as what is asked."""
    return Service("osv", service.url)


def heard(service: Advisories, count: int) -> None:
    """Wait until that many queries have come."""
    deadline = time.monotonic() + 14  # pip-audit's own patience is 15 s
    while len(service.asked) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(service.asked) == count


class Memory:
    """Remembers as a store does.

    Attributes:
        values: What was remembered, as JSON, by kind and key.
        ages: The greatest ages that were asked for.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}
        self.ages: set[float] = set()

    def recall(self, kind: str, key: str, max_age: float) -> object:
        """Return what was remembered."""
        self.ages.add(max_age)
        return json.loads(self.values.get((kind, key), "null"))

    def remember(self, kind: str, key: str, value: Any) -> None:
        """Keep it."""
        self.values[kind, key] = json.dumps(value)


@pytest.fixture
def instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for pip-audit with a script: for answers that neither the real one nor loopback give."""

    def stand_in(code: str) -> None:
        script = tmp_path / "stands-in-for-pip-audit"
        script.write_text(f"#!{sys.executable}\nimport json, sys, time\n{textwrap.dedent(code)}")
        script.chmod(0o755)
        monkeypatch.setattr(module, "command", lambda: (str(script),))

    return stand_in


# -- the real one ------------------------------------------------------------------------------------------------------


@real
def test_a_service_that_answers(service: Advisories) -> None:
    """Findings with id, alias, fix and first sentence; what else was asked about is checked."""
    found = audit([IDNA, SIX], osv(service))
    assert isinstance(found, Audited), found
    assert found.vulnerabilities == (OLD_IDNA,)
    assert found.checked == {"idna": "3.6", "six": "1.16.0"} and found.complete
    assert sorted(service.asked) == [("idna", "3.6"), ("six", "1.16.0")]
    assert found.service == f"OSV at {service.url}" and not found.remembered and found.seconds > 0


@real
def test_all_of_a_cell_that_is_known_and_clean(service: Advisories) -> None:
    """Only then it's called clean; and what OSV's silence means is said."""
    found = audit([SIX], osv(service))
    assert str(found) == "no known vulnerabilities in 1 package"
    assert isinstance(found, Audited)
    assert found.notes == ("OSV answers alike about a package without advisories and one that it doesn't know",)


@real
def test_what_came_from_a_folder_is_never_sent(service: Advisories, site_packages: str) -> None:
    """A real environment with an editable project, of which the service never hears."""
    found = audit(installed([site_packages]), osv(service))
    assert isinstance(found, Audited), found
    assert {name for name, _ in service.asked} == set(found.checked) == {"requests", "six", "urllib3"}
    assert found.kept_back == {"mine": EDITABLE}
    assert str(found) == "audited 3 of 4 packages, nothing found in these; 1 was not sent"


@real
def test_a_local_version_is_asked_about_without_its_local_part(service: Advisories) -> None:
    """No advisory names it; the installed version is what is shown."""
    found = audit([Distribution("idna", "3.6+mine")], osv(service))
    assert isinstance(found, Audited)
    assert service.asked == [("idna", "3.6")]
    assert found.vulnerabilities == (OLD_IDNA._replace(version="3.6+mine"),)
    assert found.notes == ("idna 3.6+mine was asked about as 3.6",)


@real
def test_one_version_that_cannot_be_asked_about_does_not_stop_the_others(service: Advisories) -> None:
    found = audit([IDNA, Distribution("old", "2004d")], osv(service))
    assert isinstance(found, Audited) and set(found.checked) == {"idna"}
    assert found.kept_back == {"old": "its version '2004d' can't be asked about"}


@real
@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, None, "answered with an error: 503 Server Error"),
        (200, b"<html>", "gave no answer that pip-audit understands: JSONDecodeError"),
        (200, b'{"other": 1}', "gave no answer that pip-audit understands: KeyError: 'vulns'"),
    ],
)
def test_a_service_that_does_not_answer_as_it_should(
    service: Advisories, status: int, body: bytes | None, reason: str
) -> None:
    """Not audited, and nothing is remembered."""
    service.status, service.body = status, body
    memory = Memory()
    found = audit([SIX], osv(service), memory.recall, memory.remember)
    assert isinstance(found, NotAudited)
    assert found.reason.startswith(f"OSV at {service.url} {reason}"), found
    assert not memory.values


@real
def test_a_service_that_is_not_there() -> None:
    """The innermost reason, of all that is wrapped around it; a password in the URL isn't shown."""
    found = audit([SIX], Service("osv", NOBODY.replace("127", "me:secret@127")))
    assert isinstance(found, NotAudited)
    assert found.reason.startswith(f"OSV at {NOBODY} could not be reached: "), found
    assert "Connection refused" in found.reason and "secret" not in found.reason and "Traceback" not in found.reason


@real
def test_a_service_that_takes_too_long(service: Advisories) -> None:
    """It's killed, and that's the reason."""
    service.open.clear()
    began = time.monotonic()
    found = audit([SIX], osv(service), timeout=3)
    assert found == NotAudited(f"pip-audit had not heard all from OSV at {service.url} after 3 s")
    assert time.monotonic() - began < 6


@real
def test_pypi_that_knows_none_of_the_packages() -> None:
    """pip-audit says "No known vulnerabilities found" then, and ends with 0."""
    found = audit([Distribution("envguard-has-no-such-package", "1.0")], Service("pypi"))
    if isinstance(found, NotAudited) and "could not be reached" in found.reason:
        pytest.skip(found.reason)
    assert isinstance(found, NotAudited)
    assert found.reason.startswith(
        "PyPI did not know the one package that it was asked about (Dependency not found on PyPI"
    )


@real
def test_a_cache_that_cannot_be_made(service: Advisories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip-audit ends with a traceback; which file it was is the reason."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = audit([SIX], osv(service))
    assert isinstance(found, NotAudited)
    assert found.reason.startswith("pip-audit failed: NotADirectoryError") and "file/pip-audit" in found.reason


@real
def test_settings_of_pip_audits_own_do_not_hide_its_answer(
    service: Advisories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Format and output are ours; the URL of the service is the user's, if the project names none."""
    monkeypatch.setenv("PIP_AUDIT_FORMAT", "markdown")
    monkeypatch.setenv("PIP_AUDIT_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("PIP_AUDIT_DESC", "off")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", service.url)
    found = audit([IDNA], Service("osv"))
    assert isinstance(found, Audited) and found.vulnerabilities == (OLD_IDNA,)
    assert found.service == f"OSV at {service.url}" and not list(tmp_path.iterdir())


# -- remembering -------------------------------------------------------------------------------------------------------


@real
def test_an_answer_is_good_for_a_day(service: Advisories) -> None:
    """The same packages aren't asked about again; the answer is the same, and says that it was remembered."""
    memory = Memory()
    first = audit([IDNA, MINE], osv(service), memory.recall, memory.remember)
    asked = list(service.asked)
    second = audit([MINE, IDNA], osv(service), memory.recall, memory.remember)
    assert isinstance(first, Audited) and isinstance(second, Audited) and second.remembered
    assert second == first._replace(remembered=True, seconds=0.0) and service.asked == asked
    assert {kind for kind, _ in memory.values} == {KIND} and memory.ages == {DAY} == {86400.0}


@real
@pytest.mark.parametrize("other", [[Distribution("idna", "3.7")], [IDNA, SIX]])
def test_other_packages_are_asked_about(service: Advisories, other: list[Distribution]) -> None:
    memory = Memory()
    audit([IDNA], osv(service), memory.recall, memory.remember)
    found = audit(other, osv(service), memory.recall, memory.remember)
    assert isinstance(found, Audited) and not found.remembered


@pytest.mark.parametrize("damaged", [3, {}, ["x"], [{"name": "idna", "vulns": 3}], [{"name": "idna", "vulns": [{}]}]])
def test_what_is_remembered_and_damaged_is_asked_again(instead: Any, damaged: object) -> None:
    instead('print(json.dumps({"dependencies": [{"name": "idna", "version": "3.6", "vulns": []}]}))')
    found = audit([IDNA], Service(), lambda *_: damaged)
    assert isinstance(found, Audited) and not found.remembered


def test_an_answer_that_cannot_be_kept_is_an_answer(instead: Any) -> None:
    """And it's said why it will be asked for again."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/cache/x")

    instead('print(json.dumps({"dependencies": [{"name": "six", "version": "1.16.0", "vulns": []}]}))')
    found = audit([SIX], Service(), None, full)
    assert isinstance(found, Audited)
    assert found.notes == ("the answer can't be remembered: [Errno 28] No space left on device: '/cache/x'",)


def test_the_store_of_cells_remembers_answers(instead: Any, tmp_path: Path) -> None:
    """Read again from its file."""
    instead('print(json.dumps({"dependencies": [{"name": "six", "version": "1.16.0", "vulns": []}]}))')
    store = Store(tmp_path / "cache")

    def recall(kind: str, key: str, age: float) -> object:
        kept = store.recall(kind, key, age)
        return kept.value if kept else None

    found = [audit([SIX], Service(), recall, store.remember) for _ in range(2)]
    assert [isinstance(one, Audited) and one.remembered for one in found] == [False, True]


# -- answers that only a stand-in gives --------------------------------------------------------------------------------


def test_some_packages_that_the_service_does_not_know(instead: Any) -> None:
    """They're counted, with the service's reason; one that isn't mentioned at all counts too."""
    instead("""
        print(json.dumps({"dependencies": [
            {"name": "idna", "version": "3.6", "vulns": []},
            {"name": "six", "skip_reason": "Dependency not found on PyPI and could not be audited: six (1.16.0)"},
            {"name": "never-asked", "version": "1", "vulns": [{"id": "X"}]},
        ], "fixes": []}))
    """)
    found = audit([IDNA, SIX, Distribution("forgotten", "1")], Service())
    assert isinstance(found, Audited) and not found.vulnerabilities and found.checked == {"idna": "3.6"}
    assert found.unknown == {
        "six": "Dependency not found on PyPI and could not be audited: six (1.16.0)",
        "forgotten": "pip-audit did not mention it",
    }
    assert str(found) == "audited 1 of 3 packages, nothing found in these; 2 were not known to the service"


def test_packages_of_which_none_is_known_are_not_remembered(instead: Any) -> None:
    instead("""
        print(json.dumps({"dependencies": [{"name": n, "skip_reason": f"Not found: {n}"} for n in ("idna", "six")]}))
    """)
    memory = Memory()
    found = audit([IDNA, SIX], Service(), memory.recall, memory.remember)
    assert found == NotAudited("PyPI knew none of the 2 packages (Not found)") and not memory.values


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit(3)", "pip-audit failed with exit code 3: it said nothing"),
        ("print('{}')", "pip-audit failed with exit code 0: it said nothing"),
        (
            "sys.exit('usage: no such option --osv-url')",
            "pip-audit failed with exit code 1: usage: no such option --osv-url",
        ),
        (
            "sys.stderr.write('WARNING:x:--no-deps is supported\\nERROR:pip_audit._cli:Could not connect\\nERROR:a:Tip: b\\n')",
            "PyPI could not be reached: Could not connect",
        ),
        ("raise ConnectionError('a (Caused by E(\"b: (x): no route\"))')", "PyPI could not be reached: no route"),
        ("raise RuntimeError", "pip-audit failed: RuntimeError"),
        ("raise ZeroDivisionError('x')", "pip-audit failed: ZeroDivisionError: x"),
    ],
)
def test_why_there_is_no_answer(instead: Any, code: str, reason: str) -> None:
    """One sentence out of whatever pip-audit wrote."""
    instead(code)
    assert audit([SIX], Service()) == NotAudited(reason)


def test_what_pip_audit_warns_of_is_told(instead: Any) -> None:
    """But not its advice about files of requirements."""
    instead("""
        print("WARNING:pip_audit._cli:--no-deps is supported, but", file=sys.stderr)
        print("WARNING:pip_audit._cache:Failed to write to cache directory, performance may be degraded: x", file=sys.stderr)
        print(json.dumps({"dependencies": [{"name": "six", "version": "1.16.0", "vulns": []}]}))
    """)
    found = audit([SIX], Service())
    assert isinstance(found, Audited)
    assert found.notes == ("pip-audit: Failed to write to cache directory, performance may be degraded: x",)


def test_without_pip_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "command", lambda: None)
    assert audit([SIX], Service()) == NotAudited("pip-audit isn't installed", "install pytest-envguard[audit]")


def test_a_pip_audit_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "command", lambda: ("/nowhere/pip-audit",))
    found = audit([SIX], Service())
    assert isinstance(found, NotAudited)
    assert "/nowhere/pip-audit can't be started: No such file" in found.reason


@pytest.mark.parametrize(
    ("distributions", "reason"),
    [
        ([], "no packages are installed"),
        ([MINE], f"no package could be asked about: mine ({EDITABLE})"),
    ],
)
def test_a_cell_of_which_nothing_can_be_asked(
    distributions: list[Distribution], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip-audit isn't even started."""
    monkeypatch.setattr(module, "command", lambda: pytest.fail("it was started"))
    assert audit(distributions, Service()) == NotAudited(reason)


def test_where_pip_audit_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the interpreter first, then on PATH."""
    for folder in ("beside", "path"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pip-audit").write_text("#!/bin/sh\n")
        (tmp_path / folder / "pip-audit").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "beside/python"))
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert command() == (str(tmp_path / "beside/pip-audit"),)
    (tmp_path / "beside/pip-audit").unlink()
    assert command() == (str(tmp_path / "path/pip-audit"),)
    (tmp_path / "path/pip-audit").unlink()
    assert command() is None
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    assert command() == (sys.executable, "-m", "pip_audit")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Slow. Very slow.", "Slow"),
        ("Versions before 3.7 are slow, e.g. in `encode`. Update.", "Versions before 3.7 are slow, e.g. in encode"),
        ("### Impact Something  bad", "Impact Something bad"),
        ("C# is fine", "C# is fine"),
        ("N/A", ""),
        ("", ""),
        ("x" * 200, "x" * 159 + "…"),
    ],
)
def test_the_first_sentence_of_a_description(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_the_name_of_cve_comes_first_among_the_aliases() -> None:
    entry = {"name": "Six", "vulns": [{"id": "PYSEC-1", "fix_versions": [], "aliases": ["A-1", "GHSA-1", "CVE-1"]}]}
    (found,) = read_answer([entry], {"six": "1"}, {}, Service()).vulnerabilities
    assert found == Vulnerability("six", "1", "PYSEC-1", ("CVE-1", "A-1", "GHSA-1"))


# -- several cells -----------------------------------------------------------------------------------------------------


@real
def test_cells_are_audited_at_once_and_equal_ones_together(service: Advisories) -> None:
    """Each cell has its answer, in their order; the caller doesn't wait before it asks for them."""
    auditor = Auditor(osv(service))
    service.open.clear()
    began = time.monotonic()
    auditor.start({"a": [IDNA], "b": [SIX], "c": [IDNA]})
    assert time.monotonic() - began < 0.5
    heard(service, 2)
    service.open.set()
    auditor.start({"d": [MINE]})
    found = auditor.results()
    assert list(found) == ["a", "b", "c", "d"]
    assert found["a"] is found["c"] and isinstance(found["d"], NotAudited)
    assert sorted(service.asked) == [("idna", "3.6"), ("six", "1.16.0")]


@real
def test_not_more_than_so_many_at_once(service: Advisories) -> None:
    """The others wait for their turn, and have it."""
    auditor = Auditor(osv(service), at_once=1)
    service.open.clear()
    auditor.start({"a": [IDNA], "b": [SIX]})
    heard(service, 1)
    time.sleep(1.5)  # another one would have asked by now
    assert len(service.asked) == len(carrying(service.url)) == 1
    service.open.set()
    assert all(isinstance(one, Audited) for one in auditor.results().values()) and len(service.asked) == 2


@real
def test_stopping_kills_at_once(service: Advisories) -> None:
    """Cells that were being audited, and those that waited, are not audited; no process is left."""
    service.open.clear()
    auditor = Auditor(osv(service), at_once=1)
    auditor.start({"a": [IDNA], "b": [SIX]})
    heard(service, 1)
    began = time.monotonic()
    auditor.stop()
    assert time.monotonic() - began < 1 and not left_over(service.url)
    reasons = {one.reason for one in auditor.results().values() if isinstance(one, NotAudited)}
    assert reasons == {"the run was stopped before it had ended", "the run was stopped before"}


@real
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel kills children with their parent on Linux")
def test_nothing_outlives_its_caller(service: Advisories, tmp_path: Path) -> None:
    """A caller that is killed leaves neither pip-audit nor a file."""
    service.open.clear()
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            from pytest_envguard.packages.advisories import Service
            from pytest_envguard.packages.audit import Auditor
            from pytest_envguard.packages.installed import Distribution
            auditor = Auditor(Service("osv", {service.url!r}))
            auditor.start({{"a": [Distribution("six", "1.16.0")]}})
            auditor.results()
        """)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    heard(service, 1)
    assert len(carrying(service.url)) == 2
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert not left_over(service.url) and not list(tmp_path.iterdir())


def test_a_thread_that_fails_says_so(instead: Any) -> None:
    """A store that can't be read costs its cell, with the reason."""

    def broken(*_: object) -> None:
        raise PermissionError("no")

    auditor = Auditor(Service(), broken)
    auditor.start({"a": [SIX]})
    assert auditor.results() == {"a": NotAudited("PermissionError: no")}
