"""The plan of each environment."""

from __future__ import annotations

from pytest_envguard.model.host import Machine
from pytest_envguard.model.verdict import Broken, Run
from pytest_envguard.report.page.environments import environments, troubles
from pytest_envguard.report.summary import summarise
from tests.unit.report.page.samples import small, versions
from tests.unit.report.pages import HOST, LAMBDA


def test_what_is_not_enforced_stands_apart_with_its_reason() -> None:
    """The weakest first, and what would mend it."""
    _, container, offline = environments(small())
    assert [(how.word, item.dimension) for how, item in container.weak] == [("approximated", "ownership")]
    ((how, items),) = container.strong
    assert (how.word, [item.dimension for item in items]) == ("by the kernel", ["root"])
    ((how, item),) = offline.weak
    assert (how.word, item.reason, item.mend) == ("not enforced", "network namespace: Operation not permitted", "y")


def test_with_versions_each_profile_is_told_once() -> None:
    """All of its cells have the same plan."""
    assert [one.name for one in environments(versions())] == ["lambda", "container"]


def test_an_environment_on_another_machine_is_another_one() -> None:
    """It may be enforced as strongly, and is still elsewhere."""
    plans = [LAMBDA, LAMBDA._replace(machine=Machine("build1"))]
    found = environments(summarise(plans, [Run("lambda"), Run("lambda")], None))
    assert [one.machine for one in found] == ["", "build1"]
    assert found[0].anchor != found[1].anchor


def test_this_machine_is_unrestricted() -> None:
    """Nothing is claimed of it."""
    (host,) = environments(summarise([HOST], [Run("host")], None))
    assert not host.restricted
    assert host.mechanism == "unrestricted"


def test_what_went_wrong_with_an_environment_is_told() -> None:
    """It was stopped, a worker died, or nobody listened."""
    runs = [
        Run("a", broken=Broken(("root: / is writable",))),
        Run("b", deaths=["killed"]),
        Run("c", unwatched="no audit"),
    ]
    assert [(one.environment, one.title, one.texts) for one in troubles(runs)] == [
        ("a", "stopped", ("root: / is writable",)),
        ("b", "a worker died", ("killed",)),
        ("c", "what was refused is not listed", ("no audit",)),
    ]
