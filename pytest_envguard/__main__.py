"""``python -m pytest_envguard`` is the `envguard` command."""

from __future__ import annotations

import sys

from pytest_envguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
