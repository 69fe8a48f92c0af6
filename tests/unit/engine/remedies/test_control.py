"""Tests that pass when they're run again, with nothing changed, are no environment's fault."""

from __future__ import annotations

from pytest_envguard.engine.remedies.control import separated
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy

HELPS = Remedy(set={"HOME": "/tmp"})
LIKELY = Diagnosis("the root is read-only", dimension="root", certain=False, remedies=(HELPS,))
CAUSE = Cause(LIKELY, {"lambda": ("a", "b"), "edge": ("a",)})
SILENT = Cause(Diagnosis("a cache is lost"), {"lambda": ("a",)}, silent=True)


def test_where_all_fail_again_nothing_changes() -> None:
    """As in most runs."""
    assert separated([CAUSE, SILENT], {"lambda": frozenset(), "edge": frozenset()}) == (CAUSE, SILENT)


def test_what_passes_again_is_told_apart_and_has_no_remedy() -> None:
    """In that environment; in another the same test may fail for the cause that was found."""
    left, silent, unsteady = separated([CAUSE, SILENT], {"lambda": frozenset({"a"})})
    assert left.where == {"lambda": ("b",), "edge": ("a",)}
    assert silent == SILENT
    assert unsteady.where == {"lambda": ("a",)}
    assert "passes when it is run again" in unsteady.diagnosis.text
    assert not unsteady.diagnosis.remedies and not unsteady.diagnosis.dimension


def test_a_cause_whose_tests_all_pass_again_is_none() -> None:
    """Nothing is left of it."""
    (unsteady,) = separated([CAUSE], {"lambda": frozenset({"a", "b"}), "edge": frozenset({"a"})})
    assert unsteady.where == {"lambda": ("a", "b"), "edge": ("a",)}


def test_what_is_certain_stays_but_nothing_is_tried_where_it_passes_anyway() -> None:
    """The evidence ties it to the failure; that it passes with a remedy would prove nothing."""
    certain = CAUSE._replace(diagnosis=LIKELY._replace(certain=True))
    (kept,) = separated([certain], {"lambda": frozenset({"a", "b"})})
    assert (kept.diagnosis, kept.where) == (certain.diagnosis, certain.where)
    assert kept.offered("lambda") == ()
    assert kept.offered("edge") == (HELPS,)
    assert [(trial.environment, trial.works) for trial in kept.trials] == [("lambda", False)]
    assert "passes now with nothing changed" in kept.trials[0].problem
    (same,) = separated([certain], {"lambda": frozenset({"a"})})
    assert same == certain
