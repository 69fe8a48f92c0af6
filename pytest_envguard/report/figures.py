"""What tests have measured, test by test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_envguard.model.budget import Figure
from pytest_envguard.model.verdict import Run

Measured = Mapping[str, Mapping[str, Sequence[Figure]]]
"""Node id to environment ("" for none) to figures."""


def by_test(runs: Iterable[Run]) -> Measured:
    """Return what was measured in several environments, test by test."""
    found: dict[str, dict[str, Sequence[Figure]]] = {}
    for run in runs:
        for nodeid, figures in run.figures.items():
            found.setdefault(nodeid, {})[run.environment] = figures
    return found
