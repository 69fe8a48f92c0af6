"""Unit tests of `pytest_envguard.caches`."""
