"""Unit tests of `pytest_envguard.report.merging`."""
