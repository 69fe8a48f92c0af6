"""Unit tests of `pytest_envguard.fake`."""
