"""Unit tests of `pytest_envguard.model`."""
