"""Unit tests of `pytest_envguard.matrix`."""
