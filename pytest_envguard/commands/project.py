"""Where a command is called, and what is known there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_envguard.profiles import Catalogue


def project_folder() -> Path:
    """Return the folder with the nearest pyproject.toml, else the working folder."""
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if (place / "pyproject.toml").exists()), here)


def known_profiles() -> Catalogue:
    """Return the shipped profiles and the project's."""
    from pytest_envguard.profiles import load_catalogue

    return load_catalogue(project_folder() / "pyproject.toml", sys.version_info[:2])
