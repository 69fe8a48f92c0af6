"""Unit tests of `pytest_envguard.origins`."""
