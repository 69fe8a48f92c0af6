"""What a worker does that runs a few tests again: it collects their files only, and runs nothing else.

Loaded with ``-p`` into such a worker: the command line is the run's own, so that configuration, root folder and conftests
are the same, and only what is collected is less.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

MODULE = __name__
AGAIN = "envguard_again"  # key of a worker's input: what is run again, as `Again` takes it


class Again:
    """Plugin object of such a worker.

    Attributes:
        wanted: Node ids of tests, and of files whose import is tried.
        narrow: Whether other files are left alone.
        whole: Whether the tests of a wanted file are wanted as well.
    """

    def __init__(self, wanted: Sequence[str], narrow: bool, whole: bool) -> None:
        self.wanted = frozenset(wanted)
        self.narrow = narrow
        self.whole = whole

    def arguments(self, config: pytest.Config) -> list[str]:
        """Return what is collected, as the command line would have it: everything where a file can't be found."""
        files = [str(config.rootpath / nodeid.partition("::")[0]) for nodeid in sorted(self.wanted)]
        if not self.narrow or not all(Path(file).exists() for file in files):
            return config.args
        return list(dict.fromkeys(files))

    def wants(self, nodeid: str) -> bool:
        """Whether a test is to run."""
        return nodeid in self.wanted or (self.whole and nodeid.partition("::")[0] in self.wanted)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, object, object]:
        """Keep what is wanted, also what another plugin leaves out because it sees fewer tests than in the run."""
        before = list(items)
        result = yield
        left = set(map(id, items))
        items += [item for item in before if id(item) not in left]
        items[:] = [item for item in items if self.wants(item.nodeid)]
        return result


def pytest_configure(config: pytest.Config) -> None:
    """Collect only what is wanted, and don't stop at its first failure."""
    told: Iterable[Any] | None = getattr(config, "workerinput", {}).get(AGAIN)
    if told is None:
        return
    again = Again(*told)
    config.args = again.arguments(config)
    config.option.maxfail = 0
    config.pluginmanager.register(again, "envguard-again")
