"""Unit tests of `pytest_envguard.diagnosis`."""
