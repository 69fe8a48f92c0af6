"""Experiments: which part of an environment is given back first, and what is said of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from pytest_envguard.engine.remedies.experimenting import PARTS, Known, Laboratory, Part, is_open, parts_of, without
from pytest_envguard.engine.remedies.stage import Bench
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Setting
from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.profile import Profile

LAMBDA = Profile("lambda", values={"home": "unset", "root": "read-only", "open_files": 1024, "timezone": ":UTC"})
UNKNOWN = Diagnosis(
    "the project (a.py:3) failed with KeyError: 'ui', and nothing that was refused explains it: what differs in lambda "
    "isn't known; no rule matched",
    certain=False,
)
HOME = Remedy(set={"HOME": "/tmp"}, guess=True)


class Asked(Laboratory):
    """A laboratory that knows which part lets a test pass, without a worker."""

    def __init__(self, cures: dict[str, str]) -> None:
        enforced = (Enforcement("root", "", Strength.KERNEL, ""),)
        names = ("lambda", "edge")
        bench = Bench(None, None, {name: Plan(name, "", enforced) for name in names}, {})  # type: ignore[arg-type]
        known = Known(
            {name: Setting(name, name, LAMBDA.values) for name in names},
            dict.fromkeys(names, LAMBDA),
            lambda plan, _profile: plan,
            lambda found, _environment, _test: (HOME,) if found.dimension == "home" else (),
        )
        self.tried: list[str] = []
        self.cures = cures
        super().__init__(SimpleNamespace(bench=bench, say=lambda _text: None), known)  # type: ignore[arg-type]  # it runs nothing

    def _passes(self, plan: Plan, part: Part, tests: Sequence[str]) -> bool:  # noqa: ARG002  # as of the real one
        self.tried.append(part.dimension)
        return self.cures.get(plan.name) == part.dimension


def test_every_key_of_a_part_is_a_dimension() -> None:
    """A misspelt one would give nothing back."""
    assert {key for part in PARTS for key in part.keys} <= DIMENSIONS.keys()


def test_only_what_an_environment_changes_is_given_back_and_what_is_likely_first() -> None:
    """Each costs a run."""
    assert [part.dimension for part in parts_of(LAMBDA)] == [
        "home",
        "user",
        "root",
        "open_files",
        "timezone",
    ]
    assert parts_of(LAMBDA, "timezone")[0].dimension == "timezone"


def test_an_environment_without_a_part_keeps_all_the_rest() -> None:
    """And its name, by which plans are known."""
    (home,) = (part for part in parts_of(LAMBDA) if part.dimension == "home")
    left = without(LAMBDA, home)
    assert left.name == "lambda"
    assert left.values == {"root": "read-only", "open_files": 1024, "timezone": ":UTC"}


def test_a_user_is_never_given_back_without_its_home() -> None:
    """Root would make the folder that another user's HOME names, on this machine."""
    openshift = Profile("edge", values={"uid": 1000, "gid": 0, "home": "/nonexistent"})
    (user,) = (part for part in parts_of(openshift) if part.dimension == "user")
    assert without(openshift, user).values == {}


def test_what_is_certain_and_what_was_lost_silently_is_left_as_it_is() -> None:
    """There is nothing to find out."""
    certain = Cause(UNKNOWN._replace(certain=True), {"lambda": ("a",)})
    silent = Cause(UNKNOWN, {"lambda": ("a",)}, silent=True)
    laboratory = Asked({"lambda": "home"})
    assert laboratory.explain([certain, silent]) == (certain, silent)
    assert not laboratory.tried
    assert not is_open(certain)


def test_the_first_part_that_lets_the_test_pass_is_the_cause() -> None:
    """Said as certain, because it was tried; with what may help against it."""
    laboratory = Asked({"lambda": "home"})
    (found,) = laboratory.explain([Cause(UNKNOWN, {"lambda": ("a",)})])
    assert laboratory.tried == ["home"]
    assert found.diagnosis.text == (
        "the project (a.py:3) failed with KeyError: 'ui': HOME is not set in lambda, and with HOME as on the host it passes "
        "(tried); no rule matched"
    )
    assert (found.diagnosis.dimension, found.diagnosis.certain) == ("home", True)
    assert found.offered("lambda") == found.diagnosis.remedies == (HOME,)


def test_what_was_likely_and_is_confirmed_keeps_its_rule_and_remedies() -> None:
    """Only certainty is new."""
    likely = UNKNOWN._replace(text="thing lost its cache", rule="thing/cache", dimension="root", remedies=(HOME,))
    (found,) = Asked({"lambda": "root"}).explain([Cause(likely, {"lambda": ("a",)})])
    assert found.diagnosis.text == "thing lost its cache; with the file systems as on the host it passes (tried)"
    assert (found.diagnosis.rule, found.diagnosis.certain, found.diagnosis.remedies) == ("thing/cache", True, (HOME,))


def test_what_was_likely_and_is_wrong_loses_its_rule() -> None:
    """The experiment is right."""
    likely = UNKNOWN._replace(text="thing lost its cache", library="thing", rule="thing/cache", dimension="root")
    (found,) = Asked({"lambda": "timezone"}).explain([Cause(likely, {"lambda": ("a",)})])
    assert found.diagnosis.rule == ""
    assert found.diagnosis.dimension == "timezone"
    assert found.diagnosis.text.startswith("thing fails: ")


def test_environments_with_different_findings_are_causes_of_their_own() -> None:
    """And one where nothing was found stays open."""
    cause = Cause(UNKNOWN, {"lambda": ("a",), "edge": ("a",)})
    found = Asked({"lambda": "open_files"}).explain([cause])
    assert [(tuple(one.where), one.diagnosis.dimension, one.diagnosis.certain) for one in found] == [
        (("lambda",), "open_files", True),
        (("edge",), "", False),
    ]
    assert found[1].diagnosis == UNKNOWN
