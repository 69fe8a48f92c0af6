"""Unit tests of `pytest_envguard.profiles`."""
