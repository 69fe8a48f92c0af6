"""Unit tests of `pytest_envguard.evidence`."""
