"""The shipped environments (one TOML file each) and the reading of a project's own."""

from __future__ import annotations

from pytest_envguard.profiles.catalogue import Catalogue, changed_selection, load_catalogue

__all__ = ["Catalogue", "changed_selection", "load_catalogue"]
