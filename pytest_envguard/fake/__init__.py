"""A deployment's layout as a fake file system, on any operating system.

Built on pyfakefs, an optional dependency that is imported when a test asks for an environment. What pyfakefs has no
notion of is here: mounts that are read-only, and the order in which Linux checks before it changes anything.
"""

from __future__ import annotations

from pytest_envguard.fake.environment import FakeEnvironment, FakeEnvironments

__all__ = ["FakeEnvironment", "FakeEnvironments"]
