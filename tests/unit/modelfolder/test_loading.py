"""Where a folder is loaded, and what is changed of an environment for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux.syscalls import CLONE_NEWPID
from pytest_envguard.model.modelfolder import Reader
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.modelfolder import loading
from pytest_envguard.modelfolder.loading import Place, Wanted, changes_for, guarded, needed, reader_of

ENFORCED = (Enforcement("network", "no network", Strength.KERNEL, "namespaces"),)


def plan(**script: object) -> Plan:
    base = {"namespaces": CLONE_NEWPID, "steps": [["private", {}]], "memory": None, "trapped": False, "folder": "/x"}
    return Plan("p", "", ENFORCED, script={**base, "environ": {"set": {}}, **script})


@pytest.mark.parametrize("network", ["none", "drop", "nxdomain", "refuse"])
def test_a_network_is_always_cut(network: str) -> None:
    """The environment's own way of that is kept, and so is what it serves from folders."""
    assert changes_for(Profile("x"), Wanted()) == {"network": "none"}
    assert changes_for(Profile("x", values={"network": "open"}), Wanted()) == {"network": "none"}
    assert changes_for(Profile("x", values={"network": network}), Wanted()) == {}
    assert changes_for(Profile("x", values={"origins": {"huggingface.co": "/models"}}), Wanted()) == {}


@pytest.mark.parametrize("wanted", [Wanted(trusts=True), Wanted(unpickles=True)])
def test_foreign_code_writes_nowhere_but_to_a_tmp_of_its_own(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment is read-only already, it stays as it is: what fails there is to be seen."""
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.delenv("HF_MODULES_CACHE", raising=False)
    changes = changes_for(Profile("x", values={"network": "none"}), wanted)
    assert changes == {"root": "read-only", "tmp": "private", "env": {"HF_MODULES_CACHE": loading.MODULES}}
    assert changes_for(Profile("x", values={"network": "none", "root": "read-only"}), wanted) == {}
    monkeypatch.setenv("HF_HOME", "/mine")
    assert "env" not in changes_for(Profile("x"), wanted)


def test_the_reader_is_who_the_environment_says() -> None:
    """Nobody else than here where it doesn't."""
    assert reader_of(Profile("x")) is None
    assert reader_of(Profile("x", values={"uid": 993, "gid": 990})) == Reader("x", 993, 990)


def test_a_snapshot_needs_all_of_its_repository() -> None:
    """Its files are links into another folder of it."""
    snapshot = Path("/home/me/.cache/huggingface/hub/models--a--b/snapshots/0123")
    assert needed(snapshot) == {"/home/me/.cache/huggingface/hub/models--a--b": loading.WHAT}
    assert needed(Path("/models/snapshots/a")) == {"/models/snapshots/a": loading.WHAT}


def test_the_folder_is_read_only_and_not_the_working_folder() -> None:
    """By a mount that is the last step, or by a rule; and memory has a limit where the environment has none."""
    script = guarded(plan(), Path("/m")).script
    assert script["steps"] == [["private", {}], ["take", {"path": "/m"}], ["put", {"path": "/m", "readonly": True}]]
    assert script["folder"] == "/"
    assert isinstance(script["memory"], dict) and script["memory"]["limit"] > 1 << 20
    own = {"by": "cgroup", "limit": 5}
    assert guarded(plan(memory=own), Path("/m")).script["memory"] == own

    rules = {"mounts": [["/", True, False, None]]}
    script = guarded(plan(namespaces=0, trapped=True, rules=rules), Path("/m")).script
    assert script["rules"] == {"mounts": [["/", True, False, None], ["/m", True, False, None]]}
    assert script["memory"] is None


@pytest.mark.parametrize("wanted", [Wanted(trusts=True), Wanted(unpickles=True)])
def test_foreign_code_is_refused_where_nothing_restricts_it(wanted: Wanted, tmp_path: Path) -> None:
    """Whatever the caller believes."""
    with pytest.raises(EnvguardError, match="executed only where the network is off"):
        loading.load(tmp_path, Place(Profile("host"), Plan("host", "")), wanted)


def test_the_folder_is_no_place_of_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one in it; others stay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f".:{tmp_path}/in/it:/elsewhere")
    assert loading._environ(tmp_path)["PYTHONPATH"] == "/elsewhere"
