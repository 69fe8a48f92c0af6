"""Run a test suite in the environment it will be deployed to, and learn what fails only there."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
