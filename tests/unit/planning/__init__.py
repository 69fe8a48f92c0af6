"""Unit tests of `pytest_envguard.planning`."""
