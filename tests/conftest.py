"""Fixtures of all tests. Runs of pytest in pytest happen in processes of their own: namespaces can't be left again."""

from __future__ import annotations

pytest_plugins = ["pytester"]
