"""Unit tests of `pytest_envguard.engine`."""
