"""One of xdist's own schedulers for every environment, behind the interface of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import (
    LoadFileScheduling,
    LoadGroupScheduling,
    LoadScheduling,
    LoadScopeScheduling,
    WorkStealingScheduling,
)

from pytest_envguard.engine import workers

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

_KINDS: dict[str, Any] = {
    "load": LoadScheduling,
    "loadfile": LoadFileScheduling,
    "loadgroup": LoadGroupScheduling,
    "loadscope": LoadScopeScheduling,
    "worksteal": WorkStealingScheduling,
}


class PerEnvironmentScheduling:
    """Implements `xdist.scheduler.Scheduling`; each environment's tests go to its own workers only.

    Collections may differ between environments (half of the failures that this plugin is for happen at import), so
    xdist's check that all workers found the same tests holds within an environment.
    """

    def __init__(self, config: pytest.Config, log: Producer, session: pytest.Session, started: workers.Workers) -> None:
        self._session = session
        self._last_crash: Any = None
        kind = _KINDS[config.getvalue("dist")]
        self._schedulers: dict[str, Any] = {name: kind(config, log) for name in started.environments}
        for scheduler in self._schedulers.values():
            # It counted all workers of the run; it waits for those of its environment.
            scheduler.numnodes = started.count
        self._collected: dict[str, int] = {}

    def _of(self, node: WorkerController) -> Any:
        return self._schedulers[workers.environment(node)]

    @property
    def nodes(self) -> list[WorkerController]:
        """All workers of all environments."""
        return [node for scheduler in self._schedulers.values() for node in scheduler.nodes]

    @property
    def collection_is_completed(self) -> bool:
        """Whether every environment has its collection."""
        return all(scheduler.collection_is_completed for scheduler in self._schedulers.values())

    @property
    def tests_finished(self) -> bool:
        """Whether no environment has tests left to hand out."""
        return all(scheduler.tests_finished for scheduler in self._schedulers.values())

    @property
    def has_pending(self) -> bool:
        """Whether some environment still runs tests."""
        return any(scheduler.has_pending for scheduler in self._schedulers.values())

    def add_node(self, node: WorkerController) -> None:
        """A worker is ready."""
        self._of(node).add_node(node)

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected; its environment starts as soon as all of its own workers have."""
        scheduler = self._of(node)
        scheduler.add_node_collection(node, collection)
        self._collected[workers.environment(node)] = len(collection)
        # xdist has just set it to this worker's own number.
        self._session.testscollected = sum(self._collected.values())
        if scheduler.collection_is_completed:
            scheduler.schedule()
            self._end_if_finished(scheduler)

    def schedule(self) -> None:
        """Nothing: every environment was scheduled when it was complete."""

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """A worker has finished a test."""
        scheduler = self._of(node)
        scheduler.mark_test_complete(node, item_index, duration)
        self._end_if_finished(scheduler)

    def mark_test_pending(self, item: str) -> None:
        """A plugin wants the test that crashed its worker again."""
        self._last_crash.mark_test_pending(item)

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """A worker gave tests back (work stealing)."""
        scheduler = self._of(node)
        scheduler.remove_pending_tests_from_node(node, indices)
        self._end_if_finished(scheduler)

    def abandon(self, environment: str) -> None:
        """No worker of an environment could be started: nobody must wait for it."""
        del self._schedulers[environment]

    def expect(self, environment: str, count: int) -> None:
        """Only ``count`` workers of an environment are left, and no more will come: nobody must wait for others."""
        if not count:
            self.abandon(environment)
            return
        scheduler = self._schedulers[environment]
        waiting = not scheduler.collection_is_completed
        scheduler.numnodes = count
        if waiting and scheduler.collection_is_completed:
            scheduler.schedule()

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker has ended; returns the test that it crashed in, if it did."""
        scheduler = self._last_crash = self._of(node)
        waiting = not scheduler.collection_is_completed
        crashed: str | None = scheduler.remove_node(node)
        if waiting and hasattr(node, "workeroutput"):
            # It ended by itself before it collected (a broken promise): nobody replaces it, so nobody must wait for it.
            scheduler.numnodes -= 1
            if scheduler.numnodes and scheduler.collection_is_completed:
                scheduler.schedule()
        return crashed

    @staticmethod
    def _end_if_finished(scheduler: Any) -> None:
        """A worker runs its last test only when it knows that it's the last: don't wait for other environments."""
        if scheduler.tests_finished:
            for node in scheduler.nodes:
                if not node.shutting_down:
                    node.shutdown()
